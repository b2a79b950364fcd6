"""However many ask for one connection's token at once, the provider sees one request."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
import time
import pytest

from tests.e2e.installation import Installation, Team, new_name
from tests.e2e.scripted_site import ScriptedSite, open_site
from tests.support.provider_profile import STRICT_KILL, ProviderProfile

READERS = 64


@pytest.fixture(scope="module")
def team(quiet):
    return quiet.team(new_name("flight"))


@pytest.fixture(scope="module")
def site(quiet, team):
    with open_site(quiet, team.tenant_id, rotation="strict_kill", profile=ProviderProfile(rotation=STRICT_KILL)) as opened:
        yield opened

def connect_expired(site, team):
    site.provider.rules.change_profile(access_token_seconds=1)
    connected = team.connect(site.provider_id, user_id=new_name("user"), policy="lazy", publication="api_only")
    site.provider.rules.change_profile(access_token_seconds=3600)
    time.sleep(1.1)
    return connected["connection_id"]

@pytest.mark.parametrize("start", ["cold", "warm"])
def test_64(site, team, quiet, start):
    installation=quiet
    installation.aws.client('lambda').put_function_concurrency(FunctionName=installation.aws.physical_id('TokenReaderFunction'), ReservedConcurrentExecutions=6)
    c = connect_expired(site, team)
    if start=="cold":
        aws=installation.aws
        aws.client("lambda").update_function_configuration(FunctionName=aws.physical_id("TokenReaderFunction"), MemorySize=512)
    t=time.monotonic()
    n=site.count_posts()
    from collections import Counter
    codes=Counter()
    def read(_):
        b=time.monotonic()
        while True:
            a=team.caller.get(f"/v1/connections/{c}/token")
            if a.status==200 or time.monotonic()>t+60: break
            k=a.text[:80]
            codes[k]+=1
            time.sleep(.3)
        codes[a.status]+=1
        return a, time.monotonic()-b
    with ThreadPoolExecutor(READERS) as pool:
        got=list(pool.map(read, range(READERS)))
    print(start, time.monotonic()-t, max(d for _,d in got), codes, site.count_posts()-n)
