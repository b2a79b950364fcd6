"""The signing keys' rotation, step by step as an operator deploys it. A control plane of its own, with two keys."""

import base64
import json

from evertoken.adapters.kms_token_keys import key_name
from tests.support.control_plane import open_control_plane


def test_keys_are_walked_without_a_moment_in_which_a_live_token_fails():
    with open_control_plane(signing_keys=2) as plane:
        one, two = plane.account.signing_key_ids
        settings = {"one": (one,), "one-two": (one, two), "two-one": (two, one), "two": (two,)}
        tokens, accepted, published, signer = {}, {}, {}, {}
        for step, key_ids in settings.items():
            plane.environ["SIGNING_KEY_IDS"] = ",".join(key_ids)
            for name in plane.functions:
                plane.restart(name)
            plane.tokens.clear()
            tokens[step] = plane.operator()
            signer[step] = json.loads(base64.urlsafe_b64decode(tokens[step].split(".")[0] + "=="))["kid"]
            published[step] = [
                key["kid"] for key in plane.request("GET", "/.well-known/jwks.json").json["keys"]
            ]
            accepted[step] = {
                issued_at
                for issued_at, token in tokens.items()
                if plane.request("GET", "/v1/tenants", token=token).status == 200
            }

    first, second = key_name(one), key_name(two)
    assert signer == {"one": first, "one-two": first, "two-one": second, "two": second}
    assert published == {
        "one": [first],
        "one-two": [first, second],
        "two-one": [second, first],
        "two": [second],
    }
    assert accepted == {
        "one": {"one"},
        "one-two": {"one", "one-two"},
        "two-one": {"one", "one-two", "two-one"},
        "two": {"two-one", "two"},
    }
