"""What the table's stream says of a row that went through a list of versions."""

from __future__ import annotations

import base64
import json
from typing import Any

from evertoken.adapters.dynamodb_items import to_item
from evertoken.domain.connection import Connection


def history_of(versions: list[Connection]) -> list[tuple[Connection | None, Connection]]:
    """The changes of one row, as the table's stream has them."""
    return list(zip([None, *versions], versions, strict=False))


def image_of(row: Connection | None) -> Any:
    """An image as a stream record has it: JSON, bytes as base64."""
    if row is None:
        return None
    return {
        name: {"B": base64.b64encode(value["B"]).decode()} if "B" in value else value
        for name, value in to_item(row, 4).items()
    }


def record_of(position: int, old: Connection | None, new: Connection | None) -> dict[str, Any]:
    images = {"OldImage": image_of(old), "NewImage": image_of(new)}
    change = {name: image for name, image in images.items() if image is not None}
    record = {
        "dynamodb": {**change, "SequenceNumber": f"{position:04d}", "StreamViewType": "NEW_AND_OLD_IMAGES"}
    }
    return json.loads(json.dumps(record))


def records_of(versions: list[Connection]) -> list[dict[str, Any]]:
    return [record_of(number, old, new) for number, (old, new) in enumerate(history_of(versions))]
