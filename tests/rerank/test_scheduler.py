import gc
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from rerank.engine import OutOfMemory
from rerank.errors import RerankerOverloaded, RerankError, RerankStopped
from rerank.packing import Request
from rerank.protocols import Stopped, never
from rerank.scheduler import Scheduler

ROOT = Path(__file__).resolve().parents[2]


class LengthEngine:
    """A score is the sum of a pair's tokens. It waits where told, and remembers the batches it was given."""

    def __init__(self, *, limit: int = 10**9) -> None:
        self.limit = limit
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.go = threading.Event()
        self.go.set()
        self.threads: set[threading.Thread] = set()

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        self.threads.add(threading.current_thread())
        self.batches.append([len(request.tails) for request in requests])
        self.entered.set()
        while not self.go.wait(0.002):
            if stopped():
                raise RerankStopped("stopped")
        if sum(request.tokens for request in requests) > self.limit:
            raise OutOfMemory("too much")
        return [[float(sum(request.shared) + sum(tail)) for tail in request.tails] for request in requests]


class FailingEngine:
    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        raise KeyError("text of a document")


def ask(scheduler: Scheduler, shared: int, tails: Sequence[int], stopped: Stopped = never) -> list[float]:
    with scheduler.preparing():
        job = scheduler.submit(Request([shared], [[tail] for tail in tails]))
    return scheduler.wait(job, stopped)[0]


