from tests.e2e.test_paused_registration import *
def test_zz(quiet):
    logs=quiet.aws.client("logs")
    for p in logs.get_paginator("filter_log_events").paginate(logGroupName="/evertoken/local/refresher"):
        for e in p["events"]:
            if any(w in e["message"] for w in ("not_attended","defect","REPORT","\"batch\"","Timed")): print(e["timestamp"], e["message"][:260])
