"""The checker of operators' documents names every problem with its line, field and mend."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalogue.sections import CORE, PARAMETERS, WHOLE, change
from tools.check_provider import check_file, main
from tools.json_lines import find_lines

ROOT = Path(__file__).parents[2]
GOOD = {
    "extends": "oauth2",
    "name": "Our CRM",
    "endpoints": {
        "authorization": "https://{account}.crm.example.com/a",
        "token": "https://{account}.crm.example.com/t",
    },
    "parameters": {"account": {"description": "The account's name."}},
    "rotation": {"kind": "grace", "grace_seconds": 60},
    "lifetimes": {"access_token_seconds": 1800},
}


def check(folder, content, *, name="my.json", is_shipped=False):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content, indent=2).encode())
    problems, provider = check_file(path, is_shipped=is_shipped)
    assert (provider is None) == bool(problems)
    return [f"{one.line}: {one.text}" for one in problems]


def line_of(document, field):
    return find_lines(json.dumps(document, indent=2)).line_of(field)


@pytest.mark.parametrize(
    ("path", "value", "field", "mend"),
    [
        ("colour", "red", "colour", "is not a field of a provider document. Remove it, or see docs/providers.md"),
        ("endpoints.tokens", "x", "endpoints.tokens", "is not a field of a provider document."),
        ("endpoints.token", "http://crm.example.com/t", "endpoints.token", "must begin with https://."),
        ("endpoints.token", "https://{account}.com/t", "endpoints.token", "must end its host in a fixed domain"),
        ("endpoints.token", "https://{account}/t", "endpoints.token", "must name a host in lower case"),
        ("endpoints.token", "https://crm.example.com/{x}", "endpoints.token", "has the placeholder {x}, which nothing fills."),
        ("parameters.account.choices", ["a", "b/c"], "parameters.account.choices", "must be a list;"),
        ("lifetimes.access_token_seconds", "1800", "lifetimes.access_token_seconds", "must be a whole number"),
        ("errors", [{"class": "grant_dead", "path": "/e", "matches": "^x"}], "errors[0].matches", "is not a field"),
    ],
)  # fmt: skip
def test_a_problem_is_named_with_its_line_its_field_and_the_mend(tmp_path, path, value, field, mend):
    document = change(GOOD, path, value)
    found = check(tmp_path, document)
    assert any(one.startswith(f"{line_of(document, field)}: {field} {mend}") for one in found), found


def test_every_problem_is_named_and_not_only_the_first(tmp_path):
    text = """{
  "name": "Our CRM",
  "colour": "red",
  "endpoints": {
    "authorization": "https://{account}.com/a",
    "token": "http://crm.example.com/t",
    "token": "http://crm.example.com/t"
  },
  "rotation": {"kind": "grace"},
  "errors": [
    {"class": "dead", "statuses": [400]},
    {"class": "grant_dead", "path": "/a", "equals": 1.5}
  ]
}
"""
    found = check(tmp_path, text.encode())
    assert [one.split(" must")[0].split(" is not")[0].split(" stands")[0] for one in found] == [
        "3: colour",
        "5: endpoints.authorization",
        "6: endpoints.token",
        "7: endpoints.token",
        "9: rotation.grace_seconds",
        "11: errors[0].class",
        "12: errors[1].equals",
    ]


def test_what_is_missing_is_named_at_the_line_of_what_should_hold_it(tmp_path):
    document = change(GOOD, "endpoints.token", ...)
    assert check(tmp_path, document) == [
        f"{line_of(document, 'endpoints')}: endpoints.token is missing. Name the token endpoint."
    ]
    assert check(tmp_path, {"name": "x"})[0].startswith("1: endpoints is missing")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "1: The file is not JSON here (column 1)"),
        (b'{"a": 1,\n "b" 2}', "2: The file is not JSON here (column 6)"),
        (b'{\n"a": "\xff"}', "2: The file is not UTF-8 here. Save it as UTF-8."),
        (b"\xef\xbb\xbf{}", "1: The file begins with a byte order mark. Save it as UTF-8 without one."),
        (b'{"limits": NaN}', "1: The file is not JSON: NaN is no JSON number."),
        (b"[\n" * 900 + b"]" * 900, "11: The file is nested deeper than 10 levels here."),
        (b'{"a":' * 8000, "1: The file is longer than 16384 bytes, the most that the API takes."),
        (b'{"a": 1' + b"0" * 5000 + b"}", "1: The file is not JSON: Exceeds the limit"),
        (b'{"a": "\\ud83d\\ude00 \\\\ud800",\n"b": "\\ud800"}', "2: The file has half of a character here"),
        (b'{"a[": "]",\n"\\udfff": 1}', "2: The file has half of a character here"),
        (b"[]", "1: The provider document must be a JSON object."),
        (b"null", "1: The provider document must be a JSON object."),
    ],
)
def test_a_file_that_is_no_document_is_refused_with_its_line(tmp_path, content, problem):
    (found,) = check(tmp_path, content)
    assert found.startswith(problem)


def test_a_file_that_is_not_there_is_said_to_be_so(tmp_path):
    problems, _ = check_file(tmp_path / "none.json", is_shipped=False)
    assert problems[0].text == "The file cannot be read: No such file or directory."


def test_a_member_that_stands_twice_is_named_with_both_lines(tmp_path):
    text = '{"extends": "oidc",\n "issuer": "https://a.example.com",\n "issuer": "https://b.example.com"}'
    assert check(tmp_path, text.encode()) == [
        "3: issuer stands twice, first in line 2. Remove one: readers of JSON disagree on which counts."
    ]


def test_lines_are_found_whatever_the_file_is_indented_with(tmp_path):
    text = '{\r\n\t"name": "\u00fc\u2028",\r\n\t"a/\\u00e9": 1,\r\n\t"endpoints": {"token":\r\n"http://x.example"}}'
    lines = find_lines(text)
    assert (lines.line_of("name"), lines.line_of("endpoints.token"), lines.line_of("errors[0].path")) == (
        2,
        4,
        1,
    )
    assert find_lines(json.dumps({"x" * 2000: 1})).line_of("a") == 1


def test_an_entry_to_be_shipped_needs_its_version_and_its_sources(tmp_path):
    document = {**change(WHOLE, "refresh.source", ...), "errors": [], "limits": []}
    del document["schema_version"]
    found = check(tmp_path, document, name="own.json", is_shipped=True)
    assert '1: schema_version is missing. Write "schema_version": 1.' in found
    assert f"{line_of(document, 'refresh')}: refresh.source is missing. Name the page" in "\n".join(found)
    assert len(found) == 2
    assert check(tmp_path, document) == []
    misnamed = check(tmp_path, WHOLE, name="other.json", is_shipped=True)
    assert (
        f"{line_of(WHOLE, 'id')}: id must be the id under which the document is stored, or absent."
        in misnamed
    )


def test_an_issuer_is_enough_where_its_metadata_will_be_asked_for(tmp_path, capsys):
    assert check(tmp_path, {"extends": "oidc", "issuer": "https://login.example.com"}) == []
    assert main([str(tmp_path / "my.json")]) == 0
    assert "from the issuer's metadata" in capsys.readouterr().out
    assert check(tmp_path, {"issuer": "http://login.example.com"}) == ["2: issuer must begin with https://."]


def test_of_a_good_document_it_is_said_what_it_says_and_what_follows_from_what_it_does_not_say(
    tmp_path, capsys
):
    assert check(tmp_path, GOOD) == []
    assert main([str(tmp_path / "my.json")]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Our CRM (my)\n")
    assert "rotation               grace, 60 s" in said
    assert "to be given            account: The account's name." in said
    assert "access token           1800 s" in said
    assert "pkce.support                     a challenge is sent all the same" in said
    assert "endpoints.revocation             a disconnect withdraws the token here" in said
    assert "rotation.kind " not in said


def test_what_is_only_remembered_is_said_not_to_be_relied_upon(tmp_path, capsys):
    source = {**WHOLE["rotation"]["source"], "confidence": "unverified"}
    check(tmp_path, {**CORE, "rotation": {"kind": "static", "source": source}, "parameters": {}})
    main([str(tmp_path / "my.json")])
    said = capsys.readouterr().out
    assert "unverified             rotation: not relied upon" in said
    assert "rotation.kind " in said


def test_each_shipped_parameter_form_is_checked(tmp_path):
    document = change(CORE, "endpoints.token", "https://{host}/token")
    document["parameters"] = {"host": {**PARAMETERS["host"], "default": "not a host"}}
    assert check(tmp_path, document) == [
        f"{line_of(document, 'parameters.host.default')}: parameters.host.default must be one part of a host or path."
    ]


def test_the_command_ends_with_one_when_there_is_a_problem(tmp_path):
    path = tmp_path / "bad.json"
    path.write_text('{\n "colour": 1}')
    ended = subprocess.run(
        [sys.executable, "-m", "tools.check_provider", str(path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (1, "")
    assert f"{path}:2: colour is not a field of a provider document." in ended.stdout
