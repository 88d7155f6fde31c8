"""The owner's side: sends the files of waiting jobs away, and takes in what comes back, as jobs do."""

import logging
import threading
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Protocol

from app.bulk.parcels import Parcel, made_of
from app.bulk.terms import Terms, TermsDiffer, terms_of
from app.errors import NotFound
from app.jobs.delivery import Made
from app.jobs.trouble import FileTrouble
from app.services import Services
from ingest.types import Source

log = logging.getLogger(__name__)
PARKED = 32  # parcels kept in memory that wait for another job; beyond them the file is read here
LOOK_S = 0.5  # seconds between two looks at parcels that wait


class Driver(Protocol):
    """Has files read, cut and embedded somewhere."""

    def make(self, terms: Terms, parcels: Sequence[Parcel]) -> Generator[Parcel, None, None]:
        """Each parcel, filled or refused, in any order. Ends early once ``stop`` was called."""

    def stop(self) -> None:
        """End the work now."""


class BulkEngine:
    """Runs once: ``begin``, then ``check`` now and then until the jobs have ended, then ``stop``.

    What is not settled by what comes back (duplicates, files that a worker could not do for a reason that is
    not the file's) is done by this process's own workers at the end; ``left`` counts the latter.
    """

    def __init__(self, services: Services, driver: Driver) -> None:
        self._services = services
        self._ingestion = services.ingestion
        self._driver = driver
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._failure: Exception | None = None
        self.left = 0
        """Files that workers gave back undone."""
        self.reason = ""
        """Why the first of them was."""

    def begin(self) -> None:
        """Start with the jobs that wait now."""
        self._ingestion.start(parse=False)
        self._thread = threading.Thread(target=self._run, name="bulk", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Raise what ended the work before its time. Jobs that wait are kept."""
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """End what is still away; its jobs wait for the next start."""
        self._stopping.set()
        self._driver.stop()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._send()
        except Exception as error:
            log.exception("bulk ingestion ended")
            self._failure = error
        if self._failure is None and not self._stopping.is_set():
            self._ingestion.start()
        self._ingestion.board.ring()

    def _send(self) -> None:
        unread = self._ingestion.jobs.unread()
        terms = terms_of(
            self._services.settings,
            self._services.models,
            self._services.tokens.identity,
            self._ingestion,
            {each.collection_id for each in unread},
        )
        parcels = [
            Parcel(each.job_id, each.name, each.collection_id, each.sha256)
            for each in unread
            if each.collection_id in terms.sizes
        ]
        parked: deque[Parcel] = deque()
        if parcels:
            with closing(self._driver.make(terms, parcels)) as made:
                for parcel in made:
                    self._take(parcel, terms, parked)
                    while len(parked) > PARKED:
                        self._leave(parked.popleft(), "it waits for another file of the same content")
        while parked and not self._stopping.is_set():
            rings = self._ingestion.board.rings
            waiting = len(parked)
            for _ in range(waiting):
                self._take(parked.popleft(), terms, parked)
            if len(parked) == waiting:
                self._ingestion.board.wait(rings, LOOK_S)

    def _take(self, parcel: Parcel, terms: Terms, parked: deque[Parcel]) -> None:
        if parcel.refused == "differs":
            raise TermsDiffer(parcel.message)
        if parcel.refused == "here":
            self._leave(parcel, parcel.message)
        elif not self._delivered(parcel, terms) and self._waits(parcel.job_id):
            parked.append(parcel)

    def _delivered(self, parcel: Parcel, terms: Terms) -> bool:
        return self._ingestion.deliver(parcel.job_id, lambda source: _made(parcel, source, terms))

    def _leave(self, parcel: Parcel, reason: str) -> None:
        """Let this process's own workers do a file."""
        log.warning("job %s is done here: %s", parcel.job_id, reason)
        self.left += 1
        self.reason = self.reason or f"{parcel.name}: {reason}"

    def _waits(self, job_id: str) -> bool:
        """Whether a job that could not begin may begin later: an earlier one has its name or its bytes."""
        try:
            job = self._ingestion.jobs.get(job_id)
        except NotFound:
            return False
        return job.state in ("stored", "parsing", "chunking") and job.lease is None and job.retry_at is None


def _made(parcel: Parcel, source: Source, terms: Terms) -> Made:
    if parcel.refused:
        raise FileTrouble(parcel.code, parcel.message)
    return made_of(parcel, source, terms)
