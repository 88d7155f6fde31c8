"""``touchstone gaps``: questions that were answered badly or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import click
from rich.table import Table

from app.access.principal import LOCAL
from app.catalogue import say
from app.cli.options import config_option, console, loaded, settings_for, shown_time
from app.cli.server import RunningServer, check_response, say_where
from app.errors import DataDirectoryLocked
from app.gaps.collecting import Collector
from app.gaps.inbox import Inbox, Wanted
from app.gaps.ordering import Order
from app.gaps.views import GapList, GapView
from app.storage.gap_askings import Kind
from app.storage.gaps import State

LISTED = 20
CATCH_UP_S = 600.0  # nobody waits for a page here: what was asked since is looked at to its end
STATES = (*get_args(State), "all")
Params = dict[str, str | int | float]


class ServerGaps(RunningServer):
    """Gaps over HTTP, as the operator sees them: all of them."""

    def gaps(self, params: Params) -> GapList:
        """One page."""
        with self._client() as client:
            response = client.get("/api/gaps", params=params)
        check_response(response)
        return GapList.model_validate_json(response.content)

    def csv(self, params: Params) -> tuple[bytes, str]:
        """All of them as CSV, and the codes of what has to be said about it."""
        with self._client() as client:
            response = client.get("/api/gaps", params={**params, "format": "csv"})
        check_response(response)
        return response.content, response.headers.get("X-Touchstone-Notices", "")


def filters(command: Callable[..., None]) -> Callable[..., None]:
    """Which gaps, and in what order."""
    for option in (
        click.option("--state", type=click.Choice(STATES), default="open", show_default=True),
        click.option("--kind", type=click.Choice(get_args(Kind)), help="Only gaps for this reason."),
        click.option("--collection", help="Only questions asked of this collection."),
        click.option("--days", type=click.FloatRange(0, min_open=True), help="Only what was asked since."),
        click.option("--order", type=click.Choice(get_args(Order)), default="weight", show_default=True),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def gaps(context: click.Context, config: Path | None) -> None:
    """List or export questions that were answered badly or not at all, the same question once."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_gaps)


@gaps.command("list")
@filters
@click.option("--limit", type=click.IntRange(1, 200), default=LISTED, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def list_gaps(
    config: Path | None,
    state: str = "open",
    kind: Kind | None = None,
    collection: str | None = None,
    days: float | None = None,
    order: Order = "weight",
    limit: int = LISTED,
    as_json: bool = False,
) -> None:
    """List gaps: those asked often and lately first."""
    with _opened(config) as (inbox, server):
        if server is not None:
            params = _params(state, kind, collection, days, order)
            found = server.gaps({**params, "limit": limit})
        else:
            assert inbox is not None  # noqa: S101 - one of the two is there
            wanted = _wanted(state, kind, collection, days)
            found, _ = inbox.page(wanted, order, "en", after=None, limit=limit)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    table = Table("asked", "last", "question", "why", "collections", "best", "state", "answered now")
    for each in found.data:
        table.add_row(*_row(each))
    console().print(table, markup=False)
    click.echo(f"{len(found.data)} of {found.total} gaps; {found.open} are open")
    for notice in found.notices:
        click.echo(f"note: {notice.text}")


@gaps.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@filters
@click.pass_obj
def export(
    config: Path | None,
    file: Path,
    state: str,
    kind: Kind | None,
    collection: str | None,
    days: float | None,
    order: Order,
) -> None:
    """Write gaps to a CSV FILE; no cell runs as a formula."""
    with _opened(config) as (inbox, server):
        if server is not None:
            data, told = server.csv(_params(state, kind, collection, days, order))
        else:
            assert inbox is not None  # noqa: S101 - one of the two is there
            data, notices = inbox.csv(_wanted(state, kind, collection, days), order)
            told = " ".join(say(each, "en") for each in notices)
    file.write_bytes(data)
    click.echo(f"gaps written to {file}")
    if told:
        click.echo(f"note: {told}")


@contextmanager
def _opened(config: Path | None) -> Iterator[tuple[Inbox | None, ServerGaps | None]]:
    """The gaps of the data directory, or the server that owns it."""
    settings = settings_for(config)
    try:
        with loaded(settings) as services:
            collector = Collector(services)
            try:
                inbox = Inbox(
                    services, LOCAL, collector, lambda: datetime.now(UTC), catch_up_s=CATCH_UP_S
                )
                yield inbox, None
            finally:
                collector.close()
    except DataDirectoryLocked:
        server = ServerGaps.of(settings)
        if not isinstance(server, ServerGaps):
            raise
        say_where(server)
        yield None, server


def _params(
    state: str, kind: Kind | None, collection: str | None, days: float | None, order: Order
) -> Params:
    given = {"state": None if state == "all" else state, "kind": kind, "collection": collection, "days": days}
    return {"order": order, **{name: value for name, value in given.items() if value is not None}}


def _wanted(state: str, kind: Kind | None, collection: str | None, days: float | None) -> Wanted:
    chosen = next((each for each in get_args(State) if each == state), None)
    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    return Wanted(state=chosen, kind=kind, collection=collection, since=since)


def _row(gap: GapView) -> tuple[str, ...]:
    return (
        str(gap.asked),
        shown_time(gap.last_asked_at),
        gap.question,
        ", ".join(gap.kinds),
        ", ".join(gap.collections),
        "" if gap.best_relevance is None else f"{gap.best_relevance:.2f}",
        gap.state,
        "" if gap.checked is None else f"{gap.checked.answered} of {gap.wordings}",
    )
