"""`evertoken jobs`."""

from __future__ import annotations

import time

import click

from evertoken.client.command.exit_code import ExitCode
from evertoken.client.command.output import instant, json_option, print_json, print_table
from evertoken.client.command.session import open_client

_ASK_EVERY_SECONDS = 2.0
_ENDED = ("completed", "failed")


@click.command()
@click.argument("job_id", required=False)
@click.option(
    "--wait", is_flag=True, help="Wait until the job has ended; exit status 1 when any of it failed."
)
@json_option
def jobs(job_id: str | None, *, wait: bool, as_json: bool) -> None:
    """List jobs, or show one with the result of each connection."""
    if job_id is None:
        if wait:
            raise click.UsageError("Name the job to wait for.")
        _list(as_json=as_json)
        return
    with open_client() as client:
        progress = client.jobs.get(job_id)
        while wait and progress.job.status not in _ENDED:
            time.sleep(_ASK_EVERY_SECONDS)
            progress = client.jobs.get(job_id)
    if as_json:
        print_json(progress)
    else:
        job = progress.job
        click.echo(
            f"{job.job_id} {job.status}: {job.succeeded} succeeded, {job.failed} failed, of {job.total}"
        )
        rows = [
            (
                one.connection_id or f"{one.provider} {one.account}",
                one.status,
                one.outcome or one.code or "",
                str(one.attempts),
                one.message or "",
            )
            for one in progress.results
        ]
        headings = ("connection", "status", "outcome", "attempts", "message")
        print_table(headings, rows, empty="It has no results yet.")
    if wait and progress.job.status == "failed":
        click.get_current_context().exit(ExitCode.REFUSED)


def _list(*, as_json: bool) -> None:
    with open_client() as client:
        found = client.jobs.list()
    if as_json:
        print_json(found)
        return
    rows = [
        (
            one.job_id,
            one.kind,
            one.status,
            f"{one.processed}/{one.total}",
            str(one.failed),
            instant(one.created_at),
        )
        for one in found.jobs
    ]
    print_table(("job", "kind", "status", "done", "failed", "created"), rows, empty="No jobs.")
