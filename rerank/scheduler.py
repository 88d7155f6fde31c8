"""Many callers, one engine: requests that wait together go through the model together."""

import logging
import math
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rerank.batching import Waiting, next_batch
from rerank.engine import Engine, OutOfMemory
from rerank.errors import RerankerOverloaded, RerankError, RerankStopped
from rerank.packing import Request
from rerank.protocols import Stopped
from retrieval.types import Notice

logger = logging.getLogger(__name__)

_POLL_S = 0.01
"""How often a waiting caller asks its ``stopped``."""
_CLOSE_S = 10.0
"""How long closing waits for a pass to end."""
PATIENCE = 3
"""Micro-batches in a row that may leave out the oldest request; the next one begins with it. So it keeps a
quarter of the passes until it ends, then the next oldest does, and three quarters go to the short ones."""


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way through the engine; ``next`` is its first tail that is not scored."""

    request: Request
    values: list[float]
    next: int = 0
    cancelled: bool = False
    error: RerankError | None = None
    notices: tuple[Notice, ...] = ()
    done: threading.Event = field(default_factory=threading.Event)

    def waiting(self) -> Waiting:
        """What is left to score."""
        lengths = list(map(len, self.request.tails))
        return Waiting(len(self.request.shared), lengths[self.next :], scored=sum(lengths[: self.next]))

    def fail(self, error: RerankError) -> None:
        """End this job without scores."""
        self.error = error
        self.done.set()


class Scheduler:
    """Runs one engine in a thread of its own, for callers in any number of threads.

    A micro-batch of up to ``batch_tokens`` tokens takes short waiting requests first (``next_batch``), and
    after ``PATIENCE`` without the oldest that one, so that neither a question waits for a bulk request to
    end nor a bulk request for ever. When the model is idle it waits for others only while one is
    announced (``preparing``), and ``linger_s`` at most: a single caller waits for nobody. Before a part of a
    long request, where a shorter one has just ended, its caller has ``linger_s`` to come back, since a
    budgeted question comes in slices. Beyond ``max_waiting`` requests the next is refused at once.

    Out of memory halves the budget for good; a request whose batch was halved says so (``rerank_memory``).
    The thread ends when this object is gone.
    """

    def __init__(
        self, engine: Engine, *, batch_tokens: int, max_waiting: int = 64, linger_s: float = 0.002
    ) -> None:
        self._state = _State(engine, batch_tokens, max_waiting, linger_s)
        weakref.finalize(self, self._state.close)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Announce a request that is about to be submitted inside this context."""
        with self._state.changed:
            self._state.preparing += 1
            self._state.changed.notify_all()
        try:
            yield
        finally:
            with self._state.changed:
                self._state.preparing -= 1
                self._state.changed.notify_all()

    def submit(self, request: Request) -> Job:
        """Queue a request of at least one tail.

        Raises ``RerankerOverloaded`` when ``max_waiting`` are waiting already.
        """
        if not request.tails:
            raise ValueError("a request has no tails")
        job = Job(request, [math.nan] * len(request.tails))
        with self._state.changed:
            if len(self._state.jobs) >= self._state.max_waiting:
                raise RerankerOverloaded(
                    f"{len(self._state.jobs)} requests are waiting already; try again later"
                )
            self._state.jobs.append(job)
            self._state.start()
            self._state.changed.notify_all()
        return job

    def wait(self, job: Job, stopped: Stopped) -> tuple[list[float], tuple[Notice, ...]]:
        """Log-odds of the job's tails in the order given, and what is to be said.

        Raises what the engine raised, or ``RerankStopped`` as soon as ``stopped`` is true; the job then
        leaves the queue, and its running micro-batch ends too unless others are in it.
        """
        try:
            while True:
                if stopped():
                    total = len(job.values)
                    raise RerankStopped(f"stopped with {total - job.next} of {total} passages unscored")
                if job.done.wait(_POLL_S):
                    break
        finally:
            job.cancelled = True  # no effect on a job that is done
        if job.error is not None:
            raise job.error
        return job.values, job.notices


