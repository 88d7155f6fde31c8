"""``touchstone jobs``: what is being ingested, what failed and why; cancel and retry."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import get_args

import click
from rich.table import Table

from app.access.principal import LOCAL
from app.cli.following import AnyDesk
from app.cli.options import config_option, console, opened, settings_for
from app.cli.server import RunningServer, say_where
from app.desk import Desk
from app.errors import DataDirectoryLocked
from app.jobs.views import JobView
from app.settings import Settings
from app.storage.job_types import State


@contextmanager
def desk_for(settings: Settings, *, work: bool = False) -> Iterator[AnyDesk]:
    """The desk of the data directory: that of the server which runs on it, else of this process.

    ``work``: load the models here and let the workers run until the end.
    """
    try:
        services = opened(settings)
    except DataDirectoryLocked:
        server = RunningServer.of(settings)
        if server is None:
            raise
        say_where(server)
        yield server
        return
    with services:
        if work:
            services.load()
            services.ingestion.start()
        yield Desk(services, LOCAL)


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def jobs(context: click.Context, config: Path | None) -> None:
    """List, show, cancel or retry jobs."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_jobs)


@jobs.command("list")
@click.option("--collection", default="", help="Only those of this collection.")
@click.option("--state", "states", multiple=True, type=click.Choice(get_args(State)))
@click.option("--limit", type=click.IntRange(1, 200), default=50, show_default=True)
@click.pass_obj
def list_jobs(
    config: Path | None, collection: str = "", states: tuple[State, ...] = (), limit: int = 50
) -> None:
    """List jobs, newest first."""
    with desk_for(settings_for(config)) as desk:
        found = desk.jobs(collection=collection, states=states, limit=limit)
    table = Table("job", "collection", "name", "state", "at", "tries", "left", "why")
    for job in found.data:
        left = "" if job.seconds_left is None else f"{job.seconds_left:.0f} s"
        table.add_row(
            job.id, job.collection, job.name, job.state, _at(job), str(job.attempt), left, job.message
        )
    console().print(table, markup=False)
    if found.next_cursor is not None:
        click.echo(f"(the newest {limit}; there are more)", err=True)


@jobs.command("show")
@click.argument("job_id")
@click.pass_obj
def show(config: Path | None, job_id: str) -> None:
    """Show a job and what happened to it."""
    with desk_for(settings_for(config)) as desk:
        detail = desk.job(job_id)
    job = detail.job
    print(f"{job.name} in {job.collection!r}: {job.state} {_at(job)}".rstrip())
    if job.message:
        print(f"{job.code}: {job.message}")
    for event in detail.events:
        print(f"{_clock(event.at)}  {event.state} {event.code} {event.message}".rstrip())
    for attempt in detail.attempts:
        ended = _clock(attempt.ended_at) if attempt.ended_at else "now"
        span = f"{_clock(attempt.started_at)} to {ended}"
        print(f"try {attempt.number} from {attempt.step} by {attempt.worker}, {span}: {attempt.outcome}")


@jobs.command("cancel")
@click.argument("job_ids", nargs=-1, required=True)
@click.pass_obj
def cancel(config: Path | None, job_ids: tuple[str, ...]) -> None:
    """Cancel jobs; what they have done so far is removed."""
    with desk_for(settings_for(config)) as desk:
        for job_id in job_ids:
            job = desk.cancel_job(job_id)
            print(f"{job.name}: {job.state}")


@jobs.command("retry")
@click.argument("job_ids", nargs=-1, required=True)
@click.option("--password", is_flag=True, help="Ask for the password of an encrypted file.")
@click.pass_obj
def retry(config: Path | None, job_ids: tuple[str, ...], password: bool) -> None:
    """Try failed jobs again, at the step that failed."""
    secret = click.prompt("Password", hide_input=True, err=True) if password else ""
    with desk_for(settings_for(config), work=True) as desk:
        for job_id in job_ids:
            job = desk.retry_job(job_id, secret)
            print(f"{job.name}: {job.state}")
        if isinstance(desk, Desk):
            for end in desk.finish(job_ids):
                print(f"{end.name}: {end.state} {end.message}".rstrip())


def _at(job: JobView) -> str:
    if job.state in ("ready", "cancelled"):
        return ""
    if job.progress is not None:
        return f"{job.progress.stage} {job.progress.done}/{job.progress.total}"
    if job.state == "failed":
        return job.step
    return "running" if job.running else f"waits behind {job.ahead}"


def _clock(at: datetime) -> str:
    return at.astimezone().strftime("%Y-%m-%d %H:%M:%S")
