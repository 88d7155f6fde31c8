"""``touchstone evaluate``: ask a labelled set through the path that chat uses, and print the shares."""

import json
import tempfile
from dataclasses import fields
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from app.cli.options import config_option, console, loaded, profile_option, settings_for
from app.evaluation.citations import Judged, Summary, as_json, judge_set, summarise
from app.evaluation.sets import read_file_set
from app.quotes import Quotes
from ingest.load import find_files


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write every answer here."
)
@click.option(
    "--show", type=click.Choice(["none", "wrong", "all"]), default="wrong", help="Answers to print."
)
@profile_option
@config_option
def evaluate(
    folder: Path, json_file: Path | None, show: str, profile: str | None, config: Path | None
) -> None:
    """Ingest FOLDER/files (or FOLDER itself), ask FOLDER/queries.jsonl, and measure citations and answers.

    Runs in a data directory of its own that is removed afterwards; your collections are not touched.
    """
    file_set = read_file_set(folder)
    progress = Console(stderr=True)
    with tempfile.TemporaryDirectory(prefix="touchstone-evaluate-") as scratch:
        settings = settings_for(config, profile).model_copy(update={"data_dir": Path(scratch)})
        with loaded(settings) as services:
            files = list(find_files([file_set.folder]).files)
            with progress.status(f"reading {len(files)} files"):
                reports = services.ingest(files, file_set.name)
            for report in reports:
                if report.error is not None:
                    click.echo(
                        f"not ingested: {report.name} [{report.error[0]}]: {report.error[1]}", err=True
                    )
            quotes = Quotes(services.database, services.blobs)
            with Progress(console=progress, transient=True) as bar:
                task = bar.add_task("asking", total=len(file_set.questions))
                judged = judge_set(
                    file_set,
                    lambda question: services.answer(services.ask(question, collection=file_set.name)),
                    quotes.stands,
                    lambda done, _: bar.update(task, completed=done),
                )
    summary = summarise(judged)
    _print(judged, summary, show, console())
    if file_set.left_out:
        click.echo(f"{file_set.left_out} questions left out: the set marks them as answerable with OCR only")
    if json_file is not None:
        text = json.dumps(as_json(file_set, judged, summary), ensure_ascii=False, indent=1)
        json_file.write_text(text, encoding="utf-8")


def _print(judged: list[Judged], summary: Summary, show: str, console: Console) -> None:
    for row in judged:
        fine = row.document_right and row.said if row.answerable else row.outcome == "abstained"
        if show == "all" or (show == "wrong" and not fine):
            console.print(f"{row.id} [{row.kind}] {row.question}", markup=False, highlight=False)
            console.print(
                f"    {row.outcome}; cites {', '.join(row.cited) or 'nothing'}", markup=False, highlight=False
            )
            console.print(f"    {row.answer}", markup=False, highlight=False)
    table = Table("measure", "value")
    for field in fields(Summary):
        value = getattr(summary, field.name)
        text = "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
        table.add_row(field.name, text)
    console.print(table)
