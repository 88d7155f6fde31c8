"""``touchstone collections`` and ``touchstone documents``: see and remove what is in the knowledge bases."""

from pathlib import Path

import click
from rich.table import Table

from app.cli.options import config_option, console, loaded, opened, settings_for


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
@click.argument("instruction")
@click.pass_obj
def instruct(config: Path | None, name: str, instruction: str) -> None:
    """Set what the reranker should prefer in a collection ("" for the default)."""
    with opened(settings_for(config)) as services:
        services.collections.set_instruction(services.collections.named(name).id, instruction)


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
