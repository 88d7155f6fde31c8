"""``touchstone chunks``: how a file would be cut. Nothing is kept and no model is loaded."""

from pathlib import Path
from urllib.parse import quote

import click

from app.catalogue import say
from app.chunking import chunk_settings
from app.cli.options import config_option, settings_for
from app.cli.server import RunningServer, check_response, say_where
from app.preview import PreviewChunkView, PreviewView, preview
from app.reports import notice_of
from app.settings import Settings
from app.storage.collections import Chunking
from app.storage.lock import present_owner
from ingest.errors import IngestError
from ingest.load import clean_name, load


class ServerPreviews(RunningServer):
    """Previews over HTTP."""

    def file(self, path: Path, asked: Chunking, password: str) -> PreviewView:
        """How a file would be cut, without keeping it."""
        sizes = {"chunk_tokens": asked.tokens, "chunk_overlap": asked.overlap}
        given = {name: value for name, value in sizes.items() if value is not None}
        with path.open("rb") as file, self._client() as client:
            response = client.post(
                "/api/preview",
                params={"name": path.name, **given},
                headers={"Document-Password": quote(password, safe="")},
                content=file,
            )
        check_response(response)
        return PreviewView.model_validate_json(response.content)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--tokens", type=int, help="Token budget of a chunk, its context line included.")
@click.option("--overlap", type=int, help="Tokens of whole sentences repeated of the chunk before.")
@click.option("--password", is_flag=True, help="Ask for the password of an encrypted file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@config_option
def chunks(
    file: Path,
    tokens: int | None,
    overlap: int | None,
    password: bool,
    as_json: bool,
    config: Path | None,
) -> None:
    """Show the chunks of FILE as ingestion would cut them.

    Through the running server where there is one: it counts tokens with its reranker's tokenizer. Without
    one they are estimated.
    """
    settings = settings_for(config)
    secret = click.prompt("Password", hide_input=True, err=True) if password else ""
    owner, asked = present_owner(settings.data_dir), Chunking(tokens, overlap)
    try:
        if owner is not None and owner.url:
            server = ServerPreviews(owner.url, owner.token)
            say_where(server)
            found = server.file(file, asked, secret)
        else:
            found = _here(file, asked, settings, secret)
    except OSError as error:
        said = f"{file}: cannot be read ({error.strerror}); check the path"
        raise IngestError("not_found", said) from error
    if as_json:
        click.echo(found.model_dump_json(indent=1))
        return
    for each in found.chunks:
        _print(each)
    _print_summary(found)


def _here(file: Path, asked: Chunking, settings: Settings, password: str) -> PreviewView:
    cut = chunk_settings(settings.ingest, asked)
    source = load(file, name=clean_name(file.name), collection="", document_id="", settings=cut)
    return preview(source, cut, password=password)


def _print(chunk: PreviewChunkView) -> None:
    pages = f", p. {'-'.join(map(str, sorted({chunk.pages[0], chunk.pages[-1]})))}" if chunk.pages else ""
    click.echo(f"[{chunk.ordinal}] {chunk.tokens} tokens{pages}, {chunk.start}-{chunk.end}: {chunk.context}")
    if chunk.lead:
        click.echo(f"    (table header) {chunk.lead}")
    click.echo("".join(f"    {line}\n" for line in chunk.text.splitlines()))


def _print_summary(found: PreviewView) -> None:
    summary = found.summary
    counted = "estimated" if found.estimated else "counted with the reranker's tokenizer"
    click.echo(
        f"{found.name}: {summary.chunks} chunks of at most {found.chunk_tokens} tokens, up to "
        f"{found.chunk_overlap} repeated; {summary.tokens} tokens ({counted}), {summary.tokens_min} to "
        f"{summary.tokens_max} a chunk, median {summary.tokens_median}"
    )
    for notice in map(notice_of, found.notices):
        click.echo(f"note: {say(notice, 'en')}")
