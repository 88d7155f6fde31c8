"""``touchstone ingest`` and ``touchstone reindex``: files become searchable, with progress and a report."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import get_args

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from app.bulk.engine import BulkEngine
from app.bulk.ray_driver import require_ray
from app.catalogue import say
from app.cli.bulk import ray_desk
from app.cli.following import AnyDesk, Batch
from app.cli.jobs import desk_for
from app.cli.keeping import keeper
from app.cli.options import config_option, console, profile_option, settings_for
from app.desk import Desk
from app.errors import BadRequest
from app.reports import FileReport
from app.storage.job_types import Duplicates
from ingest.load import find_files
from ingest.pipeline import Progress as StageProgress

LISTED = 20  # files named one by one in the report; totals cover all of them


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--collection", required=True, help="The knowledge base to add to; made when new.")
@click.option(
    "--instruction", help="What its reranker should prefer, in one sentence; kept with the collection."
)
@click.option(
    "--duplicates",
    type=click.Choice(get_args(Duplicates)),
    default="keep",
    show_default=True,
    help="When the collection holds the same bytes under another name: skip the file, let it replace (the "
    "document is renamed), or keep both.",
)
@click.option(
    "--engine",
    type=click.Choice(["jobs", "ray"]),
    default="jobs",
    show_default=True,
    help="Who reads, cuts and embeds the files: this process (or the server that runs), or Ray Data.",
)
@click.option(
    "--ray-address",
    default="",
    metavar="HOST:PORT",
    help="The Ray cluster to use (auto: the one this machine is in). Default: Ray on this machine alone.",
)
@profile_option
@config_option
def ingest(
    paths: tuple[Path, ...],
    collection: str,
    instruction: str | None,
    duplicates: Duplicates,
    engine: str,
    ray_address: str,
    profile: str | None,
    config: Path | None,
) -> None:
    """Add files or folders to a collection: PDF, Word, PowerPoint, Excel, HTML, CSV, Markdown, text.

    Unchanged files are skipped, changed ones replaced. Ends with exit code 1 when a file failed or was
    cancelled; the others are in. What was handed in goes on after a stop, at the next start.
    """
    settings = settings_for(config, profile)
    if ray_address and engine != "ray":
        raise BadRequest("--ray-address goes with --engine ray; add it, or leave the address out")
    if engine == "ray":
        require_ray(ray_address)
    found = find_files(paths)
    with ExitStack() as stack:
        desk: AnyDesk
        bulk: BulkEngine | None = None
        if engine == "ray":
            desk, bulk = stack.enter_context(ray_desk(settings, ray_address))
        else:
            desk = stack.enter_context(desk_for(settings, work=True))
        if isinstance(desk, Desk):
            desk.expect(collection)
        batch = Batch(desk, collection, duplicates=duplicates, instruction=instruction, engine=bulk)
        reports = batch.run(found.files)
    _print(reports, console())
    failed = any(each.status in ("failed", "cancelled") for each in reports)
    for path, reason in found.skipped:
        click.echo(f"skipped {path}: {reason}", err=True)
    if not found.files:
        click.echo("nothing to ingest: no file of a kind that can be read among the paths", err=True)
    sys.exit(1 if failed or not found.files else 0)


@click.command()
@click.argument("collection")
@profile_option
@config_option
def reindex(collection: str, profile: str | None, config: Path | None) -> None:
    """Read every document of a collection again, with the present chunker and embedding model."""
    with keeper(settings_for(config, profile), load=True) as kept:
        count = kept.collection(collection).documents
        failed = report(lambda progress: kept.reindex(collection, progress), count)
    sys.exit(1 if failed else 0)


def report(run: Callable[[Callable[[str], StageProgress]], Iterable[FileReport]], files: int) -> bool:
    """Show progress while ``run`` goes on, then print what happened. True when a file failed."""
    reports: list[FileReport] = []
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        total = bar.add_task("files", total=files)
        current = bar.add_task("", total=1, visible=files > 0)

        def progress_of(name: str) -> StageProgress:
            def show(stage: str, done: int, of: int) -> None:
                bar.update(current, description=f"{stage} {name}", completed=done, total=of)

            return show

        for each in run(progress_of):
            reports.append(each)
            bar.advance(total)
    _print(reports, console())
    return any(each.error is not None for each in reports)


def _print(reports: list[FileReport], console: Console) -> None:
    table = Table("document", "status", "pages", "chunks", "reused", "tokens", "seconds")
    shown = [each for each in reports if each.status != "unchanged"][:LISTED]
    for each in shown:
        seconds = f"{sum(s for _, s in each.seconds):.2f}"
        numbers = (each.pages, each.chunks, each.reused, each.tokens)
        table.add_row(each.name, each.status, *map(str, numbers), seconds)
    if shown:
        console.print(table, markup=False)
    if len(reports) > len(shown):
        console.print(f"({len(reports) - len(shown)} more files not listed)", markup=False)
    counts = Counter(each.status for each in reports)
    steps: Counter[str] = Counter()
    for each in reports:
        for step, seconds_taken in each.seconds:
            steps[step] += seconds_taken  # type: ignore[assignment]  # a Counter sums floats as well
    console.print(
        f"{len(reports)} files: "
        + ", ".join(f"{number} {status}" for status, number in sorted(counts.items()))
        + f"; {sum(each.pages for each in reports)} pages, {sum(each.chunks for each in reports)} chunks,"
        f" {sum(each.tokens for each in reports)} tokens"
        " (the reranker's where it has a tokenizer, else estimated)",
        markup=False,
    )
    if steps:
        console.print(
            "seconds: " + ", ".join(f"{step} {value:.2f}" for step, value in steps.items()), markup=False
        )
    for each in reports:
        for notice in each.notices:
            console.print(f"note: {each.name}: {say(notice, 'en')}", markup=False, highlight=False)
    for each in reports:
        if each.error is not None:
            console.print(
                f"failed: {each.name} [{each.error[0]}]: {each.error[1]}", markup=False, highlight=False
            )
