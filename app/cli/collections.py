"""``touchstone collections`` and ``touchstone documents``: see and change what is in the knowledge bases."""

import shlex
from pathlib import Path

import click
from rich.table import Table

from app.catalogue import say
from app.cli.duplicates import lines
from app.cli.keeping import keeper
from app.cli.options import config_option, console, preset_option, settings_for, shown_time
from app.errors import BadRequest
from app.listings import BackView
from app.reports import notice_of
from rerank.presets import preset as preset_named
from retrieval.types import Language

LISTED = 20  # documents named one by one


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def collections(context: click.Context, config: Path | None) -> None:
    """List, make, describe or delete collections."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    with keeper(settings_for(config)) as kept:
        table = Table("collection", "documents", "chunks", "embedder", "rerank instruction")
        for each in kept.collections():
            table.add_row(each.name, str(each.documents), str(each.chunks), each.embedder, each.instruction)
    console().print(table, markup=False)


@collections.command("create")
@click.argument("name")
@click.option("--instruction", help="What its reranker should prefer, in one sentence.")
@click.pass_obj
def create(config: Path | None, name: str, instruction: str | None) -> None:
    """Make a collection; one that is there already stays as it is."""
    with keeper(settings_for(config)) as kept:
        made = kept.create(name, instruction)
    click.echo(f"collection {made.name!r} is there ({made.documents} documents, {made.chunks} chunks)")


@collections.command("instruct")
@click.argument("name")
@click.argument("instruction", required=False)
@preset_option
@click.option(
    "--language",
    type=click.Choice(["zh", "en"]),
    default="en",
    help="Of the preset (default: en, which Qwen3-Reranker reads best).",
)
@click.option("--note", default="", help="Why, for the list of versions.")
@click.pass_obj
def instruct(
    config: Path | None, name: str, instruction: str | None, preset: str | None, language: Language, note: str
) -> None:
    """Set what the reranker should prefer in a collection ("" for the default), as a new version."""
    if (instruction is None) == (preset is None):
        raise BadRequest("give an instruction or --preset")
    text = preset_named(preset).instruction(language) if preset else instruction or ""
    with keeper(settings_for(config)) as kept:
        version = kept.set_instruction(name, text, note or (f"preset {preset}" if preset else ""))
    click.echo(f"instruction version {version} of {name!r} is in force")


@collections.command("instructions")
@click.argument("name")
@click.option("--restore", type=click.IntRange(min=1), help="Put this version into force again.")
@click.pass_obj
def instructions(config: Path | None, name: str, restore: int | None) -> None:
    """List the versions of a collection's rerank instruction; the newest is in force."""
    with keeper(settings_for(config)) as kept:
        if restore is not None:
            version = kept.restore_instruction(name, restore)
            click.echo(f"instruction version {version} of {name!r} is in force")
            return
        table = Table("version", "since", "instruction", "note")
        for each in kept.instructions(name):
            since = each.created_at.isoformat(timespec="seconds")
            table.add_row(str(each.version), since, each.instruction, each.note)
    console().print(table, markup=False)


@collections.command("chunking")
@click.argument("name")
@click.option("--tokens", type=int, help="Token budget of a chunk, its context line included.")
@click.option("--overlap", type=int, help="Tokens of whole sentences repeated of the chunk before.")
@click.option("--default", "default", is_flag=True, help="As the settings say.")
@click.pass_obj
def chunking(config: Path | None, name: str, tokens: int | None, overlap: int | None, default: bool) -> None:
    """Show or set the size of a collection's chunks; what is not given stays as it is."""
    given = tokens is not None or overlap is not None
    if default and given:
        raise BadRequest("give --default or sizes, not both")
    with keeper(settings_for(config)) as kept:
        found = kept.chunking(name)
        if default:
            found = kept.set_chunking(name, None, None)
        elif given:
            own_tokens = found.own_tokens if tokens is None else tokens
            own_overlap = found.own_overlap if overlap is None else overlap
            found = kept.set_chunking(name, own_tokens, own_overlap)
    for what, value, own in (
        ("chunks of at most", found.chunk_tokens, found.own_tokens),
        ("repeating up to", found.chunk_overlap, found.own_overlap),
    ):
        click.echo(f"{what} {value} tokens ({'default' if own is None else 'set for this collection'})")
    for notice in map(notice_of, found.notices):
        click.echo(f"note: {say(notice, 'en')}")
    for document in found.outdated[:LISTED]:
        click.echo(f"  {document}")
    if len(found.outdated) > LISTED:
        click.echo(f"  ({len(found.outdated) - LISTED} more not listed)")


@collections.command("duplicates")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.pass_obj
def duplicates(config: Path | None, name: str, as_json: bool) -> None:
    """Report near-equal chunks of several documents, and versions of one text that contradict each other."""
    with keeper(settings_for(config)) as kept:
        found = kept.duplicates(name)
    click.echo(found.model_dump_json(indent=2) if as_json else "\n".join(lines(found)))


