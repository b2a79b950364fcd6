"""The running API asked at random: no 5xx but a documented 503, and no status, header or body that its document does not have."""

from __future__ import annotations

import json
from pathlib import Path

from local.fuzz import Asker, fuzz, split_operations
from tests.e2e.installation import Installation, new_name
from tests.e2e.scripted_site import open_site
from tests.support.api_document import read_document

EXAMPLES = 2
SECONDS = 60
"""About twelve on a quiet machine; `make fuzz` asks a hundred times as much."""


def test_no_answer_is_a_server_error_or_undocumented(installation: Installation, tmp_path: Path) -> None:
    document = installation.operator.get("/openapi.json")
    assert json.loads(document.text) == read_document()
    team = installation.team(new_name("fuzzed"))
    tenants, operators = split_operations()
    with open_site(installation, team.tenant_id) as site:
        connection = team.connect(site.provider_id)
        known = {"connection_id": connection["connection_id"]}
        askers = [
            Asker(token=team.caller.token, operation_ids=tenants, parameters=known),
            Asker(token=installation.operator.token, operation_ids=operators),
        ]
        found = fuzz(
            installation.base_url,
            askers,
            tmp_path,
            phases=("fuzzing",),
            examples=EXAMPLES,
            limit_seconds=SECONDS,
        )
        assert found == [], "\n".join(found)
        assert site.count_posts() <= 3 * EXAMPLES, "a provider is not asked for what has no body and no token"
