"""Table streams deliver as Lambda's event source mapping does, from a thread of their own.

The emulator ignores ReportBatchItemFailures (a silent loss), never bisects, never gives up, lets one slow consumer stall every
queue, and forgets pending records over a restart while the mapping keeps its position (so it then skips as many new ones).
https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html (read 2026-11-21).
"""

# ruff: noqa: SLF001 - the emulator has no public way to these
from __future__ import annotations

import copy
import json
import re
import threading
import time
from typing import Any

from local.emulator.patching import get_module, replace, require

PAUSE_SECONDS = 0.1
FIRST_RETRY_SECONDS = 0.2
LONGEST_RETRY_SECONDS = 5.0
RECORDS_KEY, TRIMMED_KEY = "strict_stream_records", "strict_stream_trimmed"
UNLIMITED = 1_000_000
_TABLE = re.compile(r"arn:aws:dynamodb:([^:]+):([^:]+):table/([^/]+)/stream/")

# Set in the stream thread while it polls, so that its invocations, and no others, are delivered strictly.
_in_stream_thread = threading.local()


def find_first_failure(answer: Any, sequence_numbers: list[str]) -> int | None:
    """Return the index of the lowest failed record of a partial batch response, or None when all succeeded.

    An identifier that is not in the batch fails the whole batch, as on AWS.
    """
    body = json.loads(answer) if isinstance(answer, str) and answer.startswith("{") else answer
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    if not failures:
        return None
    named = [failure.get("itemIdentifier") for failure in failures]
    return min(sequence_numbers.index(name) if name in sequence_numbers else 0 for name in named)


class StrictDelivery:
    """One batch on its way to one function: retries, bisection, checkpoints and the failure destination."""

    def __init__(
        self, service: Any, execute: Any, mapping: dict[str, Any], function: Any, event: dict[str, Any]
    ) -> None:
        """Read the mapping's settings; ``execute`` is the emulator's own invocation."""
        self._service, self._execute, self._mapping = service, execute, mapping
        self._function, self._event = function, event
        retries = mapping.get("MaximumRetryAttempts")
        self._retries = UNLIMITED if retries in (None, -1) else int(retries)
        self._bisects = bool(mapping.get("BisectBatchOnFunctionError"))
        self._reports = "ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or [])

    def deliver(self, records: list[dict[str, Any]], attempts: int = 0) -> None:
        """Invoke until every record is done or given up."""
        while records:
            result = self._invoke(records)
            failed_at = self._failed_at(result, records)
            if failed_at is None:
                return
            if failed_at:
                records, attempts = records[failed_at:], 0  # what came before is checkpointed
            attempts += 1
            if self._bisects and len(records) > 1:
                half = len(records) // 2
                self.deliver(records[:half], attempts - 1)
                records, attempts = records[half:], 0
            elif attempts > self._retries:
                self._give_up(records, result)
                return
            else:
                time.sleep(min(FIRST_RETRY_SECONDS * 2 ** min(attempts, 5), LONGEST_RETRY_SECONDS))

    def _invoke(self, records: list[dict[str, Any]]) -> Any:
        _in_stream_thread.delivering = True
        try:
            return self._execute(self._function, {**self._event, "Records": records})
        finally:
            _in_stream_thread.delivering = False

    def _failed_at(self, result: Any, records: list[dict[str, Any]]) -> int | None:
        if result.get("error"):
            return 0
        if not self._reports:
            return None
        return find_first_failure(
            result.get("body"), [record["dynamodb"]["SequenceNumber"] for record in records]
        )

    def _give_up(self, records: list[dict[str, Any]], result: Any) -> None:
        arn = records[0].get("eventSourceARN")
        self._service._send_ddb_stream_failure_record(
            self._mapping, self._function, records, arn, result, "RetryAttemptsExhausted"
        )


def _deliver_strictly(service: Any) -> Any:
    def build(original: Any) -> Any:
        def execute_function(function: Any, event: Any) -> Any:
            polling = getattr(_in_stream_thread, "polling", False)
            if not polling or getattr(_in_stream_thread, "delivering", False):
                return original(function, event)
            records = event["Records"]
            arn = records[0].get("eventSourceARN")
            name = (function.get("config") or function)["FunctionName"]
            mapping: dict[str, Any] = next(
                (
                    found
                    for _, _, found in service._iter_all_esms()
                    if found.get("EventSourceArn") == arn
                    and found.get("FunctionName", "").split(":")[-1] == name
                ),
                {},
            )
            StrictDelivery(service, original, mapping, function, event).deliver(records)
            return {"body": {}}

        return execute_function

    return build


def _clamp_positions(service: Any, dynamodb: Any) -> None:
    """Bring a mapping whose position lies beyond the stream's end (after a crash) back to the oldest record."""
    positions = service._dynamodb_stream_positions._data
    for _, _, mapping in service._iter_all_esms():
        match = _TABLE.match(mapping.get("EventSourceArn", ""))
        key = next((key for key in list(positions) if key[-1] == mapping["UUID"]), None)
        if match is None or key is None:
            continue
        region, account, table = match.groups()
        where = {"account_id": account, "region": region}
        if positions[key] > dynamodb.stream_end_position(table, **where):
            positions[key] = dynamodb.stream_start_position(table, **where)


def _poll_in_own_thread(service: Any, dynamodb: Any) -> Any:
    def build(original: Any) -> Any:
        def loop() -> None:
            _in_stream_thread.polling = True
            while True:
                try:
                    _clamp_positions(service, dynamodb)
                    busy = original()
                except Exception:  # one bad mapping must not end the thread that serves all
                    service.logger.exception("stream poller")
                    busy = False
                if not busy:
                    time.sleep(PAUSE_SECONDS)

        started: list[threading.Thread] = []

        def poll_dynamodb_streams() -> bool:
            # First called by the emulator's own poller, when the state has been loaded.
            if not started:
                started.append(threading.Thread(target=loop, daemon=True, name="strict-streams"))
                started[0].start()
            return False

        return poll_dynamodb_streams

    return build


def _keep_records(dynamodb: Any) -> None:
    def save(original: Any) -> Any:
        def get_state() -> dict[str, Any]:
            return {
                **(original() or {}),
                RECORDS_KEY: copy.deepcopy(dynamodb._stream_records),
                TRIMMED_KEY: copy.deepcopy(dynamodb._stream_trimmed),
            }

        return get_state

    def load(original: Any) -> Any:
        def load_persisted_state(data: dict[str, Any]) -> None:
            original(data)
            dynamodb._stream_records.update((data or {}).get(RECORDS_KEY) or {})
            dynamodb._stream_trimmed.update((data or {}).get(TRIMMED_KEY) or {})

        return load_persisted_state

    replace(dynamodb, "get_state", save)
    replace(dynamodb, "load_persisted_state", load)


def apply() -> None:
    """Poll streams in a thread of their own, deliver strictly, keep records over a restart."""
    service, dynamodb = get_module("services.lambda_svc"), get_module("services.dynamodb")
    require(
        service, "_iter_all_esms", "_send_ddb_stream_failure_record", "_dynamodb_stream_positions", "logger"
    )
    require(dynamodb, "_stream_records", "_stream_trimmed", "stream_end_position", "stream_start_position")
    replace(service, "_execute_function", _deliver_strictly(service))
    replace(service, "_poll_dynamodb_streams", _poll_in_own_thread(service, dynamodb))
    _keep_records(dynamodb)
