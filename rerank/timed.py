"""A reranker that is given up when its time is over, and left alone until it has really finished."""

import logging
import math
import threading
import time
import weakref
from collections.abc import Sequence
from queue import SimpleQueue
from typing import Protocol, runtime_checkable

from rerank.checks import check_relevance
from rerank.errors import RerankError, RerankStopped
from rerank.protocols import Reranker, Stopped, never
from rerank.types import Scores

logger = logging.getLogger(__name__)

_POLL_S = 0.02
_GRACE_S = 0.25  # a model that was told to stop looks up between two batches


class RerankTimeout(RerankError):
    """The reranker did not finish in time."""


class RerankerBusy(RerankError):
    """The reranker is still working on a call that was given up."""


@runtime_checkable
class Concurrent(Protocol):
    """A reranker that says whether many threads may call it, each call ending soon after its ``stopped``."""

    concurrent: bool


class TimedReranker:
    """Any reranker with a deadline. Keep one for each model: it remembers calls that were given up.

    A reranker that is ``Concurrent`` runs in its callers' threads, as many as there are, and ends each call
    at its deadline itself. Any other runs in one daemon thread of its own (so what it keeps per thread, such
    as a database connection, is kept once), which ends when this object is gone. It serves one call at a
    time; other calls wait their turn. At the deadline the caller is free at once, and the model is told to
    stop (its own ``stopped`` becomes true); while it has not, further calls raise ``RerankerBusy`` instead of
    queueing behind it or entering the model twice.
    """

    def __init__(self, reranker: Reranker, *, timeout_s: float = math.inf) -> None:
        self.reranker = reranker
        self._timeout_s = timeout_s
        self._last: _Call | None = None
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._started = False
        weakref.finalize(self, self._calls.put, None)
        self._turn = threading.Lock()

    @property
    def identity(self) -> str:
        """The identity of the reranker inside."""
        return self.reranker.identity

    @property
    def max_tokens(self) -> int:
        """The limit of the reranker inside."""
        return self.reranker.max_tokens

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """As the role says, within the time given to the constructor."""
        return self.score_within(self._timeout_s, query, passages, instruction, stopped)

    def score_within(
        self,
        timeout_s: float,
        query: str,
        passages: Sequence[str],
        instruction: str,
        stopped: Stopped = never,
    ) -> Scores:
        """Valid scores, or ``RerankTimeout``, ``RerankerBusy``, ``RerankStopped`` or another ``RerankError``.

        An exception the role does not name becomes a ``RerankError`` that names its type only: its message
        may hold document text.
        """
        call = _Call(self.reranker, (query, passages, instruction), timeout_s, stopped)
        if isinstance(self.reranker, Concurrent) and self.reranker.concurrent:
            call.run()
            return call.wait()
        while not self._turn.acquire(timeout=_POLL_S):
            call.check_time()
        try:
            if self._last is not None and not self._last.finishes_within(min(_GRACE_S, timeout_s)):
                raise RerankerBusy("still busy with a call that was given up")
            self._last = call
            if not self._started:
                threading.Thread(target=_serve, args=(self._calls,), name="rerank", daemon=True).start()
                self._started = True
            self._calls.put(call)
            return call.wait()
        finally:
            self._turn.release()


def _serve(calls: "SimpleQueue[_Call | None]") -> None:
    """Run calls until None comes."""
    while (call := calls.get()) is not None:
        call.run()


class _Call:
    """One call of a reranker, running in its own thread."""

    def __init__(
        self, reranker: Reranker, request: tuple[str, Sequence[str], str], timeout_s: float, stopped: Stopped
    ) -> None:
        self._reranker = reranker
        self._request = request
        self._timeout_s = timeout_s
        self._deadline = time.monotonic() + timeout_s
        self._stopped = stopped
        self._over = False
        self._done = threading.Event()
        self._outcome: Scores | RerankError = RerankError("the reranker gave no answer")

    def finishes_within(self, seconds: float) -> bool:
        """Whether the model has left this call, or does so in time."""
        return self._done.wait(seconds)

    def run(self) -> None:
        """Score, and keep what came of it."""
        try:
            self._outcome = self._reranker.score(*self._request, self._told_to_stop)
        except RerankError as error:
            self._outcome = error
        except Exception as error:  # noqa: BLE001  a thread's boundary: the caller must hear of anything
            logger.error("reranker %s raised %s", self._reranker.identity, type(error).__name__)
            self._outcome = RerankError(f"{type(error).__name__} inside the reranker")
        finally:
            self._done.set()

    def wait(self) -> Scores:
        """What ``run`` brings, as soon as it is there and not later than the deadline."""
        while not self._done.wait(_POLL_S):
            self.check_time()
        if isinstance(self._outcome, RerankStopped):
            self.check_time()
        if isinstance(self._outcome, RerankError):
            raise self._outcome
        check_relevance(self._outcome.relevance, len(self._request[1]))
        return self._outcome

    def check_time(self) -> None:
        """Give the call up where the caller has stopped or the deadline has passed."""
        if self._stopped():
            self._over = True
            raise RerankStopped("stopped by the caller")
        if time.monotonic() >= self._deadline:
            self._over = True
            raise RerankTimeout(f"no result within {self._timeout_s:g} s")

    def _told_to_stop(self) -> bool:
        return self._over or self._stopped() or time.monotonic() >= self._deadline
