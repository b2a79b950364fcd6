"""What AWS answers in the benches: written down beforehand, so that the other side of a call costs next to nothing.

It grants every lease and accepts every commit, and knows no state but how often each connection was written: that AWS does what it
should is the tests' business. Every bench checks that its work came to the end that it was meant to come to.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bench.provider_process import CLIENT_SECRET
from bench.sample import SHARDS, Sample
from evertoken.adapters.dynamodb_items import to_item
from evertoken.adapters.dynamodb_registrations import DynamoDBRegistrations
from evertoken.adapters.dynamodb_values import encode_item
from evertoken.domain.connection import Connection, Lease, PublicationMode

_SORT_KEY = re.compile(rb'"sk":\s*{"S":\s*"([^"]+)"}')


class CannedAws:
    """Answers by operation and sort key; safe under threads as long as each connection is one thread's."""

    def __init__(self, sample: Sample, rows: Iterable[Connection], *, public_key: bytes = b"") -> None:
        self._reads = {
            f"DATAKEY#{sample.month}": _item(encode_item({"wrapped": b"wrapped", "created_at": sample.now})),
            "bench": b"{}",
        }
        self._reads |= {}
        self._writes: dict[str, tuple[bytes, ...]] = {}
        self._written: Counter[str] = Counter()
        for row in rows:
            name = f"CONNECTION#{row.connection_id}"
            self._reads[name] = _item(to_item(row, SHARDS))
            self._writes[name] = tuple(_attributes(to_item(one, SHARDS)) for one in _refreshed(row))
        self._others = {
            "Decrypt": _json({"Plaintext": _base64(sample.data_key), "KeyId": "key"}),
            "GetPublicKey": _json({"PublicKey": _base64(public_key), "KeySpec": "ECC_NIST_P256"}),
            "GetSecretValue": _json({"SecretString": json.dumps({"client_secret": CLIENT_SECRET})}),
            "PutSecretValue": _json({"Name": "secret", "VersionStages": ["AWSCURRENT"]}),
        }
