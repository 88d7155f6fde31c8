"""Who works on which job: fairness, leases, waits, recovery, with a clock that moves when it is told."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.errors import BadRequest
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.job_leases import JobLeases, LeaseLost
from app.storage.job_recovery import JobRecovery
from app.storage.job_types import Job, NewJob, Queue, Step
from app.storage.jobs import Jobs
from tests.fakes.clock import FrozenClock

NOW = datetime(2026, 1, 2, tzinfo=UTC)


class Desk:
    """The storage of jobs as one process sees it."""

    def __init__(self, database: Database, clock: FrozenClock, instance: str = "one") -> None:
        self.collection = Collections(database, now=lambda: NOW).create("books").id
        self.database = database
        self.jobs = Jobs(database, now=lambda: NOW)
        self.leases = JobLeases(database, instance=instance, now=lambda: NOW, monotonic=clock, lease_s=30)
        self.recovery = JobRecovery(
            database, instance=instance, now=lambda: NOW, monotonic=clock, lease_s=30, max_attempts=3
        )
        self._made = 0

    def add(self, name: str = "", *, owner: str = "", sha256: str = "") -> Job:
        self._made += 1
        number = f"{self._made:064x}"
        new = NewJob(
            "ingest", self.collection, name or f"{self._made}.md", sha256=sha256 or number, owner=owner
        )
        return self.jobs.add(new)

    def claimed(self, queue: Queue = "parse") -> str:
        found = self.leases.claim(queue, "worker")
        return "" if found is None else found[0].name


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def desk(tmp_path: Path, clock: FrozenClock) -> Desk:
    return Desk(Database(tmp_path / "db.sqlite3"), clock)


def test_oldest_job_is_next(desk: Desk) -> None:
    for name in ("a.md", "b.md", "c.md"):
        desk.add(name)
    assert [desk.claimed() for _ in range(4)] == ["a.md", "b.md", "c.md", ""]


def test_owner_with_fewest_running_jobs_is_next_then_the_one_served_longest_ago(desk: Desk) -> None:
    for number in range(4):
        desk.add(f"ann-{number}", owner="ann")
    for number in range(2):
        desk.add(f"bob-{number}", owner="bob")
    desk.add("cid-0", owner="cid")
    assert [desk.claimed() for _ in range(8)] == [
        "ann-0", "bob-0", "cid-0", "ann-1", "bob-1", "ann-2", "ann-3", "",
    ]  # fmt: skip


def test_job_that_is_named_is_claimed_alone_and_only_where_it_may_run(desk: Desk) -> None:
    first, second, other = desk.add("a.md"), desk.add("a.md"), desk.add("b.md")
    assert desk.leases.claim("parse", "worker", job_id=second.id) is None
    found = desk.leases.claim("parse", "worker", job_id=other.id)
    assert found is not None
    assert (found[0].id, found[0].state) == (other.id, "parsing")
    assert desk.leases.claim("parse", "worker", job_id=other.id) is None
    assert desk.leases.claim("index", "worker", job_id=first.id) is None
    assert desk.claimed() == "a.md"


def test_same_name_waits_for_the_earlier_upload(desk: Desk) -> None:
    desk.add("a.md")
    desk.add("a.md")
    first = desk.leases.claim("parse", "worker")
    assert first is not None
    assert desk.claimed() == ""
    desk.leases.finish(first[1], "added")
    assert desk.claimed() == "a.md"


def test_same_bytes_wait_for_the_earlier_upload_even_where_it_fails(desk: Desk) -> None:
    desk.add("a.md", sha256="ab" * 32)
    desk.add("b.md", sha256="ab" * 32)
    first = desk.leases.claim("parse", "worker")
    assert first is not None
    assert desk.claimed() == ""
    desk.leases.fail(first[1], "damaged", "a.md: damaged")
    assert desk.claimed() == "b.md"


def test_job_handed_over_is_claimed_from_the_other_queue(desk: Desk) -> None:
    desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    desk.leases.advance(found[1], "chunking")
    desk.leases.advance(found[1], "embedding", hand_over=True, chunks=7)
    assert desk.claimed("parse") == ""
    again = desk.leases.claim("index", "worker")
    assert again is not None
    assert (again[0].state, again[0].attempt, again[0].chunks) == ("embedding", 1, 7)


def test_worker_that_lost_its_lease_can_change_nothing(desk: Desk, clock: FrozenClock) -> None:
    job = desk.add("a.md")
    slow = desk.leases.claim("parse", "slow")
    assert slow is not None
    clock.pass_s(30)
    assert [taken.job.id for taken in desk.recovery.reclaim_expired()] == [job.id]
    quick = desk.leases.claim("parse", "quick")
    assert quick is not None
    assert quick[0].attempt == 2
    with pytest.raises(LeaseLost):
        desk.leases.advance(slow[1], "chunking")
    with pytest.raises(LeaseLost):
        desk.leases.check(slow[1])
    desk.leases.advance(quick[1], "chunking")


def test_sign_of_life_keeps_the_lease(desk: Desk, clock: FrozenClock) -> None:
    desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    for _ in range(5):
        clock.pass_s(29)
        desk.leases.extend(found[1])
        assert desk.recovery.reclaim_expired() == []


def test_third_crash_fails_the_job_with_the_reason(desk: Desk, clock: FrozenClock) -> None:
    job = desk.add("a.md")
    for _ in range(3):
        assert desk.claimed() == "a.md"
        clock.pass_s(30)
        desk.recovery.reclaim_expired()
    failed = desk.jobs.get(job.id)
    assert (failed.state, failed.step, failed.code) == ("failed", "parsing", "crashed")
    assert failed.message.startswith("a.md: no sign of life for 30 s 3 times while it was parsing; try it")
    assert [attempt.outcome for attempt in desk.jobs.attempts(job.id)] == ["crashed"] * 3


def test_tries_are_counted_for_each_step(desk: Desk, clock: FrozenClock) -> None:
    job = desk.add("a.md")
    steps: tuple[Step, ...] = ("chunking", "embedding")
    for step in steps:
        for _ in range(2):
            desk.claimed()
            clock.pass_s(30)
            desk.recovery.reclaim_expired()
        found = desk.leases.claim("parse", "worker")
        assert found is not None
        desk.leases.advance(found[1], step, hand_over=True)
    assert desk.jobs.get(job.id).attempt == 0
    assert desk.jobs.get(job.id).state == "embedding"


def test_jobs_of_a_dead_process_are_taken_at_once_whatever_its_clock_said(tmp_path: Path) -> None:
    early, late = FrozenClock(), FrozenClock()
    late.pass_s(1_000_000)
    before = Desk(Database(tmp_path / "db.sqlite3"), late)
    before.add("a.md")
    assert before.claimed() == "a.md"
    after = Desk(Database(tmp_path / "db.sqlite3"), early, instance="two")
    assert [taken.job.name for taken in after.recovery.reclaim_foreign()] == ["a.md"]
    assert after.claimed() == "a.md"


def test_jobs_given_back_at_a_stop_have_not_been_tried(desk: Desk) -> None:
    job = desk.add("a.md")
    for _ in range(5):
        assert desk.claimed() == "a.md"
        assert desk.recovery.release_all() == 1
    assert (desk.jobs.get(job.id).attempt, desk.jobs.get(job.id).lease) == (0, None)


def test_job_that_waits_for_something_is_not_claimed_before_its_time(desk: Desk, clock: FrozenClock) -> None:
    job = desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    desk.leases.put_back(found[1], wait_s=10, code="embedder_unavailable", message="the embedder is away")
    waiting = desk.jobs.get(job.id)
    assert (waiting.state, waiting.code, waiting.attempt) == ("parsing", "embedder_unavailable", 0)
    assert waiting.retry_at == datetime(2026, 1, 2, 0, 0, 10, tzinfo=UTC)
    assert desk.claimed() == ""
    assert desk.recovery.next_timer() == clock.now + 10
    clock.pass_s(10)
    assert desk.recovery.come_due() == 1
    assert desk.claimed() == "a.md"


def test_waiting_job_is_cancelled_at_once_and_a_running_one_when_its_worker_lets_go(desk: Desk) -> None:
    running, waiting = desk.add("a.md"), desk.add("b.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    assert [job.state for job in desk.recovery.cancel(waiting.id)] == ["cancelled"]
    assert [job.state for job in desk.recovery.cancel(running.id)] == ["cancelling"]
    assert desk.recovery.end_cancelled() == []
    with pytest.raises(LeaseLost):
        desk.leases.check(found[1])
    desk.recovery.let_go(found[1])
    assert [job.id for job in desk.recovery.end_cancelled()] == [running.id]


def test_worker_that_does_not_hear_loses_a_cancelled_job_after_a_second(
    desk: Desk, clock: FrozenClock
) -> None:
    job = desk.add("a.md")
    assert desk.claimed() == "a.md"
    desk.recovery.cancel(job.id)
    clock.pass_s(1)
    assert [ended.state for ended in desk.recovery.end_cancelled()] == ["cancelled"]


def test_failed_job_goes_on_at_the_step_that_failed(desk: Desk) -> None:
    job = desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    desk.leases.advance(found[1], "chunking")
    desk.leases.fail(found[1], "internal", "a.md: broke")
    assert desk.jobs.retry(job.id).state == "chunking"
    assert desk.claimed() == "a.md"


def test_failed_job_whose_name_was_uploaded_again_cannot_be_retried(desk: Desk) -> None:
    old = desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    desk.leases.fail(found[1], "damaged", "a.md: damaged")
    desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    desk.leases.finish(found[1], "added")
    with pytest.raises(BadRequest, match=r"the bytes of 'a\.md' are no longer kept.*upload the file again"):
        desk.jobs.retry(old.id)


def test_every_change_is_an_event_with_a_growing_id(desk: Desk) -> None:
    job = desk.add("a.md")
    found = desk.leases.claim("parse", "worker")
    assert found is not None
    desk.leases.advance(found[1], "chunking")
    desk.leases.fail(found[1], "internal", "a.md: broke")
    events = desk.jobs.events(after=0)
    assert [event.state for event in events] == ["received", "stored", "parsing", "chunking", "failed"]
    assert [event.id for event in events] == sorted({event.id for event in events})
    assert [event.state for event in desk.jobs.events(after=events[2].id)] == ["chunking", "failed"]
    assert [event.job_id for event in desk.jobs.history(job.id)] == [job.id] * 5


def test_jobs_are_listed_newest_first_page_by_page(desk: Desk) -> None:
    for _ in range(5):
        desk.add()
    first = desk.jobs.page(limit=2)
    assert [job.name for job in first] == ["5.md", "4.md"]
    assert [job.name for job in desk.jobs.page(limit=2, before=first[-1].seq)] == ["3.md", "2.md"]
    assert desk.jobs.counts() == {"stored": 5}
    assert desk.jobs.page(states=("ready",)) == []
