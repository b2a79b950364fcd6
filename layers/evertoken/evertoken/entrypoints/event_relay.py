"""Batches of the table's stream: what connections' rows went through becomes ledger entries and events.

Lambda delivers a batch again from the first record that is named as failed, and cuts out one that fails for good
(https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html, read 2026-11-21). No record is ever logged.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evertoken.adapters.dynamodb_items import from_item, is_newer
from evertoken.adapters.dynamodb_values import Item
from evertoken.bootstrap import build_relaying
from evertoken.domain.connection import Connection
from evertoken.entrypoints.invocation import LambdaContext
from evertoken.entrypoints.telemetry import Telemetry
from evertoken.settings import EventRelaySettings
from evertoken.usecases.relay_changes import RelayDependencies, RowChange, relay_changes


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRelayEntrypoint:
    """The event relay as Lambda calls it."""

    dependencies: RelayDependencies
    telemetry: Telemetry

    def handle(self, event: Mapping[str, Any], context: LambdaContext) -> dict[str, list[dict[str, str]]]:
        """Tell one batch and name the first record that could not be told."""
        del context
        records = event.get("Records", [])
        changes = self._read(records)
        relayed = relay_changes(self.dependencies, changes)
        failed = relayed.first_failure
        if failed is None and len(changes) < len(records):
            failed = len(changes)
        self.telemetry.log(
            "batch",
            records=len(records),
            entries=relayed.entries,
            events=relayed.events,
            failed_at=None if failed is None else _sequence_number(records[failed]),
        )
        self.telemetry.flush()
        if failed is None:
            return {"batchItemFailures": []}
        return {"batchItemFailures": [{"itemIdentifier": _sequence_number(records[failed])}]}

    def _read(self, records: list[dict[str, Any]]) -> list[RowChange]:
        """Return the changes of the records before the first that cannot be read; that one is logged by its place alone."""
        changes: list[RowChange] = []
        for record in records:
            try:
                changes.append(self._parse(record["dynamodb"]))
            except Exception as error:  # noqa: BLE001  # whatever it is, the records before it have to be told
                self.telemetry.defect(error)
                break
        return changes

    def _parse(self, change: Mapping[str, Any]) -> RowChange:
        images = [decode_image(change[name]) if name in change else None for name in ("OldImage", "NewImage")]
        if any(image is not None and is_newer(image) for image in images):
            # A newer version writes and an older relay still runs: for the minutes of an upgrade its changes go untold, and nothing waits for them.
            self.telemetry.log("newer_schema", sequence_number=str(change["SequenceNumber"]))
            self.telemetry.count("ChangesUntold", 1)
            return None, None
        old, new = (_row(image) for image in images)
        return old, new


def decode_image(image: Mapping[str, Any]) -> Item:
    """Return the item of a stream record's image: JSON carries bytes as base64."""
    return {
        name: {"B": base64.b64decode(value["B"])} if "B" in value else value for name, value in image.items()
    }


def _row(image: Item | None) -> Connection | None:
    return None if image is None else from_item(image)


def _sequence_number(record: Mapping[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])


def build_event_relay(environ: Mapping[str, str]) -> EventRelayEntrypoint:
    """Return the event relay for this environment. Raises ConfigurationError."""
    settings = EventRelaySettings.from_env(environ)
    return EventRelayEntrypoint(
        dependencies=build_relaying(settings),
        telemetry=Telemetry(stage=settings.stage, service="event_relay"),
    )
