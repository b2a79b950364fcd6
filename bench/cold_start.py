"""Cold starts of the built functions under AWS's own runtime client, beside a function that imports boto3 and makes the clients.

Both sides run in the same bare environment (awslambdaric and boto3) with compiled bytecode. Two answers are timed from the spawn: one
without any AWS call (a caller without a token, a hint that is none), and a real one (a token is read, a token is refreshed), where the other
side makes the same AWS calls and the same POST.
"""

from __future__ import annotations

import compileall
import statistics
import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.api_token import ApiKey, read_event
from bench.canned_aws import CannedAws, InProcessAws, install
from bench.canned_server import serving
from bench.environments import Context
from bench.interleave import median_ratio
from bench.provider_process import running_provider
from bench.refreshing import ENVIRON, BenchError, build, record_floor
from bench.report import Figure, Report
from bench.sample import Sample, hint_of
from botocore import xform_name
from evertoken.adapters.sqs_messages import encode_hint
from evertoken.domain.connection import Connection
from evertoken.entrypoints.token_reader import build_token_reader
from local.stack import LOCAL, LocalStack
from tests.support.lambda_function import BuiltFunction, load_built_functions
from tests.support.lambda_sandbox import LambdaSandbox

STARTS = 10
BUDGET = 1.5
