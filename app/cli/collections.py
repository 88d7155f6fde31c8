"""``touchstone collections`` and ``touchstone documents``: see and remove what is in the knowledge bases."""

from pathlib import Path

import click
from rich.table import Table

from app.cli.options import config_option, console, loaded, opened, preset_option, settings_for
from app.errors import BadRequest
from rerank.presets import preset as preset_named
from retrieval.types import Language

MAX_INSTRUCTION = 2_000  # characters, as everywhere an instruction is taken


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def collections(context: click.Context, config: Path | None) -> None:
    """List, describe or delete collections."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    with opened(settings_for(config)) as services:
        table = Table("collection", "documents", "chunks", "embedder", "rerank instruction")
        for each in services.collections.all():
            embedder = each.manifest.embedder_identity if each.manifest else ""
            table.add_row(each.name, str(each.documents), str(each.chunks), embedder, each.instruction)
    console().print(table, markup=False)


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
    if len(text) > MAX_INSTRUCTION:
        raise BadRequest(f"the instruction has {len(text)} characters; at most {MAX_INSTRUCTION} are kept")
    with opened(settings_for(config)) as services:
        collection = services.collections.named(name)
        version = services.collections.set_instruction(
            collection.id, text, note=note or (f"preset {preset}" if preset else "")
        )
    click.echo(f"instruction version {version} of {name!r} is in force")


@collections.command("instructions")
@click.argument("name")
@click.option("--restore", type=click.IntRange(min=1), help="Put this version into force again.")
@click.pass_obj
def instructions(config: Path | None, name: str, restore: int | None) -> None:
    """List the versions of a collection's rerank instruction; the newest is in force."""
    with opened(settings_for(config)) as services:
        collection = services.collections.named(name)
        if restore is not None:
            version = services.collections.restore_instruction(collection.id, restore)
            click.echo(f"instruction version {version} of {name!r} is in force")
            return
        table = Table("version", "since", "instruction", "note")
        for each in services.collections.instructions(collection.id):
            since = each.created_at.isoformat(timespec="seconds")
            table.add_row(str(each.version), since, each.instruction, each.note)
    console().print(table, markup=False)


@collections.command("delete")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_collection(config: Path | None, name: str, yes: bool) -> None:
    """Delete a collection with every document in it."""
    with loaded(settings_for(config)) as services:
        found = services.collections.named(name)
        if not yes:
            click.confirm(f"Delete collection {name!r} with {found.documents} documents?", abort=True)
        with services.writing() as library:
            library.delete_collection(name)
    click.echo(f"deleted collection {name!r} ({found.documents} documents, {found.chunks} chunks)")


@click.group(invoke_without_command=True)
@click.option("--collection", help="Only this one.")
@config_option
@click.pass_context
def documents(context: click.Context, collection: str | None, config: Path | None) -> None:
    """List or delete documents."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    with opened(settings_for(config)) as services:
        table = Table("collection", "document", "title", "version", "pages", "chunks")
        chosen = [services.collections.named(collection)] if collection else services.collections.all()
        for each in chosen:
            for row in services.documents.shown(each.id):
                table.add_row(
                    each.name, row.name, row.title, str(row.version), str(row.pages), str(row.chunks)
                )
    console().print(table, markup=False)


@documents.command("delete")
@click.argument("name")
@click.option("--collection", required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def delete_document(config: Path | None, name: str, collection: str, yes: bool) -> None:
    """Delete a document from a collection."""
    with loaded(settings_for(config)) as services:
        if not yes:
            click.confirm(f"Delete document {name!r} from collection {collection!r}?", abort=True)
        with services.writing() as library:
            row = library.delete(collection, name)
    click.echo(f"deleted document {name!r} ({row.chunks} chunks)")
