"""The threads that do the work: parse workers, one index worker, a supervisor. Idle, none of them runs."""

import logging
import threading
import time
from collections.abc import Callable

from app.errors import TouchstoneError
from app.jobs.board import Board
from app.jobs.held import Held
from app.jobs.indexing import Indexing
from app.jobs.outcome import Outcomes
from app.jobs.preparing import Preparing
from app.jobs.reindexing import Reindexing
from app.storage.job_leases import JobLeases
from app.storage.job_recovery import JobRecovery
from app.storage.job_types import Job, Lease

GROUP_CHUNKS = (
    1_000  # vectors in one add of the vector index, below which adds are slow (infra notes, section 1)
)
FIRST_GROUP = 64  # chunks, before the embedder's speed is known
GROUP_S = 5.0  # seconds of embedding a document may wait for others of its group
TIDY_S = 2.0  # before leftovers are looked at again that could not be removed
JOIN_S = 3.0  # seconds the threads get to end when the program stops
log = logging.getLogger(__name__)


class Workers:
    """Runs what waits. ``start`` once, ``stop`` at the end; both return soon."""

    def __init__(
        self,
        *,
        leases: JobLeases,
        recovery: JobRecovery,
        board: Board,
        preparing: Preparing,
        indexing: Indexing,
        reindexing: Reindexing,
        cleanup: Callable[[list[str]], None],
        cleanup_all: Callable[[], None],
        discard: Callable[[set[str]], None],
        parsers: int,
        lease_s: float,
        max_attempts: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take what does the work, and what removes leftovers.

        ``cleanup``: those of cancelled jobs, whose bytes have these hashes. ``discard``: bytes that nobody
        uses. ``cleanup_all``: whatever nobody is shown.
        """
        self._leases = leases
        self._recovery = recovery
        self._board = board
        self._preparing = preparing
        self._indexing = indexing
        self._reindexing = reindexing
        self._cleanup = cleanup
        self._cleanup_all = cleanup_all
        self._discard = discard
        self._parsers = parsers
        self._lease_s = lease_s
        self._monotonic = monotonic
        self._stopping = threading.Event()
        self._guard = threading.Lock()
        self._threads: list[threading.Thread] = []
        self._parse = False  # whether the parse workers were started
        self._untidy_since: float | None = None  # leftovers could not be removed then
        self._parsing, self._indexes = (
            Outcomes(recovery=recovery, stopping=self._stopping, max_attempts=max_attempts) for _ in range(2)
        )

    def start(self, *, parse: bool = True) -> None:
        """Start the threads; again is no error.

        Without ``parse`` the parse workers are not started (yet): files wait for ``work_on``.
        """
        with self._guard:
            if self._stopping.is_set():
                return
            if not self._threads:
                self._begin("index", lambda: self.index_some())
                self._threads.append(threading.Thread(target=self._supervise, name="jobs", daemon=True))
                self._threads[-1].start()
            if parse and not self._parse:
                self._parse = True
                for number in range(1, self._parsers + 1):
                    self._begin(f"parse-{number}", lambda: self.parse_one())

    def _begin(self, name: str, work: Callable[[], bool]) -> None:
        self._threads.append(
            threading.Thread(target=self._loop, args=(name, work), name=name, daemon=True)
        )
        self._threads[-1].start()

    def stop(self) -> None:
        """Give every job back at once, and let the threads end; they are waited for a few seconds.

        Again, or without a start, is no error.
        """
        with self._guard:
            self._stopping.set()
            self._end()

    def _end(self) -> None:
        if not self._threads:
            return
        self._release()
        self._board.ring()
        deadline = time.monotonic() + JOIN_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self._threads = []
        self._release()  # a worker may have claimed a job in between

    def _release(self) -> None:
        """Give the jobs back; where that cannot be written down, the next start takes them."""
        try:
            self._recovery.release_all()
        except TouchstoneError as error:
            log.warning("jobs cannot be given back: %s", error)

    def parse_one(self) -> bool:
        """Prepare one job, where one waits; whether there was one."""
        return self.work_on("", self._preparing.run)

    def work_on(self, job_id: str, work: Callable[[Held], None]) -> bool:
        """Do a parse worker's work on this job ("": the next one); whether it waited and may run.

        What ``work`` raises is judged as an error of a parse worker is.
        """
        if self._stopping.is_set():
            return False
        claimed = self._leases.claim("parse", threading.current_thread().name, job_id=job_id)
        if claimed is None:
            return False
        held = self._hold(*claimed)
        self._judged([held], lambda: work(held), self._parsing)
        return True

    def index_some(self) -> bool:
        """Embed, index and publish a group of jobs, where any wait; whether there were any."""
        if self._stopping.is_set():
            return False
        group = self._group()
        if not group:
            return False

        def work() -> None:
            if group[0].job.kind == "reindex":
                self._reindexing.run(group[0])
            else:
                self._indexing.run(group, self._indexes.gave_up)

        self._judged(group, work, self._indexes)
        return True

    def tick(self) -> None:
        """What time brings: expired leases, cancelled jobs nobody let go of, waits that are over."""
        taken = self._recovery.reclaim_expired()
        for each in taken:
            log.warning("job %s was taken from a worker that gave no sign of life", each.job.id)
        ended = self._recovery.end_cancelled()
        if ended:
            self.tidy(lambda: self._cleanup([job.sha256 for job in ended]))
        if taken or ended or self._recovery.come_due():
            self._board.ring()
        if self._untidy_since is not None and self._monotonic() >= self._untidy_since + TIDY_S:
            self.tidy(self._cleanup_all)
            if self._recovery.wake_parents():
                self._board.ring()

    def tidy(self, clean: Callable[[], None]) -> None:
        """Remove what nobody is shown; where that fails, everything of the kind is tried again later."""
        try:
            clean()
            self._untidy_since = None
        except Exception:
            log.exception("leftovers cannot be removed yet")
            self._untidy_since = self._monotonic()
            self._board.ring()

    def _judged(self, group: list[Held], work: Callable[[], None], outcomes: Outcomes) -> None:
        """Do the work; whatever happens, every job of the group has ended, waits or was handed over."""
        try:
            work()
            outcomes.went_well()
        except Exception as error:
            for held in group:
                held.reconsider()
            untidy = all(held.job.ended for held in group)  # what came after the jobs failed, not a job
            for held in group:
                if not held.over:
                    outcomes.gave_up(held, error)
            if untidy and not self._stopping.is_set():
                log.exception("leftovers of %d jobs cannot be removed yet", len(group))
                self._untidy_since = self._monotonic()
        for held in group:
            if not held.over:
                outcomes.gave_up(held, RuntimeError(f"nothing was done with it while {held.job.state}"))
            self._board.clear(held.job.id)
        try:
            self._discard(set[str]().union(*(held.let_go_of for held in group)))
            if any(held.job.parent for held in group):
                self._recovery.wake_parents()
        except Exception:
            log.exception("what follows the end of %d jobs cannot be done yet", len(group))
            self._untidy_since = self._monotonic()
        self._board.ring()

    def _group(self) -> list[Held]:
        """Jobs to embed and index together: as many small ones as keep no one waiting long."""
        first = self._leases.claim("index", threading.current_thread().name)
        if first is None:
            return []
        group = [self._hold(*first)]
        while group[0].job.kind == "ingest" and group[0].job.attempt == 1 and (room := self._room(group)) > 0:
            claimed = self._leases.claim("index", threading.current_thread().name, at_most_chunks=room)
            if claimed is None:
                break
            group.append(self._hold(*claimed))
        return group

    def _room(self, group: list[Held]) -> int:
        """How many chunks may still join a group: as many as are soon embedded, where any are to be."""
        room, rate = GROUP_CHUNKS, self._indexing.rate
        if any(held.job.state == "embedding" for held in group):
            room = min(GROUP_CHUNKS, int(rate * GROUP_S)) if rate else FIRST_GROUP
        return room - sum(max(held.job.chunks, 1) for held in group)

    def _hold(self, job: Job, lease: Lease) -> Held:
        return Held(
            job,
            lease,
            leases=self._leases,
            recovery=self._recovery,
            board=self._board,
            lease_s=self._lease_s,
            monotonic=self._monotonic,
        )

    def _loop(self, name: str, work: Callable[[], bool]) -> None:
        while not self._stopping.is_set():
            seen = self._board.rings
            try:
                worked = work()
            except Exception:
                if self._stopping.is_set():
                    return
                log.exception("worker %s", name)
                self._stopping.wait(2.0)
                continue
            if not worked:
                self._board.wait(seen)

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            seen = self._board.rings
            try:
                self.tick()
                timer = self._next_timer()
            except Exception:
                if self._stopping.is_set():
                    return
                log.exception("supervisor")
                timer = self._monotonic() + 2.0
            self._board.wait(seen, None if timer is None else max(timer - self._monotonic(), 0.05))

    def _next_timer(self) -> float | None:
        timers = [self._recovery.next_timer()]
        if self._untidy_since is not None:
            timers.append(self._untidy_since + TIDY_S)
        return min((timer for timer in timers if timer is not None), default=None)
