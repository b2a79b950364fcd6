"""A Lambda function that imports boto3, makes the clients that its work needs and does that work barely: the floor of a cold start."""

from __future__ import annotations

import compileall
import pickle
from pathlib import Path
from urllib.parse import urlsplit

from botocore import xform_name

from bench.refreshing import Recorded

_HANDLER = """
import pickle
from http.client import HTTPConnection
from pathlib import Path

import boto3

SERVICES, CALLS, REQUEST = pickle.loads(Path(__file__).with_name("work.pickle").read_bytes())
CLIENTS = {name: boto3.client(name) for name in SERVICES}


def handler(event, context):
    if not event.get("work"):
        return {}
    for service, method, parameters in CALLS:
        getattr(CLIENTS[service], method)(**parameters)
    if REQUEST is not None:
        host, port, method, path, body, headers = REQUEST
        connection = HTTPConnection(host, port)
        connection.request(method, path, body, headers)
        connection.getresponse().read()
    return {"done": True}
"""


def write_bare_function(directory: Path, recorded: Recorded) -> None:
    """Write the function into *directory*, compiled."""
    request = None
    if recorded.request is not None:
        parts = urlsplit(recorded.request.url)
        request = (
            parts.hostname,
            parts.port,
            recorded.request.method,
            parts.path,
            recorded.request.body,
            dict(recorded.request.headers),
        )
    services = sorted({service for service, _, _ in recorded.calls})
    calls = [
        (service, xform_name(operation), parameters) for service, operation, parameters in recorded.calls
    ]
    (directory / "handler.py").write_text(_HANDLER, encoding="utf-8")
    (directory / "work.pickle").write_bytes(pickle.dumps((services, calls, request)))
    compileall.compile_dir(directory, quiet=1)
