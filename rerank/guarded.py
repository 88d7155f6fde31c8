"""A reranker that is trusted only while it works, and the one that judges in its place meanwhile."""

import logging
import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rerank.breaker import BreakerStatus, CircuitBreaker, Permit
from rerank.budget import BULK_BYTES, LatencyBudget, joined, slices
from rerank.errors import RerankerOverloaded, RerankError, RerankerUnavailable, RerankStopped
from rerank.permit import Arithmetic, HasArithmetic
from rerank.protocols import HasNotices, HasTokenizer, Reranker, Stopped, never
from rerank.select import floor_for
from rerank.selftest import SelfTest, self_test
from rerank.timed import RerankerBusy, RerankTimeout, TimedReranker
from rerank.types import Judgement, Scores
from retrieval.types import Notice

logger = logging.getLogger(__name__)

_YIELD_S = 0.005
"""Between slices of a long call, so that a question waiting for the model's turn gets it."""


@dataclass(frozen=True, slots=True)
class GuardStatus:
    """Who judges, what is wrong with the configured reranker (empty: nothing), and what has happened.

    ``fallbacks`` counts judgements of the fallback, ``unjudged`` those nobody made. ``passages_per_s`` is
    measured where there is a latency budget, else None.
    """

    primary: str
    fallback: str
    trouble: str
    breaker: BreakerStatus
    fallbacks: int
    unjudged: int
    budget_s: float | None
    passages_per_s: float | None


