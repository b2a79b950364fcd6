"""What a back office does with many channels: see which are due, refresh them in one job, have it done again and again, watch.

    python channel_refresh.py

There is no queue, worker or Redis to run, and nothing here is needed to keep tokens fresh: that happens by itself.
"""

from __future__ import annotations

from evertoken.client import EvertokenClient
from evertoken.client.results import AcceptedJob


def main() -> None:
    """Look, refresh, schedule, watch, cancel."""
    with EvertokenClient.from_env() as api:
        due = [
            one
            for one in api.connections.iterate(refresh_before_minutes=60)
            if one.minutes_left is None or one.minutes_left < 30
        ]
        for one in due:
            print(f"{one.display_name or one.connection_id} expires in {one.minutes_left} minutes")

        job = api.connections.refresh_many(
            connection_ids=[one.connection_id for one in due], attempts=3, wait_seconds=20
        )
        if isinstance(job, AcceptedJob):
            print(f"goes on as {job.job.job_id}; ask api.jobs.get() later")
        else:
            print(f"{job.job.succeeded}/{job.job.processed} refreshed")
            for result in job.results:
                if result.code:
                    print(f"{result.connection_id}: {result.code}, {result.message}")

        schedule = api.schedules.refresh_every(120, refresh_before_minutes=60)
        print(f"refreshes every {schedule.interval_minutes} minutes from now on: {schedule.schedule_id}")

        counts = api.jobs.list().counts
        print(f"jobs: {counts.active} active, {counts.waiting} waiting, {counts.completed} completed")
        numbers = api.statistics.get()
        print(f"{numbers.total} channels, {numbers.needing_refresh} due, {numbers.urgent} urgent")

        api.schedules.cancel(schedule.schedule_id)
        print("cancelled")


if __name__ == "__main__":
    main()
