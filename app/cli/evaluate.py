"""``touchstone evaluate``: labelled questions through the path that chat uses, measured stage by stage."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from app.bench.machine import write_result
from app.cli.database import database_of
from app.cli.evaluate_tables import (
    print_answers,
    print_calibration,
    print_differences,
    print_measured,
    print_on_off,
)
from app.cli.options import (
    chosen_instruction,
    config_option,
    console,
    loaded,
    preset_option,
    profile_option,
    settings_for,
)
from app.errors import BadRequest
from app.evaluation.asked import Options
from app.evaluation.calibration import Calibration, calibrate, put_into_force, require_collection
from app.evaluation.comparison import Difference
from app.evaluation.gate import against, fail_if_worse, read_baseline
from app.evaluation.golden_set import read_golden_set
from app.evaluation.on_off import on_off, on_off_json
from app.evaluation.questions import EvaluationSet, Half
from app.evaluation.report import detail
from app.evaluation.result_file import WAYS, Rerank, asked_with, result_json
from app.evaluation.run import Measured, Plan, Tell, measure
from app.evaluation.runs import write_runs
from app.evaluation.sets import Documents, read_set
from app.settings import Settings

A_FOLDER = click.Path(path_type=Path, file_okay=False)
A_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("sets", metavar="SET...", nargs=-1, required=True)
@click.option(
    "--rerank",
    type=click.Choice(list(WAYS)),
    default="on",
    show_default=True,
    help="both: the same questions with and without reranking, side by side.",
)
@click.option("--instruction", help="Instruction for the reranker, in place of the collection's.")
@preset_option
@click.option("--k", "top_k", type=click.IntRange(1, 1000), help="Candidates that are reranked.")
@click.option(
    "--half",
    type=click.Choice(["choose", "report", "all"]),
    default="all",
    show_default=True,
    help="Choose settings on one half of the questions, report the other (by SHA-256 of their ids).",
)
@click.option("--limit", type=click.IntRange(1), help="Ask a sample of so many questions of a set.")
@click.option(
    "--documents",
    type=click.Choice(["corpus", "files"]),
    help="Which documents of a set that has both; without it the corpus.",
)
@click.option("--noisy/--no-noisy", default=True, help="Ask queries_noisy.jsonl as well, where there is one.")
@click.option("--retrieval-only", is_flag=True, help="Write no answers, measure what is found.")
@click.option("--json", "json_file", type=A_FILE, help="Write all figures here; --gate reads it.")
@click.option("--details", type=A_FILE, help="Write every question with its answer here, one JSON a line.")
@click.option("--runs", type=A_FOLDER, help="Write one run file a stage here (query-id, doc-id, score).")
@click.option(
    "--gate",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Fail where a measure is significantly worse than in this result file (paired bootstrap).",
)
@click.option(
    "--calibrate",
    "collection",
    metavar="COLLECTION",
    help="Find the relevance from which on questions are answered, and use it for this collection.",
)
@click.option("--keep", type=A_FOLDER, help="Keep what was ingested here, and use it again next time.")
@click.option(
    "--show", type=click.Choice(["none", "wrong", "all"]), default="none", help="Answers to print."
)
@profile_option
@config_option
def evaluate(
    sets: tuple[str, ...],
    rerank: Rerank,
    instruction: str | None,
    preset: str | None,
    top_k: int | None,
    half: Half,
    limit: int | None,
    documents: Documents | None,
    noisy: bool,
    retrieval_only: bool,
    json_file: Path | None,
    details: Path | None,
    runs: Path | None,
    gate: Path | None,
    collection: str | None,
    keep: Path | None,
    show: str,
    profile: str | None,
    config: Path | None,
) -> None:
    """Ask the questions of each SET and measure retrieval, refusals, citations, answers and times.

    A SET is a folder with queries.jsonl and either corpus.jsonl and qrels.tsv or files, or the name of a
    golden set (`touchstone golden`). Each runs in a data directory of its own that is removed afterwards;
    your collections are not touched.
    """
    names = _names(sets)
    baseline = read_baseline(gate) if gate is not None else {}
    if gate is not None and (lacking := [name for name in names if name not in baseline]):
        raise BadRequest(f"{gate} has no baseline of {', '.join(lacking)}; write one with --json")
    if collection is not None and (rerank == "off" or len(names) > 1):
        raise BadRequest("--calibrate takes one set, and reranking on")
    settings, out = settings_for(config, profile), console()
    if collection is not None:
        with database_of(settings) as (database, _):
            require_collection(database, collection)  # before the time is spent
    ways = WAYS[rerank]
    plan = Plan(
        ways=tuple(
            Options(
                rerank=way == "on",
                instruction=chosen_instruction(instruction, preset, ""),
                top_k=top_k,
                generate=not retrieval_only,
            )
            for way in ways
        ),
        half=half,
        limit=limit,
        keep=keep,
    )
    reports: dict[str, dict[str, object]] = {}
    differences: dict[str, list[Difference]] = {}
    lines: list[str] = []
    for name, given in names.items():
        with TemporaryDirectory(prefix="touchstone-evaluate-") as scratch, progress() as tell:
            found = _read(settings, given, Path(scratch), documents, noisy=noisy)
            measured = measure(loaded, settings, found, plan, tell)
        _say_left_out(measured)
        print_answers(measured, show, out)
        print_measured(measured, ways, out)
        first = measured.figures[0]
        report = reports[name] = result_json(measured, plan, ways)
        if rerank == "both":
            moved = on_off(*measured.figures)
            print_on_off(name, moved, out)
            report["on_off"] = on_off_json(moved)
        if collection is not None:
            calibration, stored = _calibrate(settings, collection, measured)
            print_calibration(calibration, collection, console(), stored=stored)
            report["calibration"] = {**asdict(calibration), "in_force": stored, "collection": collection}
        if runs is not None:
            write_runs(runs if len(names) == 1 else runs / name, [each.asked for each in first.judged])
        if gate is not None:
            differences[name] = against(
                baseline[name],
                digest=measured.digest,
                asked_with=asked_with(plan.ways[0]),
                found=first.values,
            )
            print_differences(f"{name} against {gate.name}", differences[name], out)
        if details is not None:
            rows = ({"set": name, **detail(each)} for each in first.judged)
            lines += [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    if json_file is not None:
        only = next(iter(reports.values()))
        write_result(json_file, only if len(reports) == 1 else {"sets": reports})
    if details is not None:
        details.write_text("".join(lines), encoding="utf-8")
    fail_if_worse(differences)


def _names(sets: tuple[str, ...]) -> dict[str, str]:
    """Name -> what was given; files among several sets (a README beside them) are passed over, and said."""
    names: dict[str, str] = {}
    for given in sets:
        path = Path(given)
        if path.is_file() and len(sets) > 1:
            click.echo(f"left out: {given} is a file; a set is a folder or a golden set", err=True)
            continue
        name = path.resolve().name if path.is_dir() else given
        if name in names:
            raise BadRequest(f"two sets are called {name!r}; evaluate them one after the other")
        names[name] = given
    if not names:
        raise BadRequest("only files are given; name a folder or a golden set")
    return names


def _read(
    settings: Settings, given: str, scratch: Path, documents: Documents | None, *, noisy: bool
) -> EvaluationSet:
    if Path(given).is_dir():
        return read_set(Path(given).resolve(), scratch, documents, noisy=noisy)
    if Path(given).exists() or "/" in given:
        raise BadRequest(f"{given} is no folder; a set is a folder or the name of a golden set")
    with database_of(settings) as (database, blobs):
        return read_golden_set(database, blobs, given)


def _calibrate(settings: Settings, collection: str, measured: Measured) -> tuple[Calibration, bool]:
    """The calibration, and whether it is in force from now on."""
    calibration = calibrate([each.asked for each in measured.figures[0].judged])
    with database_of(settings) as (database, _):
        return calibration, put_into_force(database, collection, measured.found.name, calibration)


def _say_left_out(measured: Measured) -> None:
    for name, reason in measured.failed.items():
        click.echo(f"not ingested: {measured.found.ids[name]} {reason}", err=True)
    for line in measured.found.left_out:
        click.echo(f"left out: {line}", err=True)
    missing = [each.asked.question.id for each in measured.figures[0].judged if each.missing]
    if missing:
        click.echo(f"evidence that stands in no document: {', '.join(missing)}", err=True)


@contextmanager
def progress() -> Iterator[Tell]:
    """A bar on standard error, moved by what it gives."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int = 0, total: int = 0) -> None:
            bar.update(task, description=what, completed=done, total=total or None)

        yield tell
