"""The journal's form of a token set."""

import json
from datetime import timedelta

from evertoken.domain.grant import UNKNOWN_CONTEXT, Grant, GrantContext
from evertoken.domain.token_set_codec import decode_token_set, encode_token_set
from tests.protocol.clients import NOW, make_token_set


def test_a_set_comes_back_as_it_was_with_how_its_grant_was_obtained():
    token_set = make_token_set(
        expires_at=NOW + timedelta(hours=1),
        refresh_token_expires_at=NOW + timedelta(days=90),
        extra={"team_id": "T1"},
        token_type="OAuth",
        context=GrantContext(
            grant=Grant.SESSION_LOGIN,
            granted_at=NOW,
            parameters={"shop": "acme"},
            redirect_uri="https://t.example.org/cb",
            credentials={"username": "ada", "password": "a:b% +&é€"},
            scopes=("read", "write"),
        ),
    )
    assert decode_token_set(encode_token_set(token_set)) == token_set
    plain = make_token_set()
    assert decode_token_set(encode_token_set(plain)) == plain


def test_a_set_that_was_written_before_the_context_was_kept_can_be_read():
    document = json.loads(encode_token_set(make_token_set()))
    assert "context" not in document
    assert decode_token_set(json.dumps(document).encode()).context == UNKNOWN_CONTEXT


def test_what_is_unknown_of_a_context_stays_unknown():
    token_set = make_token_set(context=GrantContext(grant=Grant.CLIENT_CREDENTIALS))
    assert decode_token_set(encode_token_set(token_set)) == token_set


def test_what_earlier_releases_wrote_can_be_read_letter_by_letter():
    written = (
        '{"access_token":"at-1","token_type":"Bearer","expires_at":1795266000000,"issued_at":1795262400000,"scope":"a b",'
        '"refresh_token":"rt-1","refresh_token_expires_at":null,"subject":null,"extra":{"team_id":"T1"}'
    )
    context = (
        ',"context":{"grant":"client_credentials","granted_at":1795262400000,"parameters":{},"redirect_uri":null,'
        '"credentials":{}}'
    )
    before_contexts = decode_token_set(f"{written}}}".encode())
    assert (before_contexts.refresh_token, before_contexts.context) == ("rt-1", UNKNOWN_CONTEXT)
    assert before_contexts.expires_at - before_contexts.issued_at == timedelta(hours=1)
    before_scopes = decode_token_set(f"{written}{context}}}".encode())
    assert (before_scopes.context.grant, before_scopes.context.scopes) == (Grant.CLIENT_CREDENTIALS, None)
