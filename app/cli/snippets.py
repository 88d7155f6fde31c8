"""``touchstone snippets``: approved answers that an assistant offers before it writes."""

from datetime import datetime
from pathlib import Path
from typing import get_args

import click
from rich.table import Table

from app.cli.assistants import assistants_of
from app.cli.options import config_option, console
from app.snippets import SnippetView
from app.storage.snippets import SnippetState

day = click.DateTime(["%Y-%m-%d"])
until_option = click.option(
    "--until", type=day, required=True, help="The last day (UTC) on which it is offered: YYYY-MM-DD."
)


@click.group()
@config_option
@click.pass_context
def snippets(context: click.Context, config: Path | None) -> None:
    """List, write, approve or delete answers that assistants offer first."""
    context.obj = config


@snippets.command("list")
@click.argument("assistant")
@click.option(
    "--state", type=click.Choice(get_args(SnippetState)), help="Only these (default: all but deleted ones)."
)
@click.pass_obj
def list_snippets(config: Path | None, assistant: str, state: SnippetState | None) -> None:
    """List the snippets of an ASSISTANT, made first first."""
    table = Table("id", "state", "until", "owner", "question", "answer")
    with assistants_of(config) as (known, written):
        for _, each in written.of(known.named(assistant).id, state):
            told = (each.state, str(each.expires_on), each.owner.name, each.questions[0], each.answer)
            table.add_row(each.id, *told)
    console().print(table, markup=False)


@snippets.command("add")
@click.argument("assistant")
@click.argument("answer")
@click.option(
    "--question", "questions", multiple=True, required=True, help="What customers ask; several phrasings."
)
@click.option("--note", default="", help="For colleagues only.")
@until_option
@click.pass_obj
def add(
    config: Path | None,
    assistant: str,
    answer: str,
    questions: tuple[str, ...],
    note: str,
    until: datetime,
) -> None:
    """Write a draft for an ASSISTANT: the ANSWER in words for customers. It is offered once approved."""
    with assistants_of(config) as (known, written):
        made = written.create(
            known.named(assistant).id,
            questions=questions,
            answer=answer,
            note=note,
            expires_on=until.date(),
        )
    _say(made)


@snippets.command("approve")
@click.argument("snippet")
@until_option
@click.pass_obj
def approve(config: Path | None, snippet: str, until: datetime) -> None:
    """Let a SNIPPET (its id) be offered until a day; again for one that has expired."""
    with assistants_of(config) as (_, written):
        _say(written.approve(snippet, lambda _: None, until.date()))


@snippets.command("remove")
@click.argument("snippet")
@click.pass_obj
def remove(config: Path | None, snippet: str) -> None:
    """Move a SNIPPET (its id) to the trash."""
    with assistants_of(config) as (_, written):
        written.delete(snippet, lambda _: None)
    click.echo(f"snippet {snippet} is in the trash; `touchstone snippets restore {snippet}` takes it back")


@snippets.command("restore")
@click.argument("snippet")
@click.pass_obj
def restore(config: Path | None, snippet: str) -> None:
    """Take a SNIPPET (its id) out of the trash, as it was."""
    with assistants_of(config) as (_, written):
        _say(written.restore(snippet))


def _say(view: SnippetView) -> None:
    click.echo(f"snippet {view.id} is {view.state}, until {view.expires_on}")
