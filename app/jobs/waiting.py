"""Callers who wait for the end of what they hand in: scripts, tests, the first start's demo."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from app.documents import Library
from app.errors import Stopping
from app.jobs.board import Progress as Step
from app.jobs.service import JobService, report_of
from app.jobs.trouble import FileTrouble as JobFailed
from app.reports import FileReport
from app.storage.collections import Collection, Collections
from app.storage.job_types import Duplicates, Job
from ingest.errors import IngestError
from ingest.protocols import Progress, quiet

SHOW_S = 0.25  # seconds between two looks at progress that nothing announced


def unheard(name: str) -> Progress:
    """The progress callback of a caller that shows none."""
    return quiet


class Waiting:
    """Hands files in, starts the workers, and comes back when everything about the files is over."""

    def __init__(
        self,
        *,
        collections: Collections,
        library: Library,
        service: JobService,
        start: Callable[[], None],
    ) -> None:
        self._collections = collections
        self._library = library
        self._service = service
        self._start = start

    def ingest(
        self,
        files: Sequence[tuple[Path, str]],
        collection: str,
        progress: Callable[[str], Progress] = unheard,
        *,
        duplicates: Duplicates = "keep",
    ) -> list[FileReport]:
        """Ingest (path, name) pairs; a failed file stops no other. The reports, in the order of the files.

        ``progress`` makes the progress callback of one file from its name. Raises ``IndexMismatch`` before
        anything is read when the collection belongs to another embedder.
        """
        found, batch = self._open(collection), uuid.uuid4().hex
        handed_in: list[str | FileReport] = []
        for path, name in files:
            try:
                job = self._service.submit_path(path, name, found.id, duplicates=duplicates, batch=batch)
                handed_in.append(job.id)
            except IngestError as error:
                handed_in.append(_refused(name, error))
        jobs = [each for each in handed_in if isinstance(each, str)]
        ended = self._service.wait(jobs, _teller(progress))
        reports = [each if isinstance(each, FileReport) else report_of(next(ended)) for each in handed_in]
        self._library.settle()
        return reports

    def add(self, data: bytes, name: str, collection: str, *, duplicates: Duplicates = "keep") -> FileReport:
        """Ingest one file's bytes, as ``ingest`` does with a file."""
        found = self._open(collection)
        try:
            job = self._service.submit_bytes(data, name, found.id, duplicates=duplicates)
        except IngestError as error:
            return _refused(name, error)
        report = report_of(next(self._service.wait([job.id])))
        self._library.settle()
        return report

    def reindex(
        self, name: str, progress: Callable[[str], Progress], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[FileReport]:
        """Read every document of a collection again, with the present chunker and embedder; a report each.

        The new index is built beside the old one, which goes on answering, and takes its place at the end.
        Where a document fails the old one stays, and ``JobFailed`` is raised after the last report. Left
        early, or once ``stopped`` is true, the reindex is cancelled; when the program stops it is not, and
        ``Stopping`` is raised.
        """
        self._start()
        job = self._service.reindex(self._collections.named(name).id, name)
        try:
            yield from self._follow(job, progress, stopped)
        except Stopping:
            raise
        except BaseException:
            self._service.cancel(job.id)
            raise
        self._library.settle()
        end = self._service.jobs.get(job.id)
        if end.state != "ready":
            raise JobFailed(end.code or end.state, end.message or f"the reindex of {name!r} was {end.state}")

    def _follow(
        self, job: Job, progress: Callable[[str], Progress], stopped: Callable[[], bool]
    ) -> Iterator[FileReport]:
        told: set[str] = set()
        while True:
            if self._service.board.closed and not self._service.jobs.get(job.id).ended:
                raise Stopping(f"the reindex of {job.name!r}")
            if stopped():
                raise JobFailed("cancelled", f"the reindex of {job.name!r} was left")
            rings, ended = self._service.board.rings, self._service.jobs.get(job.id).ended
            for each in self._service.jobs.family(job.id):
                if each.ended and each.id not in told:
                    told.add(each.id)
                    yield report_of(each)
                elif not each.ended:
                    _teller(progress)(each, self._service.progress(each))
            if ended:
                return
            self._service.board.wait(rings, SHOW_S)

    def _open(self, name: str) -> Collection:
        found = self._collections.create(name)
        self._library.require(found.id)
        self._start()
        return found


def _refused(name: str, error: IngestError) -> FileReport:
    return FileReport(name, "failed", error=(error.code, str(error)))


def _teller(progress: Callable[[str], Progress]) -> Callable[[Job, Step | None], None]:
    """Passes what a waiter sees of jobs on to a progress callback for each file."""

    def tell(job: Job, step: Step | None) -> None:
        if step is not None:
            progress(job.name)(step.stage, step.done, max(step.total, 1))

    return tell