class GuardedReranker:
    """The configured reranker behind a circuit breaker, with a fallback. Thread-safe.

    ``budget`` bounds the time of a question (not of ``judge(complete=True)``). A primary that failed
    ``verify`` is never asked again, or with ``retest`` (for servers, which may come back) once it passes.
    """

    def __init__(
        self,
        primary: Reranker,
        fallback: Reranker | None = None,
        *,
        breaker: CircuitBreaker | None = None,
        budget: LatencyBudget | None = None,
        retest: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._primary = _timed(primary)
        self._fallback = None if fallback is None else _timed(fallback)
        self._breaker = breaker or CircuitBreaker()
        self._budget = budget
        self._retest = retest
        self._clock = clock
        self._distrust = ""
        self._counting = threading.Lock()
        self._fallbacks = 0
        self._unjudged = 0

    @property
    def identity(self) -> str:
        """The reranker expected to judge: the configured one while it is trusted, else the fallback."""
        if self._distrust and self._fallback is not None:
            return self._fallback.identity
        return self._primary.identity

    @property
    def max_tokens(self) -> int:
        """The limit of the configured reranker."""
        return self._primary.max_tokens

    @property
    def floor(self) -> float:
        """The floor of the reranker that is expected to judge."""
        return floor_for(self._fallback if self._distrust and self._fallback else self._primary)

    def verify(self) -> SelfTest | None:
        """Ask the configured reranker its known answers; None where it fails, which leaves it out of use."""
        try:
            tested = self_test(self._primary)
        except RerankError as error:
            logger.error("reranker %s failed its self-test: %s", self._primary.identity, error)
            self._distrust = str(error)
            self._breaker.trip(forever=not self._retest)
            return None
        self._distrust = ""
        return tested

    def examine(self) -> SelfTest:
        """As ``verify``, without changing who judges: for a check-up. Raises ``RerankError``."""
        return self_test(self._primary)

    def notices(self) -> tuple[Notice, ...]:
        """What is wrong right now: ``reranker_unavailable`` (reranker, reason) or ``rerank_paused``."""
        if self._distrust:
            return (
                Notice.of("reranker_unavailable", reranker=self._primary.identity, reason=self._distrust),
            )
        status = self._breaker.status()
        if status.state == "closed":
            return ()
        retry_s = max(1, math.ceil(status.retry_in_s))
        return (Notice.of("rerank_paused", identity=self._primary.identity, retry_s=retry_s),)

    def limits(self) -> tuple[Notice, ...]:
        """What is slower than it could be or was asked to be, for the status page; scores are the same."""
        inner = self._primary.reranker
        return inner.notices if isinstance(inner, HasNotices) else ()

    @property
    def arithmetic(self) -> Arithmetic | None:
        """What the configured reranker computes in; None for one that is no model in this process."""
        inner = self._primary.reranker
        return inner.arithmetic if isinstance(inner, HasArithmetic) else None

    def tokenizer(self) -> HasTokenizer | None:
        """The configured reranker while it is trusted, where it reads token ids that can be stored ahead."""
        inner = self._primary.reranker
        return inner if isinstance(inner, HasTokenizer) and not self._distrust else None

    def status(self) -> GuardStatus:
        """State and counts at this moment, for status page, doctor and metrics."""
        return GuardStatus(
            primary=self._primary.identity,
            fallback=self._fallback.identity if self._fallback else "",
            trouble=self._distrust,
            breaker=self._breaker.status(),
            fallbacks=self._fallbacks,
            unjudged=self._unjudged,
            budget_s=self._budget.budget_s if self._budget else None,
            passages_per_s=self._budget.passages_per_s if self._budget else None,
        )

    def judge(
        self,
        query: str,
        passages: Sequence[str],
        instruction: str,
        *,
        timeout_s: float,
        stopped: Stopped = never,
        complete: bool = False,
    ) -> Judgement:
        """Relevance by one reranker, the configured one where it works; equal texts are read once.

        Within the latency budget, so later passages may stay unjudged; ``complete`` judges all of them,
        letting other callers in between. ``timeout_s`` applies to each reranker (with ``complete`` to each
        slice).

        Notices: ``rerank_timeout`` (identity, timeout_s), ``rerank_failed`` (identity, reason),
        ``rerank_paused`` (identity, retry_s) or ``reranker_unavailable`` (reranker, reason) for the
        configured reranker, the first two for the fallback; ``rerank_fallback`` (identity) where that judged;
        ``rerank_budget``; and what the judge has to say. Raises only ``RerankStopped``.
        """
        if not passages:
            return Judgement(())
        place = {text: i for i, text in enumerate(dict.fromkeys(passages))}
        call = _Call(query, list(place), instruction, timeout_s, stopped, complete, self._clock)
        notices: list[Notice] = []
        judge, scores = self._primary, self._ask_primary(call, notices)
        if scores is None and self._fallback is not None:
            judge, scores = self._fallback, self._ask_fallback(self._fallback, call, notices)
        if scores is None:
            with self._counting:
                self._unjudged += 1
            return Judgement((None,) * len(passages), notices=tuple(notices))
        judged = dict(zip(place, scores.relevance, strict=False))  # the budget may leave the last ones out
        cut = {call.texts[i] for i in scores.cut}
        return Judgement(
            relevance=tuple(judged.get(text) for text in passages),
            identity=judge.identity,
            floor=floor_for(judge),
            fallback=judge is not self._primary,
            notices=(*notices, *scores.notices),
            tokens=scores.tokens,
            cut=tuple(i for i, text in enumerate(passages) if text in cut),
        )

    def _ask_primary(self, call: "_Call", notices: list[Notice]) -> Scores | None:
        """The configured reranker's scores, or None and the notice that says why not."""
        permit = self._breaker.enter()
        if permit is None:
            notices.extend(self.notices())
            return None
        try:
            if self._distrust:
                self_test(self._primary)
                self._distrust = ""
            scores = call.run(self._primary, self._budget)
        except RerankError as error:
            if isinstance(error, RerankStopped):
                self._breaker.abandoned(permit)
                raise
            if isinstance(error, RerankerOverloaded):  # too many callers are no fault of the model
                self._breaker.abandoned(permit)
                notices.append(_told(self._primary, error, call.timeout_s))
                return None
            self._failed(permit, error, call, notices)
            return None
        except BaseException:
            self._breaker.abandoned(permit)
            raise
        self._breaker.succeeded(permit)
        return scores

    def _failed(self, permit: Permit, error: RerankError, call: "_Call", notices: list[Notice]) -> None:
        self._breaker.failed(permit, "self_test" if self._distrust else _reason(error))
        logger.warning("judging %d passages with %s failed", len(call.texts), self._primary.identity)
        if self._distrust:
            self._distrust = str(error)
            notices.extend(self.notices())
        else:
            notices.append(_told(self._primary, error, call.timeout_s))

    def _ask_fallback(self, judge: TimedReranker, call: "_Call", notices: list[Notice]) -> Scores | None:
        try:
            scores = call.run(judge, None)
        except RerankStopped:
            raise
        except RerankError as error:
            logger.warning("judging %d passages with %s failed", len(call.texts), judge.identity)
            notices.append(_told(judge, error, call.timeout_s))
            return None
        with self._counting:
            self._fallbacks += 1
        notices.append(Notice.of("rerank_fallback", identity=judge.identity))
        return scores


@dataclass(frozen=True, slots=True)
class _Call:
    """What is to be judged, for whichever reranker does it."""

    query: str
    texts: list[str]
    instruction: str
    timeout_s: float
    stopped: Stopped
    complete: bool
    clock: Callable[[], float]

    def run(self, judge: TimedReranker, budget: LatencyBudget | None) -> Scores:
        """The judge's scores; of the first texts only where the budget ends."""
        if self.complete:
            return self._in_bulk(judge)
        deadline = self.clock() + self.timeout_s

        def score(texts: Sequence[str]) -> Scores:
            left_s = max(0.0, deadline - self.clock())
            return judge.score_within(left_s, self.query, texts, self.instruction, self.stopped)

        return score(self.texts) if budget is None else budget.score(score, self.texts)

    def _in_bulk(self, judge: TimedReranker) -> Scores:
        parts: list[Scores] = []
        for part in slices(self.texts, size_bytes=BULK_BYTES, count=len(self.texts)):
            if parts:
                time.sleep(_YIELD_S)
            parts.append(
                judge.score_within(self.timeout_s, self.query, part, self.instruction, self.stopped)
            )
        return joined(parts)


def _timed(reranker: Reranker) -> TimedReranker:
    return reranker if isinstance(reranker, TimedReranker) else TimedReranker(reranker)


def _reason(error: RerankError) -> str:
    match error:
        case RerankTimeout():
            return "timeout"
        case RerankerBusy():
            return "busy"
        case RerankerUnavailable():
            return "unavailable"
    return "error"


def _told(judge: TimedReranker, error: RerankError, timeout_s: float) -> Notice:
    if isinstance(error, RerankTimeout):
        return Notice.of("rerank_timeout", identity=judge.identity, timeout_s=f"{timeout_s:g}")
    return Notice.of("rerank_failed", identity=judge.identity, reason=error)
