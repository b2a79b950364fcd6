import time, json, pytest
from tests.e2e.test_failures import *
from tests.e2e.conftest import *
from local.emulator.process import get_background
def test_dbg(installation):
    team = installation.team(new_name("grace"))
    profile = ProviderProfile(rotation=grace(60, uses=2), access_token_seconds=HOUR)
    with open_site(installation, team.tenant_id, rotation="grace", profile=profile) as site:
        for n in range(2):
            connected = team.connect(site.provider_id, user_id=f"u{n}")
            connection_id = connected["connection_id"]
            site.provider.script.add(drop_after_commit())
            t=time.time()
            hint(installation, team, connected)
            wait_until("the refresh is done", lambda: team.view(connection_id)["generation"] == 2, seconds=40)
            print("took", time.time()-t, [ (r.grant_type, round(r.started_at-t,2), r.fault, r.ended_at and round(r.ended_at-t,2)) for r in site.provider.ledger.requests])
    logs=installation.aws.client("logs")
    for p in logs.get_paginator("filter_log_events").paginate(logGroupName="/evertoken/local/refresher"):
        for e in p["events"]: print(e["timestamp"], e["message"][:300])