def test_many_threads_get_their_own_scores() -> None:
    scheduler = Scheduler(LengthEngine(), batch_tokens=17)
    results: dict[int, list[float]] = {}

    def call(i: int) -> None:
        results[i] = ask(scheduler, 1000 * i, range(1, 2 + i % 7))

    threads = [threading.Thread(target=call, args=(i,)) for i in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == {i: [1000.0 * i + n for n in range(1, 2 + i % 7)] for i in range(40)}


def test_requests_that_wait_while_the_model_is_busy_go_together() -> None:
    engine = LengthEngine()
    engine.go.clear()
    scheduler = Scheduler(engine, batch_tokens=100)
    jobs = [scheduler.submit(Request([1], [[2]]))]
    assert engine.entered.wait(5)
    jobs += [scheduler.submit(Request([n], [[1], [2]])) for n in range(3)]
    engine.go.set()
    for job in jobs:
        scheduler.wait(job, never)
    assert engine.batches == [[1], [2, 2, 2]]


def test_announced_requests_are_waited_for_a_moment() -> None:
    engine = LengthEngine()
    scheduler = Scheduler(engine, batch_tokens=100, linger_s=5)
    with scheduler.preparing():
        first = scheduler.submit(Request([1], [[2]]))
        time.sleep(0.05)
        second = scheduler.submit(Request([1], [[3]]))
    assert (scheduler.wait(first, never)[0], scheduler.wait(second, never)[0]) == ([3.0], [4.0])
    assert engine.batches == [[1, 1]]


def test_a_single_caller_waits_for_nobody() -> None:
    scheduler = Scheduler(LengthEngine(), batch_tokens=100, linger_s=5)
    started = time.monotonic()
    assert ask(scheduler, 1, [2]) == [3.0]
    assert time.monotonic() - started < 2


class Counting(LengthEngine):
    """Remembers which request each pass began with, and lets requests come in the middle of a pass."""

    def __init__(self) -> None:
        super().__init__()
        self.order: list[int] = []
        self.arrivals: dict[int, Callable[[], None]] = {}

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        if come := self.arrivals.pop(len(self.order), None):
            come()
        self.order += [request.shared[0] for request in requests]
        return super().log_odds(requests, stopped)


def _order_of(requests: Sequence[Request]) -> list[int]:
    """Which request each pass of 11 tokens was for, when all of them came during one pass before."""
    engine = Counting()
    engine.go.clear()
    scheduler = Scheduler(engine, batch_tokens=11)
    jobs = [scheduler.submit(Request([0], [[1]]))]
    assert engine.entered.wait(5)
    jobs += [scheduler.submit(request) for request in requests]
    engine.go.set()
    for job in jobs:
        scheduler.wait(job, never)
    return engine.order[1:]


def test_question_of_twenty_passages_overtakes_ten_thousand_documents() -> None:
    engine = Counting()
    scheduler = Scheduler(engine, batch_tokens=101)
    chat = []
    engine.arrivals[3] = lambda: chat.append(scheduler.submit(Request([7], [[1]] * 20)))
    bulk = scheduler.submit(Request([9], [[1]] * 10_000))
    scheduler.wait(bulk, never)
    assert engine.order[:6] == [9, 9, 9, 9, 7, 9]
    assert scheduler.wait(chat[0], never)[0] == [8.0] * 20
    assert engine.batches[4] == [20]
    assert sum(map(sum, engine.batches)) == 10_020


def test_bulk_request_keeps_a_quarter_of_the_passes_however_many_questions_come() -> None:
    bulk, questions = Request([9], [[1]] * 44), [Request([n], [[1]] * 9) for n in range(20, 40)]
    order = _order_of([bulk, *questions])
    assert [i for i, who in enumerate(order) if who == 9] == [3, 7, 11, 15, 19]
    assert [who for who in order if who != 9] == list(range(20, 40))


def test_long_requests_have_that_quarter_one_after_another_and_all_end() -> None:
    long = [Request([n], [[1]] * 44) for n in (1, 2, 3)]
    short = [Request([n], [[1]] * 9) for n in range(20, 65)]
    order = _order_of([*long, *short])
    assert order[3::4][:15] == [1] * 5 + [2] * 5 + [3] * 5
    assert len(order) == 15 + 45


def test_question_that_comes_in_slices_is_not_parted_by_a_bulk_request() -> None:
    engine = Counting()
    scheduler = Scheduler(engine, batch_tokens=11, linger_s=5)
    slices: list[list[float]] = []

    def question() -> None:
        slices.extend(ask(scheduler, 7, [1] * 4) for _ in range(3))

    asking = threading.Thread(target=question)
    arrived = threading.Event()

    def come() -> None:
        asking.start()
        assert arrived.wait(5)

    engine.arrivals[1] = come
    bulk = scheduler.submit(Request([9], [[1]] * 60))
    while len(scheduler._state.jobs) < 2:
        time.sleep(0.001)
    arrived.set()
    asking.join(20)
    scheduler.wait(bulk, never)
    assert slices == [[8.0] * 4] * 3
    assert engine.order == [9, 9, 7, 7, 7, 9, 9, 9, 9]


def test_queue_that_is_full_refuses_at_once() -> None:
    engine = LengthEngine()
    engine.go.clear()
    scheduler = Scheduler(engine, batch_tokens=100, max_waiting=2)
    jobs = [scheduler.submit(Request([1], [[2]])) for _ in range(2)]
    with pytest.raises(RerankerOverloaded, match="2 requests are waiting already"):
        scheduler.submit(Request([1], [[2]]))
    engine.go.set()
    for job in jobs:
        scheduler.wait(job, never)
    assert ask(scheduler, 1, [2]) == [3.0]


def test_stopped_caller_is_free_at_once_and_its_work_leaves_the_engine() -> None:
    engine = LengthEngine()
    engine.go.clear()
    scheduler = Scheduler(engine, batch_tokens=100, max_waiting=1)
    job = scheduler.submit(Request([1], [[2], [3]]))
    assert engine.entered.wait(5)
    with pytest.raises(RerankStopped, match="stopped with 2 of 2 passages unscored"):
        scheduler.wait(job, lambda: True)
    time.sleep(0.1)
    again = scheduler.submit(Request([1], [[4]]))
    engine.go.set()
    assert scheduler.wait(again, never)[0] == [5.0]


def test_one_caller_stopping_does_not_stop_its_batch_mates() -> None:
    engine = LengthEngine()
    engine.go.clear()
    scheduler = Scheduler(engine, batch_tokens=100)
    with scheduler.preparing():
        gone, stays = (scheduler.submit(Request([1], [[n]])) for n in (2, 3))
    assert engine.entered.wait(5)
    with pytest.raises(RerankStopped):
        scheduler.wait(gone, lambda: True)
    time.sleep(0.05)
    engine.go.set()
    assert scheduler.wait(stays, never)[0] == [4.0]


def test_memory_that_runs_out_halves_the_batch_for_good_and_is_said() -> None:
    engine = LengthEngine(limit=9)
    scheduler = Scheduler(engine, batch_tokens=1000)
    job = scheduler.submit(Request([1], [[n] for n in range(30)]))
    values, notices = scheduler.wait(job, never)
    assert values == [1.0 + n for n in range(30)]
    assert [notice.code for notice in notices] == ["rerank_memory"]
    assert dict(notices[0].values)["batch_tokens"] == "7"
    engine.batches.clear()
    later = scheduler.submit(Request([1], [[n] for n in range(12)]))
    assert scheduler.wait(later, never)[1] == ()
    assert engine.batches == [[6], [6]]


def test_pair_that_does_not_fit_alone_is_an_error() -> None:
    scheduler = Scheduler(LengthEngine(limit=1), batch_tokens=1000)
    with pytest.raises(RerankError, match="one pair of 2 tokens does not fit into memory; lower max_tokens"):
        ask(scheduler, 1, [1])


def test_exception_of_the_engine_reaches_the_caller_without_its_message() -> None:
    with pytest.raises(RerankError, match=r"^KeyError inside the engine$"):
        ask(Scheduler(FailingEngine(), batch_tokens=10), 1, [1])


def test_request_without_tails_is_refused() -> None:
    with pytest.raises(ValueError, match="a request has no tails"):
        Scheduler(LengthEngine(), batch_tokens=10).submit(Request([1], []))


def test_thread_ends_with_the_scheduler() -> None:
    engine = LengthEngine()
    scheduler = Scheduler(engine, batch_tokens=10)
    ask(scheduler, 1, [1])
    del scheduler
    gc.collect()
    (thread,) = engine.threads
    thread.join(5)
    assert not thread.is_alive()


EXITING = """
import threading, time
from tests.rerank.test_scheduler import busy_scheduler
scheduler, started = busy_scheduler()
assert started.wait(20)
"""


def busy_scheduler() -> tuple[Scheduler, threading.Event]:
    """A scheduler in the middle of many passes through a real engine, whose caller has gone."""
    from tests.rerank.tinier import engine_of, request, tiny_model

    scheduler = Scheduler(engine_of(tiny_model()), batch_tokens=2000)
    started = threading.Event()

    def call() -> None:
        job = scheduler.submit(request(1, 500, [500] * 400))
        started.set()
        with suppress(RerankStopped):
            scheduler.wait(job, never)

    threading.Thread(target=call, daemon=True).start()
    return scheduler, started


def test_leaving_the_program_in_the_middle_of_a_pass_is_quiet() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EXITING], capture_output=True, text=True, check=False, cwd=ROOT, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
