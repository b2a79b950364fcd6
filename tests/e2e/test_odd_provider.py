"""A provider of the odd kind, which no code and no catalogue knows: put by its document over the API, and used to its end."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.entry_document import shipped_ids
from tests.e2e.http_api import document
from tests.e2e.installation import Installation, new_name
from tests.e2e.patience import wait_until
from tests.e2e.simulated_site import ORIGIN, open_simulated_site
from tests.e2e.stories import Stories

TOKEN_SECONDS = 6
"""By hand such a token is refreshed when it is a quarter of this old."""
ODD: Mapping[str, Any] = json.loads(Path("tests/conformance/odd_provider.json").read_text(encoding="utf-8"))


def document_here() -> dict[str, Any]:
    """The odd document with each host's first label as the first part of the path, and with times that a test can wait for."""
    text = json.dumps({**ODD, "id": None})
    here: dict[str, Any] = json.loads(re.sub(r"https://([\w{}]+)\.odd\.example", rf"{ORIGIN}/\1", text))
    del here["id"], here["documentation"]
    here["lifetimes"]["access_token_seconds"] = TOKEN_SECONDS
    here["limits"] = [{"requests": 5, "seconds": 5, "per": "grant"}]
    return here


def use_an_odd_provider(installation: Installation) -> dict[str, Any]:
    team = installation.team(new_name("odd"))
    with open_simulated_site(installation, team.tenant_id, document_here()) as site:
        known = document(installation.operator.get(f"/v1/providers/{site.provider_id}"))
        connected = team.connect(site.provider_id)
        connection_id = connected["connection_id"]

        def read() -> dict[str, Any]:
            token = team.read_patiently(connection_id)
            return {**token, "is_accepted": site.accepts(token["access_token"])}

        tokens = [read()]
        for _ in range(2):
            wait_until(
                "a token old enough to be refreshed by hand",
                lambda: document(team.refresh(connection_id))["outcome"] == "refreshed",
                seconds=30,
            )
            tokens.append(read())
        operations = list(site.operations)

        site.end_grant()
        wait_until(
            "the verdict",
            lambda: (
                team.read(connection_id, rejected_generation=team.view(connection_id)["generation"]).code
                == "REAUTH_REQUIRED"
            ),
            seconds=30,
        )
        dead = team.view(connection_id)

        # Somebody else connects, and leaves.
        other = team.connect(site.provider_id, user_id="ben")
        token = team.read_patiently(other["connection_id"])
        disconnected = document(team.disconnect(other["connection_id"]))
        wait_until("the provider is told", lambda: not site.accepts(token["access_token"]), seconds=30)
        return {
            "known": known,
            "connected": connected,
            "tokens": tokens,
            "operations": operations,
            "dead": dead,
            "disconnected": disconnected,
            "read_afterwards": team.read(other["connection_id"]).code,
            "last_operation": site.operations[-1],
            "hosts": {site.server.grants.all[0].values["region"]},
        }


@pytest.mark.story.with_args(use_an_odd_provider)
def test_a_provider_of_the_odd_kind_is_added_by_one_document_and_used_to_its_end(stories: Stories) -> None:
    facts = stories.wait_for(use_an_odd_provider)

    assert ODD["id"] not in shipped_ids()
    assert facts["known"]["document"]["answer"] == ODD["answer"]
    # The callback said where it is, what the document would have taken is another.
    assert facts["hosts"] == {ODD["parameters"]["region"]["example"]}
    assert facts["connected"]["status"] == "active"
    assert facts["connected"]["account"] == "subject-1"
    assert all(token["is_accepted"] for token in facts["tokens"])
    assert len({token["access_token"] for token in facts["tokens"]}) == 3
    assert all(token["extra"]["result_owner_id"] == "subject-1" for token in facts["tokens"])
    assert facts["operations"][:3] == ["code_exchange", "refresh", "refresh"]
    assert facts["dead"]["status"] == "reauthorization_required"
    assert (facts["dead"]["failure"]["cause"], facts["dead"]["failure"]["code"]) == (
        "grant_dead",
        "renewal_key_over",
    )
    assert facts["disconnected"]["status"] == "disconnected"
    assert facts["last_operation"] == "revocation"
    assert facts["read_afterwards"] == "DISCONNECTED"


@pytest.mark.parametrize(
    ("section", "member", "value", "field"),
    [
        ("answer", "token_path", "/result", "answer.token_path"),
        ("rotation", "kind", "sometimes", "rotation.kind"),
        ("requests", "refresh", {"method": "FETCH"}, "requests.refresh.method"),
        ("endpoints", "token", "http://odd.example/token", "endpoints.token"),
    ],
)
def test_a_document_that_is_wrong_is_refused_with_the_name_of_its_field(
    installation: Installation, section: str, member: str, value: Any, field: str
) -> None:
    wrong = copy.deepcopy(dict(ODD))
    del wrong["id"]
    wrong[section][member] = value

    provider = f"/v1/providers/{new_name('wrong')}"
    refused = installation.operator.put(provider, wrong)

    assert (refused.status, refused.code) == (400, "BAD_REQUEST")
    assert f"{field}:" in refused.error["message"] or f"{field} " in refused.error["message"]
    assert installation.operator.get(provider).code == "NOT_FOUND"
