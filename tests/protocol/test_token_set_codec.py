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
