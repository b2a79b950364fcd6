"""The bodies of the job queue: identifiers only, versioned, and parsed totally."""

from __future__ import annotations

import json
from typing import Any, Final

from evertoken.domain.job import JobExpansion, JobMessage, JobStepDue, ScheduleTick

VERSION = 1
_EXPANSION: Final = "expansion"
_STEP: Final = "step"
_TICK: Final = "tick"


def encode_job_message(message: JobMessage) -> str:
    """Return the body of *message*."""
    match message:
        case JobExpansion():
            content: dict[str, object] = {"kind": _EXPANSION, "job_id": message.job_id}
        case JobStepDue():
            content = {"kind": _STEP, "job_id": message.job_id, "position": message.position}
        case ScheduleTick():
            content = {
                "kind": _TICK,
                "schedule_id": message.schedule_id,
                "scheduled_time": message.scheduled_time,
            }
    body = {"version": VERSION, "tenant_id": message.tenant_id, **content}
    return json.dumps(body, separators=(",", ":"))


def parse_job_message(body: str) -> JobMessage | None:
    """Return the message of *body*, or None when it is not one that this version understands."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or document.get("version") != VERSION:
        return None
    try:
        tenant_id = _text(document, "tenant_id")
        match document["kind"]:
            case "expansion":
                return JobExpansion(tenant_id=tenant_id, job_id=_text(document, "job_id"))
            case "step":
                position = document["position"]
                if not isinstance(position, int) or isinstance(position, bool) or position < 0:
                    return None
                return JobStepDue(tenant_id=tenant_id, job_id=_text(document, "job_id"), position=position)
            case "tick":
                return ScheduleTick(
                    tenant_id=tenant_id,
                    schedule_id=_text(document, "schedule_id"),
                    scheduled_time=str(document.get("scheduled_time", "")),
                )
            case _:
                return None
    except (KeyError, TypeError):
        return None


def _text(document: dict[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str) or not value:
        raise TypeError
    return value
