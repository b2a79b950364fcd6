"""docs/coming-from-the-seeds.md: every route and code that it sends people to exists, and no call of the seeds is left out."""

import json
import re

import pytest

from evertoken.entrypoints.http_answer import STATUS_OF_CODE
from evertoken.entrypoints.openapi.routes import all_routes
from local.stack import ROOT
from tests.support.api_document import read_document

PAGE = (ROOT / "docs" / "coming-from-the-seeds.md").read_text(encoding="utf-8")
SEEDS_OWN = {"META_APP_ID", "META_APP_SECRET", "REDIS_URL"} | {
    f"TIKTOK_{name}" for name in ("CLIENT_KEY", "CLIENT_SECRET", "APP_ID", "APP_SECRET")
}
"""Names in upper case that are the seeds' settings."""
CALLS = [
    "initiateOAuthFlow",
    "handleOAuthCallback",
    "getAccessToken",
    "getConnectedIntegrations",
    "refreshToken",
    "disconnectIntegration",
    "batchRefreshTokens",
    "refreshChannelToken",
    "refreshMultipleChannelTokens",
    "getChannelsNeedingTokenRefresh",
    "scheduleChannelTokenRefresh",
    "scheduleRecurringTokenRefresh",
    "cancelRecurringTokenRefresh",
    "getTokenRefreshJobsStatus",
    "getRefreshStatistics",
    "/api/video/auth/refresh-token",
    "/api/video/sessions/{session_id}",
]
FIELDS = [
    "authUrl",
    "state",
    "userId",
    "accountId",
    "maxRetries",
    "initialDelay",
    "maxDelay",
    "retryable",
    "correlationId",
    "status",
    "providerAccountId",
    "access_token",
    "token_type",
    "expires_at",
    "user.user_id",
    "user.email",
    "user.role",
    "user.name",
    "success",
    "accessToken",
    "refreshToken",
    "expiresAt",
    "error",
    "details",
    "newExpiresAt",
    "processed",
    "succeeded",
    "channelIds",
    "channelId",
    "channelType",
    "displayName",
    "localName",
    "minutesUntilExpiration",
    "hasRefreshToken",
    "refreshBeforeMinutes",
    "delayMinutes",
    "intervalMinutes",
    "jobId",
    "cancelled",
    "jobsActive",
    "jobsWaiting",
    "jobsCompleted",
    "jobsFailed",
    "totalChannels",
    "channelsNeedingRefresh",
    "channelsWithRefreshToken",
    "urgentChannels",
]


def test_every_route_that_the_page_names_exists():
    named = set(re.findall(r"\b((?:GET|POST|PUT|PATCH|DELETE) /[^\s`,;]+)", PAGE))
    assert len(named) > 15
    assert named - set(all_routes()) == set()


def test_every_code_that_the_page_names_exists():
    named = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+|UNAUTHORIZED)`", PAGE)) - SEEDS_OWN
    assert len(named) > 12
    assert named - set(STATUS_OF_CODE) == set()


@pytest.mark.parametrize("name", CALLS + FIELDS)
def test_every_call_and_field_of_the_seeds_is_on_the_page(name):
    assert re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", PAGE)


def test_every_field_of_ours_that_the_page_names_is_in_the_document():
    document = json.dumps(read_document())
    ours = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", PAGE)) - {
        "fb_exchange_token",
        "join_room",
        "oauth_failed",
    }
    assert [name for name in sorted(ours) if f'"{name}"' not in document] == []
