"""Files handed in together, followed to their end: a line for each that runs, Ctrl-C cancels in two steps."""

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn

from app.cli.server import RunningServer, ServerRefused
from app.desk import LARGEST_PAGE, Desk
from app.errors import DiskFull
from app.jobs.views import JobView
from app.reports import FileReport, file_report
from app.storage.job_types import TERMINAL, Duplicates, State
from ingest.errors import IngestError

AnyDesk = Desk | RunningServer


class Engine(Protocol):
    """Works on what was handed in, where the workers of the desk do not."""

    def begin(self) -> None:
        """Begin with the jobs that wait now."""

    def check(self) -> None:
        """Raise what ended the work before its time."""


LOOK_S = 0.3  # seconds between two looks at what runs
RESTS = 9.0  # times as long as a look took it rests at least: others need the process while the line is long
LINES = 4  # files shown one by one while they run
OPEN: tuple[State, ...] = (
    "stored", "parsing", "chunking", "embedding", "indexing", "publishing", "cancelling",
)  # fmt: skip
BUSY_CODES = ("too_many_uploads", "database_busy", "not_ready", "busy")
FILE_CODES = ("too_large", "file_too_large")


class Batch:
    """Files that belong together, and what became of them."""

    def __init__(
        self,
        desk: AnyDesk,
        collection: str,
        *,
        duplicates: Duplicates,
        instruction: str | None,
        engine: Engine | None = None,
    ) -> None:
        """``engine`` begins when all files are handed in."""
        self._desk = desk
        self._collection = collection
        self._duplicates: Duplicates = duplicates
        self._instruction = instruction
        self._engine = engine
        self._batch = uuid.uuid4().hex
        self._reports: dict[str, FileReport] = {}  # by name, of files that never became a job
        self._sizes: dict[str, int] = {}  # by job id
        self._began = time.monotonic()
        self._pause_s = LOOK_S
        self._interrupted = 0

    def run(self, files: Sequence[tuple[Path, str]]) -> list[FileReport]:
        """Hand the files in and wait for them; a report each, in their order.

        Ctrl-C once cancels what has not begun, twice what runs, too; a third time leaves at once.
        """
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            screen = _Screen(bar, len(files))
            self._guarded(lambda: self._hand_in(files, screen))
            if self._engine is not None and not self._interrupted:
                self._engine.begin()
            while not self._guarded(lambda: self._look(screen)):
                if self._engine is not None:
                    self._engine.check()
                self._guarded(lambda: time.sleep(self._pause_s))
        reports = {**self._reports, **{job.name: _report(job) for job in self._jobs()}}
        return [reports.get(name, FileReport(name, "cancelled")) for _, name in files]

    def _hand_in(self, files: Sequence[tuple[Path, str]], screen: "_Screen") -> bool:
        looked = 0.0
        for path, name in files:
            if self._interrupted:
                break
            try:
                job = self._submit(path, name)
                self._sizes[job.id] = job.size_bytes
            except (IngestError, DiskFull) as error:
                self._reports[name] = FileReport(name, "failed", error=(error.code, str(error)))
            except ServerRefused as error:
                if error.problem not in FILE_CODES:
                    raise
                self._reports[name] = FileReport(name, "failed", error=("too_large", str(error)))
            if time.monotonic() - looked >= self._pause_s:
                self._look(screen)
                looked = time.monotonic()
        return True

    def _submit(self, path: Path, name: str) -> JobView:
        """Hand one file in, as soon as there is a place for it."""
        while True:
            try:
                return self._desk.submit(
                    path,
                    name,
                    self._collection,
                    duplicates=self._duplicates,
                    batch=self._batch,
                    instruction=self._instruction,
                )
            except ServerRefused as error:
                if error.problem not in BUSY_CODES:
                    raise
                time.sleep(1.0)

    def _look(self, screen: "_Screen") -> bool:
        """Show how far things are; whether everything has ended."""
        began = time.monotonic()
        found = self._desk.jobs(batch=self._batch, states=OPEN, limit=LARGEST_PAGE)
        self._pause_s = max(LOOK_S, RESTS * (time.monotonic() - began))
        ended = sum(number for state, number in found.counts.items() if state in TERMINAL)
        screen.show(
            ended + len(self._reports), [job for job in found.data if job.running], self._left(found.data)
        )
        return ended == len(self._sizes)

    def _left(self, waiting: Sequence[JobView]) -> float | None:
        """Seconds left, at the speed so far."""
        total, open_bytes = sum(self._sizes.values()), sum(job.size_bytes for job in waiting)
        done = total - open_bytes
        if done <= 0 or len(waiting) == LARGEST_PAGE:
            return None
        return (time.monotonic() - self._began) * open_bytes / done

    def _jobs(self) -> Iterator[JobView]:
        cursor: str | None = ""
        while cursor is not None:
            page = self._desk.jobs(batch=self._batch, cursor=cursor, limit=LARGEST_PAGE)
            yield from page.data
            cursor = page.next_cursor

    def _guarded(self, act: Callable[[], object]) -> bool:
        """Whether the act gave something true; Ctrl-C cancels jobs instead of ending the program."""
        try:
            return bool(act())
        except KeyboardInterrupt:
            self._interrupted += 1
            if self._interrupted > 2:
                raise
            running = 0
            for job in list(self._jobs()):
                if job.state not in TERMINAL and (self._interrupted == 2 or not job.running):
                    self._desk.cancel_job(job.id)
                elif job.running:
                    running += 1
            if running:
                click.echo(
                    f"cancelled what had not begun; files at work come to their end: {running} (Ctrl-C again "
                    "cancels them, too)",
                    err=True,
                )
            return False


class _Screen:
    """The lines on a terminal."""

    def __init__(self, bar: Progress, files: int) -> None:
        self._bar = bar
        self._total = bar.add_task("files", total=files)
        self._lines: list[TaskID] = [bar.add_task("", total=1, visible=False) for _ in range(LINES)]

    def show(self, ended: int, running: Sequence[JobView], left_s: float | None) -> None:
        """Update every line."""
        left = "" if left_s is None else f", about {_span(left_s)} left"
        self._bar.update(self._total, completed=ended, description=f"files{left}")
        for line, job in zip(self._lines, (*running[:LINES], *[None] * LINES), strict=False):
            if job is None:
                self._bar.update(line, visible=False)
                continue
            done, total = (job.progress.done, job.progress.total) if job.progress else (0, 1)
            self._bar.update(
                line, visible=True, description=f"{job.state} {job.name}", completed=done, total=total
            )


def _report(job: JobView) -> FileReport:
    return FileReport(job.name, "cancelled") if job.report is None else file_report(job.report)


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
