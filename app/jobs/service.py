"""The front desk of ingestion: hand files in, watch, cancel, retry. What it acknowledges is on the disk."""

import shutil
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.errors import DiskFull, Stopping, TooManyUploads, TouchstoneError
from app.failpoints import hit
from app.jobs.board import Board, Progress
from app.jobs.estimate import bytes_per_chunk, rates, seconds_left
from app.reports import FileReport
from app.settings import JobSettings
from app.storage.blobs import BlobStore, Incoming
from app.storage.job_recovery import JobRecovery
from app.storage.job_types import Duplicates, Job, NewJob
from app.storage.jobs import Jobs
from ingest.errors import IngestError

PIECE = 1_000_000  # bytes read at once from a file on this machine
CHECK_BYTES = 16_000_000  # received between two looks at the disk
RETRY_S = 5


class JobService:
    """Takes files in and answers for them. Needs no models: what is handed in waits until workers run."""

    def __init__(
        self,
        *,
        jobs: Jobs,
        recovery: JobRecovery,
        blobs: BlobStore,
        board: Board,
        data_dir: Path,
        settings: JobSettings,
        max_file_bytes: int,
        cleanup: Callable[[list[str]], None],
    ) -> None:
        """``cleanup`` removes what cancelled jobs left; it gets the hashes of their bytes."""
        self.jobs = jobs
        self.board = board
        self._recovery = recovery
        self._blobs = blobs
        self._data_dir = data_dir
        self._settings = settings
        self._max_file_bytes = max_file_bytes
        self._cleanup = cleanup
        self._uploading: Counter[str] = Counter()
        self._guard = threading.Lock()
        self.passwords: dict[str, str] = {}
        self._rates: tuple[int, dict[str, float], float] = (-1, {}, 0.0)

    @contextmanager
    def receiving(self, *, owner: str = "", size_bytes: int = 0) -> Iterator[Incoming]:
        """A place for one file of this owner. Raises ``TooManyUploads`` or ``DiskFull``.

        ``size_bytes`` is what the sender says; the disk is looked at again while bytes arrive (``room``).
        """
        with self._guard:
            if self._uploading[owner] >= self._settings.uploads_per_owner:
                raise TooManyUploads(
                    f"{self._settings.uploads_per_owner} files are being received already; send the next "
                    "when one is through",
                    RETRY_S,
                )
            self._uploading[owner] += 1
        try:
            self.room(size_bytes)
            with self._blobs.receive() as incoming:
                yield incoming
        finally:
            with self._guard:
                self._uploading[owner] -= 1
                if not self._uploading[owner]:
                    del self._uploading[owner]

    def room(self, size_bytes: int) -> None:
        """Raise ``DiskFull`` unless so much fits on the disk beside the reserve."""
        free = shutil.disk_usage(self._data_dir).free
        if free - size_bytes < self._settings.disk_reserve_bytes:
            raise DiskFull(
                f"{free:,} bytes are free, and {self._settings.disk_reserve_bytes:,} of them are kept in "
                "reserve (jobs.disk_reserve_bytes); free some space"
            )

    def check_size(self, name: str, size_bytes: int) -> None:
        """Raise ``IngestError`` for a file larger than one may be."""
        if size_bytes > self._max_file_bytes:
            raise IngestError(
                "too_large",
                f"{name}: {size_bytes:,} bytes are more than the limit of {self._max_file_bytes:,}; "
                "split the file or raise ingest.max_file_bytes",
            )

    def submit(
        self,
        incoming: Incoming,
        name: str,
        collection_id: str,
        *,
        duplicates: Duplicates = "keep",
        batch: str = "",
        owner: str = "",
    ) -> Job:
        """Acknowledge received bytes: when this returns they, and the job, outlive a loss of power."""

        def record(sha256: str, size_bytes: int) -> Job:
            return self.jobs.add(
                NewJob(
                    "ingest",
                    collection_id,
                    name,
                    sha256=sha256,
                    size_bytes=size_bytes,
                    duplicates=duplicates,
                    batch=batch or uuid.uuid4().hex,
                    owner=owner,
                )
            )

        job = self._blobs.adopt(incoming, record)
        self.board.ring()
        return job

    def submit_path(
        self,
        path: Path,
        name: str,
        collection_id: str,
        *,
        duplicates: Duplicates = "keep",
        batch: str = "",
        owner: str = "",
    ) -> Job:
        """Hand in a file of this machine.

        Raises ``IngestError`` (too_large, not_found) and ``DiskFull``.
        """
        try:
            with path.open("rb") as file:
                size_bytes = path.stat().st_size
                self.check_size(name, size_bytes)
                self.room(size_bytes)
                with self._blobs.receive() as incoming:
                    while piece := file.read(PIECE):
                        incoming.write(piece)
                    return self.submit(
                        incoming, name, collection_id, duplicates=duplicates, batch=batch, owner=owner
                    )
        except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
            raise IngestError(
                "not_found", f"{path}: cannot be read ({error.strerror}); check the path"
            ) from error

    def submit_bytes(
        self, data: bytes, name: str, collection_id: str, *, duplicates: Duplicates = "keep", batch: str = ""
    ) -> Job:
        """Hand in bytes. Raises ``IngestError`` (too_large), ``TooManyUploads`` and ``DiskFull``."""
        self.check_size(name, len(data))
        with self.receiving(size_bytes=len(data)) as incoming:
            incoming.write(data)
            return self.submit(incoming, name, collection_id, duplicates=duplicates, batch=batch)

    def reindex(self, collection_id: str, name: str) -> Job:
        """Build the index of a collection again; the job that does it already, where there is one."""
        for job in self.jobs.open(collection_id=collection_id, kind="reindex"):
            return job
        job = self.jobs.add(NewJob("reindex", collection_id, name, batch=uuid.uuid4().hex))
        self.board.ring()
        return job

    def cancel(self, job_id: str) -> Job:
        """End a job; one that a worker has at hand ends within two seconds. Raises ``NotFound``."""
        self.jobs.get(job_id)
        hit("cancel.before")
        ended = [job for job in self._recovery.cancel(job_id) if job.ended]
        self.board.ring()
        if ended:
            self._cleanup([job.sha256 for job in ended])
        return self.jobs.get(job_id)

    def retry(self, job_id: str, password: str = "") -> Job:
        """Let a failed job go on at the step that failed.

        A password is never written down: it is kept in memory until it has been tried.
        """
        for each in self.jobs.family(job_id):
            if each.state == "failed" and each.held:
                self.jobs.retry(each.id)
        if password:
            self.passwords[job_id] = password
        try:
            job = self.jobs.retry(job_id)
        except TouchstoneError:
            self.passwords.pop(job_id, None)
            raise
        self.board.ring()
        return job

    def progress(self, job: Job) -> Progress | None:
        """How far a running job's step has come."""
        return self.board.of(job.id) if job.lease is not None else None

    def seconds_left(self, job: Job) -> float | None:
        """Seconds of work until the job is ready, without the jobs before it; None where nothing tells."""
        if self._rates[0] != self.board.rings:
            finished = self.jobs.finished()
            self._rates = (self.board.rings, rates(finished), bytes_per_chunk(finished))
        return seconds_left(job, self.progress(job), self._rates[1], self._rates[2])

    def wait(
        self, job_ids: Sequence[str], seen: Callable[[Job, Progress | None], None] = lambda *_: None
    ) -> Iterator[Job]:
        """Each of the jobs in the order given, when it has ended. ``seen`` hears of changes meanwhile.

        Raises ``Stopping`` where the workers have stopped before.
        """
        for job_id in job_ids:
            while True:
                rings = self.board.rings
                job = self.jobs.get(job_id)
                if job.ended:
                    yield job
                    break
                if self.board.closed:
                    raise Stopping(f"{job.name!r} is kept and")
                seen(job, self.progress(job))
                self.board.wait(rings, 0.25)


def report_of(job: Job) -> FileReport:
    """What became of the file of a job that has ended."""
    status = job.outcome if job.state == "ready" else job.state
    return FileReport(
        job.name,
        status,  # type: ignore[arg-type]  # outcomes and the two other ends are all statuses
        pages=job.pages,
        chunks=job.chunks,
        reused=job.reused,
        tokens=job.tokens,
        seconds=job.seconds,
        notices=job.notices,
        error=(job.code, job.message) if job.state == "failed" else None,
    )
