"""``touchstone answers``: what was asked and answered, and whether its quotes still stand."""

import json
from pathlib import Path

import click
from rich.table import Table

from app.cli.keeping import keeper
from app.cli.options import config_option, console, settings_for, shown_time
from app.kept_answers import LARGEST_PAGE, PAGE, AnswerView


@click.group(invoke_without_command=True)
@click.option("--limit", type=click.IntRange(1, LARGEST_PAGE), default=PAGE, show_default=True)
@config_option
@click.pass_context
def answers(context: click.Context, limit: int, config: Path | None) -> None:
    """List answers that were given, newest first."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    with keeper(settings_for(config)) as kept:
        page = kept.answers(limit=limit)
    table = Table("id", "asked", "collections", "outcome", "quotes", "state", "question")
    for each in page.data:
        names = ", ".join(each.collections)
        row = (each.id, shown_time(each.asked_at), names, each.outcome, str(len(each.citations)))
        table.add_row(*row, _state(each), each.question)
    console().print(table, markup=False)
    if page.next_cursor is not None:
        click.echo(f"(older answers are not listed; --limit goes up to {LARGEST_PAGE})")


@answers.command("show")
@click.argument("answer_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead.")
@click.pass_obj
def show(config: Path | None, answer_id: str, as_json: bool) -> None:
    """Show an answer, and for each quote whether it still stands in what is shown now."""
    with keeper(settings_for(config)) as kept:
        found = kept.answer(answer_id)
    if as_json:
        click.echo(json.dumps(found.model_dump(mode="json"), ensure_ascii=False, indent=2))
        return
    answer = found.answer
    click.echo(f"{shown_time(answer.asked_at)}  {answer.question}\n")
    click.echo(
        "(its words are gone: a document that was read for it was deleted for good)"
        if answer.wiped
        else answer.answer
    )
    click.echo(f"\n{_state(answer)}")
    for each in answer.citations:
        state = f"{each.state} ({each.reason})" if each.reason else each.state
        click.echo(f"[{each.number}] {each.document or each.document_id}, version {each.version}: {state}")
        if each.quote:
            click.echo(f"    “{each.quote}”")


def _state(answer: AnswerView) -> str:
    if answer.wiped:
        return "wiped"
    return "stale" if answer.stale else "current"
