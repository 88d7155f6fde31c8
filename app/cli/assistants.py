"""``touchstone assistants``: named ways of asking."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import click
from rich.table import Table

from app.access.accounts import Accounts
from app.access.principal import LOCAL
from app.assistants import Assistants, AssistantView
from app.cards import Template
from app.cli.options import config_option, console, settings_for
from app.snippets import Snippets
from app.storage.assistants import AssistantRows
from app.storage.collections import Collections
from app.storage.database import open_database
from app.storage.snippets import SnippetRows

instruction_option = click.option(
    "--instruction", help="What the reranker should prefer and the generator is told."
)
template_option = click.option(
    "--template", type=click.Choice(get_args(Template)), help="answer: as in chat; sales: a card."
)
collection_option = click.option(
    "--collection", "collections", multiple=True, help="A knowledge base that it asks; several: all of them."
)


@contextmanager
def assistants_of(config: Path | None) -> Iterator[tuple[Assistants, Snippets]]:
    """Assistants and snippets, also while a server owns the data directory."""
    settings = settings_for(config)
    database = open_database(settings.data_dir, settings.database_busy_s)
    rows, snippets = AssistantRows(database, now=_now), SnippetRows(database, now=_now)
    accounts = Accounts(database, settings=settings.access)
    try:
        yield (
            Assistants(
                LOCAL,
                database=database,
                collections=Collections(database, now=_now),
                rows=rows,
                snippets=snippets,
                audit=accounts.audit,
            ),
            Snippets(LOCAL, database=database, assistants=rows, rows=snippets, accounts=accounts),
        )
    finally:
        database.close()


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def assistants(context: click.Context, config: Path | None) -> None:
    """List, make, change or delete assistants: knowledge bases, an instruction and a template by name."""
    context.obj = config
    if context.invoked_subcommand is None:
        context.invoke(list_assistants)


@assistants.command("list")
@click.pass_obj
def list_assistants(config: Path | None) -> None:
    """List assistants with the number of their snippets."""
    table = Table("assistant", "template", "knowledge bases", "approved", "drafts", "expired")
    with assistants_of(config) as (known, _):
        for each in known.all():
            counts = (each.snippets.approved, each.snippets.draft, each.snippets.expired)
            table.add_row(each.name, each.template, ", ".join(each.collections), *map(str, counts))
    console().print(table, markup=False)


@assistants.command("add")
@click.argument("name")
@collection_option
@template_option
@instruction_option
@click.pass_obj
def add(
    config: Path | None,
    name: str,
    collections: tuple[str, ...],
    template: Template | None,
    instruction: str | None,
) -> None:
    """Make an assistant."""
    with assistants_of(config) as (known, _):
        made = known.create(name, template or "answer", instruction or "", collections)
    _say(made)


@assistants.command("edit")
@click.argument("name")
@click.option("--name", "new_name", help="Call it otherwise.")
@collection_option
@template_option
@instruction_option
@click.pass_obj
def edit(
    config: Path | None,
    name: str,
    new_name: str | None,
    collections: tuple[str, ...],
    template: Template | None,
    instruction: str | None,
) -> None:
    """Change an assistant; what is not given stays. Collections that are given take the place of all."""
    with assistants_of(config) as (known, _):
        changed = known.change(
            known.named(name).id,
            lambda _: None,
            name=new_name,
            template=template,
            instruction=instruction,
            collections=collections or None,
        )
    _say(changed)


@assistants.command("remove")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask; its snippets go with it, for good.")
@click.pass_obj
def remove(config: Path | None, name: str, yes: bool) -> None:
    """Delete an assistant with its snippets, for good."""
    with assistants_of(config) as (known, _):
        found = known.named(name)
        if not yes:
            count = found.snippets.approved + found.snippets.draft + found.snippets.expired
            click.confirm(f"Delete assistant {name!r} with {count} snippets for good?", abort=True)
        known.delete(found.id, lambda _: None)
    click.echo(f"assistant {name!r} is deleted")


def _say(view: AssistantView) -> None:
    asks = ", ".join(repr(each) for each in view.collections)
    click.echo(f"assistant {view.name!r} (template {view.template}) asks {asks}")


def _now() -> datetime:
    return datetime.now(UTC)
