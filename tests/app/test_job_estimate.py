from dataclasses import replace
from datetime import UTC, datetime

from app.jobs.board import Board
from app.jobs.estimate import bytes_per_chunk, rates, seconds_left
from app.storage.job_types import Job
from tests.fakes.clock import FrozenClock

NOW = datetime(2026, 1, 2, tzinfo=UTC)
DONE = Job(
    seq=1, turn=1, id="a", kind="ingest", batch="", owner="", parent="", collection_id="c", name="a.md",
    sha256="", size_bytes=10_000, duplicates="keep", document_id="", version=1, state="ready",
    step="publishing", held=False, outcome="added", attempt=0, code="", message="", notices=(),
    seconds=(("parse", 2.0), ("embed", 4.0), ("index", 1.0)), pages=0, chunks=20, tokens=0, reused=0,
    lease=None, lease_until=0, due=0, retry_at=None, created_at=NOW, started_at=NOW, updated_at=NOW,
    ended_at=NOW,
)  # fmt: skip


def test_speed_is_the_median_of_what_ended_without_what_was_free() -> None:
    slow = replace(DONE, seconds=(("parse", 20.0),))
    reused = replace(DONE, reused=10)
    assert rates([DONE, slow, reused]) == {"parse": 5_000.0, "embed": 3.75, "index": 20.0}
    assert bytes_per_chunk([DONE]) == 500.0


def test_time_left_adds_up_the_steps_that_are_to_come() -> None:
    known = rates([DONE])
    waiting = replace(DONE, state="stored", step="stored", chunks=0, size_bytes=20_000, ended_at=None)
    assert seconds_left(waiting, None, known, 500.0) == 4.0 + 8.0 + 2.0
    embedding = replace(waiting, state="embedding", step="embedding", chunks=40)
    assert seconds_left(embedding, None, known, 500.0) == 8.0 + 2.0


def test_own_speed_counts_more_than_that_of_others() -> None:
    clock = FrozenClock()
    board = Board(monotonic=clock)
    board.show("a", "embed", 10, 40)  # ten were known before
    clock.pass_s(5)
    board.show("a", "embed", 20, 40)
    embedding = replace(DONE, state="embedding", step="embedding", chunks=40, ended_at=None)
    assert seconds_left(embedding, board.of("a"), {"embed": 100.0, "index": 20.0}, 500.0) == 10.0 + 2.0


def test_nothing_is_made_up_before_anything_was_measured() -> None:
    assert seconds_left(replace(DONE, state="stored", step="stored"), None, {}, 500.0) is None
    assert seconds_left(DONE, None, rates([DONE]), 500.0) is None
