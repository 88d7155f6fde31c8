"""A job in a worker's hands."""

import time
from collections.abc import Callable
from typing import Unpack

from app.jobs.board import Board
from app.storage.job_leases import Facts, JobLeases
from app.storage.job_recovery import JobRecovery
from app.storage.job_types import Job, Lease, Outcome, Step
from retrieval.types import Notice

CHECK_S = 0.2  # how soon a worker notices that its job was cancelled, at the price of one small query


class Held:
    """Leads one claimed job; every call raises ``LeaseLost`` when the job is no longer this worker's."""

    def __init__(
        self,
        job: Job,
        lease: Lease,
        *,
        leases: JobLeases,
        recovery: JobRecovery,
        board: Board,
        lease_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.job = job
        self.seconds: dict[str, float] = dict(job.seconds)
        self.notices: tuple[Notice, ...] = ()  # of steps that have not been recorded yet
        self.reused = 0
        self.over = False  # it has ended, waits, or is another worker's
        self.let_go_of: set[str] = set()  # hashes of bytes, once the job is ready
        self._lease = lease
        self._leases = leases
        self._recovery = recovery
        self._board = board
        self._monotonic = monotonic
        self._extend_every_s = lease_s / 3
        self._checked = self._extended = monotonic()

    def progress(self, stage: str, done: int, total: int) -> None:
        """A sign of life (``ingest.protocols.Progress``): shows how far it is, and keeps the lease alive."""
        self._board.show(self.job.id, stage, done, total)
        now = self._monotonic()
        if now - self._extended >= self._extend_every_s:
            self._leases.extend(self._lease)
            self._checked = self._extended = now
        elif now - self._checked >= CHECK_S:
            self._leases.check(self._lease)
            self._checked = now

    def check(self) -> None:
        """Raise ``LeaseLost`` where this worker should stop."""
        self._leases.check(self._lease)

    def reconsider(self) -> None:
        """After an error: what was done to the job in a transaction that was rolled back was not done."""
        try:
            job = self._leases.leased(self._lease)
        except Exception:  # noqa: BLE001 - where not even that can be read, whoever writes next finds out
            self.over = False
            return
        if job is not None:
            self.job, self.over, self.let_go_of = job, False, set()

    def took(self, stage: str, seconds: float) -> None:
        """Add to the time a stage took."""
        self.seconds[stage] = self.seconds.get(stage, 0.0) + seconds

    def advance(self, step: Step, *, hand_over: bool = False, **facts: Unpack[Facts]) -> None:
        """See ``JobLeases.advance``."""
        facts["seconds"] = self.seconds
        self.job = self._leases.advance(self._lease, step, hand_over=hand_over, **facts)
        self.over = hand_over
        if hand_over:
            self._board.clear(self.job.id)

    def finish(self, outcome: Outcome, *, held: bool = False, **facts: Unpack[Facts]) -> None:
        """See ``JobLeases.finish``."""
        facts["seconds"] = self.seconds
        self.job, self.let_go_of = self._leases.finish(self._lease, outcome, held=held, **facts)
        self.over = True

    def fail(self, code: str, message: str) -> None:
        """See ``JobLeases.fail``."""
        self.job = self._leases.fail(self._lease, code, message, seconds=self.seconds)
        self.over = True

    def put_back(
        self, *, wait_s: float = 0.0, code: str = "", message: str = "", counted: bool = False
    ) -> None:
        """See ``JobLeases.put_back``."""
        self._leases.put_back(self._lease, wait_s=wait_s, code=code, message=message, counted=counted)
        self.over = True

    def let_go(self) -> None:
        """See ``JobRecovery.let_go``."""
        self._recovery.let_go(self._lease)
        self.over = True
