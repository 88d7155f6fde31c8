"""``touchstone golden``: make and check the questions that ``touchstone evaluate`` asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.table import Table

from app.cli.database import database_of
from app.cli.options import config_option, console, loaded, profile_option, settings_for
from app.errors import BadRequest
from app.evaluation.calibration import require_collection
from app.evaluation.golden import Added, Golden, new_id
from app.evaluation.golden_csv import write_csv
from app.evaluation.golden_drafts import draft_cases
from app.storage.floors import CalibratedFloors
from app.storage.golden import GoldenCase, GoldenEvidence

LISTED = 20  # drafts named one by one
about_option = click.option("--collection", help="What the set is about; needed where the set is new.")


@click.group(invoke_without_command=True)
@config_option
@click.pass_context
def golden(context: click.Context, config: Path | None) -> None:
    """List golden sets: questions with the words of documents that answer them."""
    context.obj = config
    if context.invoked_subcommand is not None:
        return
    table = Table("set", "collection", "accepted", "drafts")
    with _golden(config) as sets:
        for each in sets.rows.sets():
            table.add_row(each.name, each.collection, str(each.accepted), str(each.drafts))
    console().print(table, markup=False)


@golden.command("show")
@click.argument("name")
@click.option("--drafts", is_flag=True, help="Only those that wait for somebody to check them.")
@click.pass_obj
def show(config: Path | None, name: str, drafts: bool) -> None:
    """Show the cases of a set."""
    with _golden(config) as sets:
        cases = sets.rows.cases(sets.rows.named(name).id)
    for case in cases:
        if drafts and case.state != "draft":
            continue
        click.echo(f"{case.id} [{case.state}] {case.question}")
        for each in case.evidence:
            pages = f" (page {', '.join(map(str, each.pages))})" if each.pages else ""
            click.echo(f"    {each.document}{pages}: “{each.quote}”")
        if not case.answerable:
            click.echo("    (the documents do not answer it)")
        for answer in case.answers:
            click.echo(f"    accepted: {answer}")
        if case.note:
            click.echo(f"    note: {case.note}")


@golden.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@about_option
@click.pass_obj
def import_(config: Path | None, name: str, file: Path, collection: str | None) -> None:
    """Add the questions of a CSV FILE; its columns are those that `touchstone golden export` writes.

    Only `question` is needed. Cases of the same id are replaced.
    """
    with _golden(config) as sets:
        _say(name, sets.import_csv(name, collection, file))


@golden.command("export")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def export(config: Path | None, name: str, file: Path) -> None:
    """Write a set to a CSV FILE, drafts included; no cell runs as a formula."""
    with _golden(config) as sets:
        cases = sets.rows.cases(sets.rows.named(name).id)
    file.write_bytes(write_csv(cases))
    click.echo(f"{len(cases)} cases written to {file}")


@golden.command("add")
@click.argument("name")
@click.argument("question")
@about_option
@click.option("--document", help="The document that answers it.")
@click.option("--quote", default="", help="The words of the document that answer it.")
@click.option("--answer", "answers", multiple=True, help="Words that a right answer says (any).")
@click.option("--unanswerable", is_flag=True, help="The documents do not answer it.")
@click.pass_obj
def add(
    config: Path | None,
    name: str,
    question: str,
    collection: str | None,
    document: str | None,
    quote: str,
    answers: tuple[str, ...],
    unanswerable: bool,
) -> None:
    """Add a question with its evidence."""
    evidence = () if document is None else (GoldenEvidence(document, quote),)
    case = GoldenCase(new_id(), question, not unanswerable, evidence, answers)
    with _golden(config) as sets:
        _say(name, sets.add(sets.open(name, collection), [case]))


@golden.command("from-answer")
@click.argument("name")
@click.argument("answer_id", metavar="ANSWER")
@click.option("--right/--wrong", required=True, help="Whether the answer was right (or rightly none).")
@about_option
@click.pass_obj
def from_answer(config: Path | None, name: str, answer_id: str, right: bool, collection: str | None) -> None:
    """Add a question that was asked (see `touchstone answers`), as you judge its answer.

    What a right answer quotes becomes the evidence; a wrong one waits for its evidence as a draft.
    """
    with _golden(config) as sets:
        _say(name, sets.from_answer(name, collection, answer_id, right=right))


@golden.command("draft")
@click.argument("name")
@click.option("--count", type=click.IntRange(1, 1000), default=20, show_default=True)
@about_option
@profile_option
@click.pass_obj
def draft(config: Path | None, name: str, count: int, collection: str | None, profile: str | None) -> None:
    """Draft questions from the documents. None is asked before you have accepted it.

    Where a language model runs it writes them; else they are made of headings.
    """
    with loaded(settings_for(config, profile)) as services:
        sets = Golden(services.database, now=_now)
        found = sets.open(name, collection)
        drafted = draft_cases(services, found, sets.rows.cases(found.id), count)
        sets.rows.put(found.id, drafted.cases)
    click.echo(f"{len(drafted.cases)} drafts; check them with `touchstone golden show {name} --drafts`")
    for chunk_id, reason in drafted.failed[:LISTED]:
        click.echo(f"  not drafted: {chunk_id}: {reason}")
    if len(drafted.failed) > LISTED:
        click.echo(f"  ({len(drafted.failed) - LISTED} more not listed)")


@golden.command("accept")
@click.argument("name")
@click.argument("cases", nargs=-1, required=True)
@click.pass_obj
def accept(config: Path | None, name: str, cases: tuple[str, ...]) -> None:
    """Accept drafts that you have checked."""
    with _golden(config) as sets:
        sets.accept(name, cases)
    click.echo(f"{len(cases)} accepted")


@golden.command("label")
@click.argument("name")
@click.argument("case")
@click.option("--question", help="In other words.")
@click.option("--document", help="The document that answers it.")
@click.option("--quote", default="", help="The words of the document that answer it.")
@click.option("--answer", "answers", multiple=True, help="Words that a right answer says (any).")
@click.option("--unanswerable/--answerable", default=None, help="Whether the documents leave it open.")
@click.pass_obj
def label(
    config: Path | None,
    name: str,
    case: str,
    question: str | None,
    document: str | None,
    quote: str,
    answers: tuple[str, ...],
    unanswerable: bool | None,
) -> None:
    """Change a case and accept it; what is not given stays as it is."""
    if quote and document is None:
        raise BadRequest("--quote needs --document")
    with _golden(config) as sets:
        sets.label(
            name,
            case,
            question=question,
            evidence=None if document is None else [GoldenEvidence(document, quote)],
            answers=answers or None,
            answerable=None if unanswerable is None else not unanswerable,
        )
    click.echo(f"{case} is labelled and accepted")


@golden.command("reject")
@click.argument("name")
@click.argument("cases", nargs=-1, required=True)
@click.pass_obj
def reject(config: Path | None, name: str, cases: tuple[str, ...]) -> None:
    """Delete cases."""
    with _golden(config) as sets:
        sets.rows.remove(sets.rows.named(name).id, cases)
    click.echo(f"{len(cases)} deleted")


@golden.command("delete")
@click.argument("name")
@click.pass_obj
def delete(config: Path | None, name: str) -> None:
    """Delete a set with all its cases."""
    with _golden(config) as sets:
        sets.rows.delete(sets.rows.named(name).id)
    click.echo(f"golden set {name!r} is deleted")


@golden.command("floors")
@click.argument("collection")
@click.option("--forget", is_flag=True, help="Go back to the rerankers' own.")
@click.pass_obj
def floors(config: Path | None, collection: str, forget: bool) -> None:
    """Show from which relevance on a collection answers, where `touchstone evaluate --calibrate` found it."""
    with database_of(settings_for(config)) as (database, _):
        found = require_collection(database, collection)
        rows = CalibratedFloors(database, now=_now)
        if forget:
            count = rows.forget(found.id)
            click.echo(f"{count} floor{'' if count == 1 else 's'} forgotten; the rerankers' own apply")
            return
        table = Table("reranker", "floor", "balanced accuracy", "questions", "set")
        for each in rows.of(found.id):
            accuracy = f"{each.balanced_accuracy:.3f}"
            table.add_row(each.reranker, f"{each.floor:.4f}", accuracy, str(each.questions), each.set_name)
    console().print(table, markup=False)


@contextmanager
def _golden(config: Path | None) -> Iterator[Golden]:
    with database_of(settings_for(config)) as (database, _):
        yield Golden(database, now=_now)


def _say(name: str, added: Added) -> None:
    click.echo(f"{added.accepted} accepted, {len(added.drafts)} drafts in golden set {name!r}")
    for case_id, reason in added.drafts[:LISTED]:
        click.echo(f"  {case_id} is a draft: {reason}")
    if len(added.drafts) > LISTED:
        click.echo(f"  ({len(added.drafts) - LISTED} more: `touchstone golden show {name} --drafts`)")


def _now() -> datetime:
    return datetime.now(UTC)