@collections.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_collection(config: Path | None, name: str, yes: bool) -> None:
    """Delete a collection with every document in it, its trash too, for good."""
    with keeper(settings_for(config), load=True) as kept:
        found = kept.collection(name)
        if not yes:
            asked = f"Delete collection {name!r} with {found.documents} documents for good?"
            click.confirm(asked, abort=True)
        gone = kept.delete_collection(name)
    click.echo(f"deleted collection {name!r} ({gone.documents} documents, {gone.chunks} chunks)")


@click.group(invoke_without_command=True)
@click.option("--collection", help="Only this one.")
@config_option
@click.pass_context
def documents(context: click.Context, collection: str | None, config: Path | None) -> None:
    """List, delete, restore or roll back documents."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    with keeper(settings_for(config)) as kept:
        table = Table("collection", "document", "title", "version", "pages", "chunks", "suspicious")
        for name in [collection] if collection else [each.name for each in kept.collections()]:
            for row in kept.documents(name):
                counts = (row.version, row.pages, row.chunks)
                flagged = "?" if row.suspicious is None else str(row.suspicious)
                table.add_row(name, row.name, row.title, *map(str, counts), flagged)
    console().print(table, markup=False)


@documents.command("delete")
@click.argument("name")
@click.option("--collection", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_document(config: Path | None, name: str, collection: str, yes: bool) -> None:
    """Move a document of a collection to the trash, where it can be restored for a while."""
    with keeper(settings_for(config), load=True) as kept:
        if not yes:
            click.confirm(f"Delete document {name!r} from collection {collection!r}?", abort=True)
        row = kept.delete_document(collection, name)
    click.echo(f"deleted document {name!r} ({row.chunks} chunks)")
    if row.restorable_until is None:
        click.echo("nothing of it is kept (trash_days is 0)")
        return
    again = shlex.join(["touchstone", "documents", "restore", name, "--collection", collection])
    click.echo(f"until {shown_time(row.restorable_until)}: {again}")


@documents.command("trash")
@click.option("--collection", help="Only this one.")
@click.pass_obj
def trash(config: Path | None, collection: str | None) -> None:
    """List deleted documents that can be restored."""
    with keeper(settings_for(config)) as kept:
        table = Table("collection", "document", "title", "version", "chunks", "deleted", "kept until")
        for name in [collection] if collection else [each.name for each in kept.collections()]:
            for row in kept.trash(name):
                times = shown_time(row.deleted_at), shown_time(row.kept_until)
                table.add_row(name, row.name, row.title, str(row.version), str(row.chunks), *times)
    console().print(table, markup=False)


@documents.command("restore")
@click.argument("name")
@click.option("--collection", required=True)
@click.pass_obj
def restore(config: Path | None, name: str, collection: str) -> None:
    """Show a deleted document again."""
    with keeper(settings_for(config), load=True) as kept:
        _tell(kept.restore(collection, name), "restored")


@documents.command("versions")
@click.argument("name")
@click.option("--collection", required=True)
@click.pass_obj
def versions(config: Path | None, name: str, collection: str) -> None:
    """List the versions of a document that are shown or kept; what has changed since each, in chunks."""
    with keeper(settings_for(config)) as kept:
        table = Table("version", "made", "kept until", "chunks", "same", "changed", "added", "removed")
        for row in kept.versions(collection, name):
            until = "(shown)" if row.kept_until is None else shown_time(row.kept_until)
            counts = (row.chunks, row.kept, row.changed, row.added, row.removed)
            table.add_row(str(row.version), shown_time(row.created_at), until, *map(str, counts))
    console().print(table, markup=False)


@documents.command("rollback")
@click.argument("name")
@click.option("--collection", required=True)
@click.option("--version", type=click.IntRange(min=1), required=True, help="`documents versions` lists them.")
@click.pass_obj
def rollback(config: Path | None, name: str, collection: str, version: int) -> None:
    """Publish an old version of a document again, as a new one."""
    with keeper(settings_for(config), load=True) as kept:
        _tell(kept.rollback(collection, name, version), f"version {version} published again")


@documents.command("purge")
@click.argument("name", required=False)
@click.option("--collection", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def purge(config: Path | None, name: str | None, collection: str, yes: bool) -> None:
    """Delete for good what is in the trash; with NAME, all that is kept of it but not shown."""
    with keeper(settings_for(config), load=True) as kept:
        if not yes:
            what = f"all that is kept of {name!r}" if name else f"the trash of collection {collection!r}"
            click.confirm(f"Delete {what} for good?", abort=True)
        gone = kept.purge(collection, name)
    click.echo(f"deleted for good: {', '.join(map(repr, gone)) or 'nothing was there'}")


def _tell(back: BackView, what: str) -> None:
    again = ", its file was read again" if back.read_again else ""
    click.echo(f"document {back.name!r}: {what} (now version {back.version}{again})")