class _State:
    """What callers and the engine's thread share. The thread holds it, so it must not hold the scheduler."""

    def __init__(self, engine: Engine, batch_tokens: int, max_waiting: int, linger_s: float) -> None:
        self.changed = threading.Condition()
        self.jobs: deque[Job] = deque()
        self.preparing = 0
        self.max_waiting = max_waiting
        self._engine = engine
        self._batch_tokens = batch_tokens
        self._linger_s = linger_s
        self._without_oldest = 0  # passes in a row
        self._ended = False  # whether a request ended in the last pass
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have a thread that runs micro-batches."""
        if self._thread is None:
            self._thread = threading.Thread(target=self.serve, name="rerank-engine", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """End the thread, within a layer's time; what waits fails.

        Also called when the interpreter exits: a daemon thread cut off inside torch aborts the process.
        """
        with self.changed:
            self._closed = True
            self.changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_CLOSE_S)

    def serve(self) -> None:
        """Run micro-batches until closed."""
        idle = True
        while batch := self._take(idle):
            self._run(batch)
            idle = False

    def _take(self, idle: bool) -> list[tuple[Job, int]]:
        """The next micro-batch: jobs with the number of tails to score. Empty once closed."""
        with self.changed:
            while True:
                self._drop_finished()
                if self._closed:
                    for job in self.jobs:
                        job.fail(RerankStopped("the reranker was closed"))
                    return []
                if self.jobs:
                    break
                self.changed.wait()
                idle = True
            if idle:
                self._linger()
            elif self._ended and not any(job.request.tokens <= self._batch_tokens for job in self.jobs):
                self._await_return()
            return self._choose()

    def _choose(self) -> list[tuple[Job, int]]:
        counts = next_batch(
            [job.waiting() for job in self.jobs],
            self._batch_tokens,
            oldest_first=self._without_oldest >= PATIENCE,
        )
        self._without_oldest = 0 if counts[0] else self._without_oldest + 1
        return [(job, count) for job, count in zip(self.jobs, counts, strict=True) if count]

    def _await_return(self) -> None:
        """Give a caller whose request has just ended a moment to come with the next, before a long pass.

        Source: anticipatory scheduling (S. Iyer and P. Druschel, SOSP 2001).
        """
        present = len(self.jobs)
        end = time.monotonic() + self._linger_s
        while len(self.jobs) == present and not self._closed:
            if (left := end - time.monotonic()) <= 0:
                return
            self.changed.wait(left)
            if self.preparing:
                self._linger()

    def _linger(self) -> None:
        """Give announced requests a moment to join one that came to an idle engine."""
        end = time.monotonic() + self._linger_s
        while self.preparing and not self._closed:
            if sum(job.request.tokens for job in self.jobs) >= self._batch_tokens:
                return
            if (left := end - time.monotonic()) <= 0:
                return
            self.changed.wait(left)

    def _drop_finished(self) -> None:
        """Take jobs out of the queue that are scored, failed or no longer wanted."""
        for job in [job for job in self.jobs if job.cancelled or job.done.is_set()]:
            self.jobs.remove(job)

    def _run(self, batch: Sequence[tuple[Job, int]]) -> None:
        self._ended = False
        requests = [
            Request(job.request.shared, job.request.tails[job.next : job.next + count])
            for job, count in batch
        ]
        try:
            results = self._engine.log_odds(
                requests, lambda: self._closed or all(job.cancelled for job, _ in batch)
            )
        except OutOfMemory as error:
            self._shrink(requests, [job for job, _ in batch], error)
        except RerankStopped:
            return  # only when every caller has gone, or all is over
        except RerankError as error:
            for job, _ in batch:
                job.fail(error)
        except Exception as error:  # noqa: BLE001  a thread's boundary: callers must hear of anything
            logger.error("the rerank engine raised %s on %d requests", type(error).__name__, len(batch))
            for job, _ in batch:
                job.fail(RerankError(f"{type(error).__name__} inside the engine"))
        else:
            for (job, count), values in zip(batch, results, strict=True):
                self._keep(job, count, values)

    def _keep(self, job: Job, count: int, values: Sequence[float]) -> None:
        """Put scores in their places."""
        if broken := sum(not math.isfinite(value) for value in values):
            job.fail(
                RerankError(
                    f"{broken} of {count} scores are not finite: the weights or the dtype are broken; "
                    "run the self-test or use float32"
                )
            )
            return
        job.values[job.next : job.next + count] = values
        job.next += count
        if job.next == len(job.values):
            self._ended = True
            job.done.set()

    def _shrink(self, requests: Sequence[Request], jobs: Sequence[Job], error: OutOfMemory) -> None:
        """Halve the budget below the batch that failed, or give up where one pair alone does not fit."""
        tokens = sum(request.tokens for request in requests)
        if sum(len(request.tails) for request in requests) == 1:
            failed = RerankError(f"one pair of {tokens} tokens does not fit into memory; lower max_tokens")
            failed.__cause__ = error
            jobs[0].fail(failed)
            return
        self._batch_tokens = tokens // 2
        for job in jobs:
            job.notices = (Notice.of("rerank_memory", batch_tokens=self._batch_tokens),)
