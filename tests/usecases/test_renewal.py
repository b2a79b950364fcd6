"""What renews a token set: decided by its grant first, and by the provider's entry second."""

from dataclasses import replace
from datetime import timedelta

import pytest

from evertoken.domain.grant import UNKNOWN_CONTEXT, Grant, GrantContext
from evertoken.domain.outcome import Failure, FailureKind
from evertoken.domain.provider import Provider, RefreshCredential, Rotation, RotationClass
from evertoken.domain.renewal import (
    Renewal,
    choose_renewal,
    find_fallback,
    is_past_renewal,
    may_repeat_at_once,
    may_repeat_later,
)
from evertoken.domain.token_set import TokenSet
from tests.fakes.clock import BEGIN

CREDENTIALS = {"username": "u", "password": "p", "subject": "s"}
RUN_AGAIN = [Grant.CLIENT_CREDENTIALS, Grant.SESSION_LOGIN, Grant.JWT_BEARER]
HELD = [grant for grant in Grant if grant not in RUN_AGAIN]


def provider(**facts):
    return Provider(provider_id="any", name="Any", token_endpoint="https://any.test/token", **facts)


def token_set(grant=None, *, refresh_token=None, credentials=None):
    known = GrantContext(
        grant=grant or Grant.AUTHORIZATION_CODE,
        granted_at=BEGIN,
        credentials=CREDENTIALS if credentials is None else credentials,
    )
    return TokenSet(
        access_token="a",
        issued_at=BEGIN,
        expires_at=BEGIN + timedelta(hours=1),
        refresh_token=refresh_token,
        context=UNKNOWN_CONTEXT if grant is None else known,
    )


def test_the_grants_that_run_again_are_those_that_the_domain_says():
    assert [grant for grant in Grant if grant.can_run_again] == RUN_AGAIN


@pytest.mark.parametrize("grant", Grant)
def test_a_refresh_token_goes_before_everything_where_the_provider_takes_one(grant):
    assert choose_renewal(provider(), token_set(grant, refresh_token="r")) is Renewal.REFRESH


@pytest.mark.parametrize("grant", RUN_AGAIN)
@pytest.mark.parametrize("credential", RefreshCredential)
def test_a_grant_that_can_run_again_runs_where_there_is_no_refresh_token(grant, credential):
    assert choose_renewal(provider(refresh_credential=credential), token_set(grant)) is Renewal.RUN_AGAIN


@pytest.mark.parametrize("grant", HELD)
def test_what_a_user_granted_is_renewed_by_what_the_set_holds_and_never_by_a_grant_of_the_client(grant):
    renewals = {
        credential: choose_renewal(provider(refresh_credential=credential), token_set(grant))
        for credential in RefreshCredential
    }
    assert renewals == {
        RefreshCredential.REFRESH_TOKEN: Renewal.NONE,
        RefreshCredential.ACCESS_TOKEN: Renewal.REFRESH,
        RefreshCredential.CLIENT_CREDENTIALS: Renewal.NONE,
        RefreshCredential.NONE: Renewal.NONE,
    }


def test_of_sets_from_before_grants_were_kept_the_entry_says_whether_they_are_the_clients_own():
    clients = provider(refresh_credential=RefreshCredential.CLIENT_CREDENTIALS)
    assert choose_renewal(clients, token_set()) is Renewal.RUN_AGAIN
    assert choose_renewal(provider(), token_set()) is Renewal.NONE


@pytest.mark.parametrize("grant", [Grant.SESSION_LOGIN, Grant.JWT_BEARER])
def test_a_grant_whose_credentials_were_not_kept_cannot_run_again(grant):
    assert choose_renewal(provider(), token_set(grant, credentials={})) is Renewal.NONE


@pytest.mark.parametrize("kind", FailureKind)
def test_a_grant_is_run_again_only_after_what_a_new_grant_mends(kind):
    failure = Failure(kind=kind, code="any")
    mended = (FailureKind.GRANT_DEAD, FailureKind.REJECTED, FailureKind.OUTCOME_UNKNOWN)
    fallback = find_fallback(provider(), token_set(Grant.SESSION_LOGIN, refresh_token="r"), failure)
    assert fallback is (Renewal.RUN_AGAIN if kind in mended else None)
    held = token_set(Grant.AUTHORIZATION_CODE, refresh_token="r")
    assert find_fallback(provider(), held, failure) is None


@pytest.mark.parametrize("rotation", RotationClass)
@pytest.mark.parametrize("kills", [True, False])
def test_an_unknown_outcome_is_repeated_at_once_where_that_risks_nothing(rotation, kills):
    known = provider(rotation=Rotation(kind=rotation, grace_seconds=30), refresh_kills_access_token=kills)
    forgiving = rotation in (RotationClass.STATIC, RotationClass.GRACE)
    assert may_repeat_at_once(known, Renewal.REFRESH) is forgiving
    assert may_repeat_at_once(known, Renewal.RUN_AGAIN) is False
    by_itself = replace(known, refresh_credential=RefreshCredential.ACCESS_TOKEN)
    assert may_repeat_at_once(by_itself, Renewal.REFRESH) is not kills


def test_a_grace_that_may_be_over_before_the_silence_is_noticed_is_none():
    for seconds, may in ((29, False), (30, True)):
        graced = provider(rotation=Rotation(kind=RotationClass.GRACE, grace_seconds=seconds))
        assert may_repeat_at_once(graced, Renewal.REFRESH) is may


@pytest.mark.parametrize(
    ("rotation", "credential", "within", "after"),
    [
        (RotationClass.GRACE, RefreshCredential.REFRESH_TOKEN, True, False),
        (RotationClass.GRACE, RefreshCredential.ACCESS_TOKEN, True, True),
        (RotationClass.STATIC, RefreshCredential.REFRESH_TOKEN, True, True),
        (RotationClass.STRICT, RefreshCredential.REFRESH_TOKEN, False, False),
    ],
)
def test_later_a_request_is_repeated_inside_a_grace_only(rotation, credential, within, after):
    known = provider(rotation=Rotation(kind=rotation, grace_seconds=60), refresh_credential=credential)
    for seconds, may in ((59, within), (60, after)):
        now = BEGIN + timedelta(seconds=seconds)
        assert may_repeat_later(known, Renewal.REFRESH, BEGIN, now) is may
        assert may_repeat_later(known, Renewal.REFRESH, None, now) is within, (
            "a worker died: nothing is known"
        )


def test_nothing_expired_is_renewed_where_the_provider_says_so_and_the_expiry_is_a_fact():
    held, later = token_set(Grant.AUTHORIZATION_CODE), BEGIN + timedelta(hours=1)
    never_late = provider(refreshable_after_expiry=False, access_token_lifetime_is_assumed=False)
    assert is_past_renewal(never_late, held, later)
    assert not is_past_renewal(never_late, held, later - timedelta(seconds=1))
    assert not is_past_renewal(provider(), held, later)
    assert not is_past_renewal(provider(refreshable_after_expiry=False), held, later), "an assumed expiry"
    stated = replace(held, expires_at=BEGIN + timedelta(minutes=10))
    assert is_past_renewal(provider(refreshable_after_expiry=False), stated, later)
