"""Jobs under any sequence of work, crashes, cancels and retries equal a model of dictionaries."""

import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from app.errors import BadRequest
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.job_leases import JobLeases, LeaseLost
from app.storage.job_recovery import JobRecovery
from app.storage.job_types import Lease, NewJob, Queue, Step
from app.storage.jobs import Jobs
from tests.fakes.clock import FrozenClock

NOW = datetime(2026, 1, 2, tzinfo=UTC)
OPEN = ("stored", "parsing", "chunking", "embedding", "indexing", "publishing", "cancelling")
NEXT: dict[str, tuple[Step, bool]] = {
    "parsing": ("chunking", False),
    "chunking": ("embedding", True),
    "embedding": ("indexing", False),
    "indexing": ("publishing", False),
}
QUEUE = dict.fromkeys(("stored", "parsing", "chunking"), "parse") | dict.fromkeys(
    ("embedding", "indexing", "publishing"), "index"
)


@dataclass
class Expected:
    """What a job should be. ``worker`` is the lease, None while nobody has it."""

    name: str
    sha256: str
    turn: int
    state: str = "stored"
    step: str = "stored"
    attempt: int = 0
    held: bool = True
    worker: Lease | None = None


class JobMachine(RuleBasedStateMachine):
    """Workers, a supervisor and a person, one after another."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self._database = Database(Path(self._folder.name) / "db.sqlite3")
        self._database.connection().execute("PRAGMA synchronous=OFF")
        self._clock = FrozenClock()
        self._collection = Collections(self._database, now=lambda: NOW).create("books").id
        self._jobs = Jobs(self._database, now=lambda: NOW)
        self._instances = self._turns = 0
        self._model: dict[str, Expected] = {}

    @initialize()
    def start(self) -> None:
        self._instances += 1
        about = {
            "instance": str(self._instances),
            "now": lambda: NOW,
            "monotonic": self._clock,
            "lease_s": 30,
        }
        self._leases = JobLeases(self._database, **about)  # type: ignore[arg-type]  # the four in common
        self._recovery = JobRecovery(self._database, max_attempts=3, **about)  # type: ignore[arg-type]

    def teardown(self) -> None:
        self._database.close()
        self._folder.cleanup()

    @rule(name=st.sampled_from("abc"), sha=st.sampled_from("12"))
    def hand_in(self, name: str, sha: str) -> None:
        job = self._jobs.add(NewJob("ingest", self._collection, name, sha256=sha * 64))
        self._turns += 1
        self._model[job.id] = Expected(name, sha * 64, self._turns)

    @rule(target=leases, queue=st.sampled_from(["parse", "index"]))
    def claim(self, queue: Queue) -> Lease | None:
        found = self._leases.claim(queue, "worker")
        wanted = self._next(queue)
        assert (found[0].id if found else None) == wanted
        if found is None or wanted is None:
            return None
        job = self._model[wanted]
        job.state = job.step = "parsing" if job.state == "stored" else job.state
        job.attempt += 1
        job.worker = found[1]
        return found[1]

    @rule(lease=leases)
    def advance(self, lease: Lease | None) -> None:
        job = self._of(lease)
        if lease is None or (job is not None and job.state == "publishing"):
            return
        if job is None:
            self._refused(lambda: self._leases.advance(lease, "publishing"))
            return
        step, hand_over = NEXT[job.state]
        self._leases.advance(lease, step, hand_over=hand_over)
        job.state = job.step = step
        job.attempt = 0 if hand_over else 1
        if hand_over:
            self._let_go(job)

    @rule(lease=consumes(leases))
    def finish(self, lease: Lease | None) -> None:
        job = self._of(lease)
        if lease is None:
            return
        if job is None:
            self._refused(lambda: self._leases.finish(lease, "added"))
            return
        self._leases.finish(lease, "added")
        job.state, job.held = "ready", False
        self._let_go(job)
        order = list(self._model.values())
        for other in order[: order.index(job)]:
            if other.name == job.name and other.state == "failed":
                other.held = False

    @rule(lease=consumes(leases))
    def fail(self, lease: Lease | None) -> None:
        job = self._of(lease)
        if lease is None:
            return
        if job is None:
            self._refused(lambda: self._leases.fail(lease, "damaged", "x"))
            return
        self._leases.fail(lease, "damaged", "x")
        job.state = "failed"
        self._let_go(job)

    @rule(lease=leases)
    def let_go(self, lease: Lease | None) -> None:
        if lease is None:
            return
        self._recovery.let_go(lease)
        for job in self._model.values():
            if job.worker == lease:
                self._let_go(job)

    @rule()
    def supervise(self) -> None:
        ended = {job.id for job in self._recovery.end_cancelled()}
        wanted = {id for id, job in self._model.items() if job.state == "cancelling" and job.worker is None}
        assert ended == wanted
        for job_id in ended:
            self._cancelled(self._model[job_id])

    @rule(crash=st.booleans())
    def all_workers_stop(self, crash: bool) -> None:
        """The process is killed and started again, or every lease expires in a process that hangs."""
        if crash:
            self.start()
            self._recovery.reclaim_foreign()
        else:
            self._clock.pass_s(30)
            self._recovery.reclaim_expired()
        for job in self._model.values():
            if crash and job.state == "publishing":
                job.state = job.step = "indexing"
            if job.worker is None:
                continue
            self._let_go(job)
            if job.state != "cancelling" and job.attempt >= 3:
                job.state = "failed"

    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        if not self._model:
            return
        job_id = list(self._model)[data.draw(st.integers(0, len(self._model) - 1))]
        self._recovery.cancel(job_id)
        job = self._model[job_id]
        if job.state in ("ready", "cancelled"):
            return
        if job.worker is not None:
            job.state = "cancelling"
        else:
            self._cancelled(job)

    @rule(data=st.data())
    def retry(self, data: st.DataObject) -> None:
        if not self._model:
            return
        job_id = list(self._model)[data.draw(st.integers(0, len(self._model) - 1))]
        job = self._model[job_id]
        if job.state == "failed" and job.held:
            self._jobs.retry(job_id)
            job.state, job.attempt = job.step, 0
            self._turns += 1
            job.turn = self._turns
            return
        try:
            self._jobs.retry(job_id)
        except BadRequest:
            return
        raise AssertionError("a job that has not failed, or holds nothing, was tried again")

    @invariant()
    def rows_equal_the_model(self) -> None:
        for job_id, expected in self._model.items():
            job = self._jobs.get(job_id)
            worker = expected.worker.token if expected.worker else None
            assert (job.state, job.step, job.attempt, job.held, job.lease) == (
                expected.state, expected.step, expected.attempt, expected.held, worker,
            )  # fmt: skip

    @invariant()
    def no_two_workers_have_the_same_name_or_bytes_at_hand(self) -> None:
        running = [job for job in self._model.values() if job.worker]
        assert len({job.name for job in running}) == len({job.sha256 for job in running}) == len(running)

    def _next(self, queue: Queue) -> str | None:
        before: list[Expected] = []
        for job_id, job in sorted(self._model.items(), key=lambda item: item[1].turn):
            blocked = any(
                other.state in OPEN and (other.name == job.name or other.sha256 == job.sha256)
                for other in before
            )
            if QUEUE.get(job.state) == queue and job.worker is None and not blocked:
                return job_id
            before.append(job)
        return None

    def _of(self, lease: Lease | None) -> Expected | None:
        """The job that this lease may still change."""
        if lease is None:
            return None
        job = self._model[lease.job_id]
        return job if job.worker == lease and job.state != "cancelling" else None

    def _refused(self, act: object) -> None:
        try:
            act()  # type: ignore[operator]  # a write with a lease that was lost
        except LeaseLost:
            return
        raise AssertionError("a lost lease changed a job")

    def _let_go(self, job: Expected) -> None:
        job.worker = None

    def _cancelled(self, job: Expected) -> None:
        job.state, job.held, job.worker = "cancelled", False, None


TestJobs = JobMachine.TestCase
TestJobs.settings = settings(max_examples=40, stateful_step_count=30)
