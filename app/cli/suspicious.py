"""``touchstone suspicious``: text in documents that speaks to a language model instead of a reader."""

from pathlib import Path
from urllib.parse import quote

import click

from app.access.principal import LOCAL
from app.access.visible import Visible
from app.catalogue import say
from app.cli.options import config_option, opened, settings_for
from app.cli.server import RunningServer, check_response, say_where
from app.errors import DataDirectoryLocked
from app.reports import notice_of
from app.settings import Settings
from app.suspicious import SuspiciousDocumentView, SuspiciousView, suspicious_view


class ServerSuspicious(RunningServer):
    """What was found, over HTTP."""

    def suspicious(self, collection: str, document: str | None) -> SuspiciousView:
        """What was found in a collection, or in one document of it, all pages as one."""
        params = {} if document is None else {"document": document}
        path = f"/api/collections/{quote(collection, safe='')}/suspicious"
        listed: list[SuspiciousDocumentView] = []
        while True:
            with self._client() as client:
                response = client.get(path, params=params)
            check_response(response)
            page = SuspiciousView.model_validate_json(response.content)
            listed += page.data
            if page.next_cursor is None:
                return page.model_copy(update={"data": tuple(listed)})
            params["cursor"] = page.next_cursor


@click.command()
@click.argument("collection")
@click.option("--document", help="Only this one, with every place that is kept.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def suspicious(collection: str, document: str | None, as_json: bool, config: Path | None) -> None:
    """List text in the documents of COLLECTION that speaks to a language model instead of a reader.

    Nothing is changed by it: such text is found, searched and fenced like any other. Answers of the starter
    profile do not quote it, and whoever asks is told.
    """
    found = _look(settings_for(config), collection, document)
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    for each in found.data:
        count = "never looked through" if each.found is None else f"{each.found} places"
        click.echo(f"{each.document} (version {each.version}): {count}")
        for flag in each.flags:
            place = flag.chunk_id or "in no chunk"
            click.echo(f"  {flag.reason} at {flag.start}-{flag.end} ({place}): {_one_line(flag.text)}")
        if each.found is not None and each.found > len(each.flags):
            more = each.found - len(each.flags)
            click.echo(f"  ({more} more; --document {each.document!r} lists what is kept)")
        for notice in map(notice_of, each.hidden):
            click.echo(f"  note: {say(notice, 'en')}")
    click.echo(f"{found.suspicious} documents of {found.collection!r} hold such text")
    if found.unseen:
        click.echo(f"{found.unseen} were ingested before this was looked for; `touchstone reindex` does")


def _look(settings: Settings, collection: str, document: str | None) -> SuspiciousView:
    try:
        services = opened(settings)
    except DataDirectoryLocked:
        server = ServerSuspicious.of(settings)
        if not isinstance(server, ServerSuspicious):
            raise
        say_where(server)
        return server.suspicious(collection, document)
    with services:
        named = Visible(services.collections, LOCAL).named(collection)
        return suspicious_view(services.database, named, document)


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 120 else f"{words[:119]}…"
