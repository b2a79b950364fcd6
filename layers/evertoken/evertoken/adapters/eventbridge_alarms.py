"""Entries of EventBridge Scheduler, one a schedule: they send a tick to the job queue and know nothing else.

Times are UTC without a time zone of their own, an entry that fires once removes itself, and nothing else may be in the group. The tick holds the time
it was planned for, which EventBridge Scheduler fills in (https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html,
2026-11-21): a tick that it delivers twice says the same time twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from evertoken.adapters.aws_errors import error_code, unavailable_as
from evertoken.adapters.job_messages import encode_job_message
from evertoken.domain.errors import StoreUnavailableError
from evertoken.domain.job import ScheduleTick
from evertoken.domain.refresh_schedule import RefreshSchedule

if TYPE_CHECKING:
    from mypy_boto3_scheduler import EventBridgeSchedulerClient

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""What EventBridge Scheduler replaces by the time that the tick was planned for."""
RETRY_SECONDS = 3600
"""How long a tick that the queue did not take is sent again before it goes to the dead letter queue; the next one does the same work."""
_UNAVAILABLE = "EventBridge Scheduler did not answer in time. Try again."


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmTarget:
    """Where ticks go, in whose name, and where those go that could not be delivered."""

    group: str
    queue_arn: str
    role_arn: str
    dead_letter_arn: str


class EventBridgeAlarms:
    """`Alarms` on EventBridge Scheduler. Every method raises StoreUnavailableError."""

    def __init__(self, client: EventBridgeSchedulerClient, target: AlarmTarget) -> None:
        self._client = client
        self._target = target

    def set(self, schedule: RefreshSchedule) -> None:
        """Have ticks of the schedule sent to the job queue; fine when that is so already."""
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.create_schedule(
                    Name=schedule.schedule_id,
                    GroupName=self._target.group,
                    FlexibleTimeWindow={"Mode": "OFF"},
                    Target=self._describe_target(schedule),
                    **_describe_time(schedule),
                )
        except ClientError as error:
            if error_code(error) == "ServiceQuotaExceededException":
                raise StoreUnavailableError(
                    "EventBridge Scheduler has no room for another schedule. Cancel some, or have its quota raised."
                ) from error
            if error_code(error) != "ConflictException":
                raise

    def cancel(self, schedule_id: str) -> None:
        """Have no further ticks sent; fine when there are none."""
        try:
            with unavailable_as(StoreUnavailableError, _UNAVAILABLE):
                self._client.delete_schedule(Name=schedule_id, GroupName=self._target.group)
        except ClientError as error:
            if error_code(error) != "ResourceNotFoundException":
                raise

    def _describe_target(self, schedule: RefreshSchedule) -> Any:
        tick = ScheduleTick(
            tenant_id=schedule.tenant_id, schedule_id=schedule.schedule_id, scheduled_time=SCHEDULED_TIME
        )
        return {
            "Arn": self._target.queue_arn,
            "RoleArn": self._target.role_arn,
            "DeadLetterConfig": {"Arn": self._target.dead_letter_arn},
            "RetryPolicy": {"MaximumEventAgeInSeconds": RETRY_SECONDS},
            "Input": encode_job_message(tick),
        }


def _describe_time(schedule: RefreshSchedule) -> Mapping[str, Any]:
    if schedule.interval_minutes is None:
        at = _whole_second(schedule.first_fires_at).strftime("%Y-%m-%dT%H:%M:%S")
        return {"ScheduleExpression": f"at({at})", "ActionAfterCompletion": "DELETE"}
    unit = "minute" if schedule.interval_minutes == 1 else "minutes"
    return {
        "ScheduleExpression": f"rate({schedule.interval_minutes} {unit})",
        # Without it, the first tick would come at once.
        "StartDate": _whole_second(schedule.first_fires_at),
    }


def _whole_second(moment: datetime) -> datetime:
    """Return the first whole second that is not before *moment*, in UTC."""
    whole = moment.astimezone(UTC).replace(microsecond=0)
    return whole if whole == moment else whole + timedelta(seconds=1)
