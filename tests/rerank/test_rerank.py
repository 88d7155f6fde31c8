import gc
import math
import threading
import time
from collections.abc import Sequence

import pytest

from rerank.errors import RerankError, RerankStopped
from rerank.protocols import Stopped, never
from rerank.rerank import rerank
from rerank.timed import RerankerBusy, TimedReranker
from rerank.types import Reranked, Scores
from retrieval.types import Notice
from tests.fakes.rerank import FailingReranker, OverlapReranker, ScriptedReranker
from tests.rerank.build import candidates


class SlowReranker:
    """Scores nothing until it is released; looks at ``stopped`` only when it is polite."""

    identity = "slow/1"
    max_tokens = 8192

    def __init__(self, *, polite: bool) -> None:
        self.polite = polite
        self.release = threading.Event()
        self.entered = 0
        self.left = threading.Event()

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.entered += 1
        try:
            while not self.release.wait(0.005):
                if self.polite and stopped():
                    raise RerankStopped("stopped")
            return Scores((0.5,) * len(passages))
        finally:
            self.left.set()


class WrongReranker(ScriptedReranker):
    """Gives the scores it was told, whatever was asked."""

    def __init__(self, *scores: float) -> None:
        super().__init__({})
        self.scores = scores

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        return Scores(self.scores)

KEPT = Notice.of("fused_order")

def texts(result: Reranked) -> list[str]:
    return [ranked.chunk.text for ranked in result.ranked]


def test_relevance_orders_and_ranks_count_from_one() -> None:
    reranker = ScriptedReranker({"low": 0.1, "high": 0.9, "mid": 0.5})
    given = candidates("low", "high", "mid")
    result = rerank("q", given, instruction="i", reranker=reranker, timeout_s=5)
    assert texts(result) == ["high", "mid", "low"]
    assert [(r.rank, r.relevance) for r in result.ranked] == [(1, 0.9), (2, 0.5), (3, 0.1)]
    assert (result.identity, result.notices) == ("scripted/1", ())


def test_model_reads_context_and_instruction_and_equal_texts_once() -> None:
    reranker = ScriptedReranker({"a": 0.3, "b": 0.8})
    result = rerank("q", candidates("a", "b", "a"), instruction="prefer b", reranker=reranker, timeout_s=5)
    assert reranker.calls == [("q", ("T\na", "T\nb"), "prefer b")]
    assert texts(result) == ["b", "a", "a"]


def test_ties_keep_the_fused_order() -> None:
    given = candidates("first", "second", "third")
    result = rerank("q", given[::-1], instruction="", reranker=ScriptedReranker({}), timeout_s=5)
    assert texts(result) == ["first", "second", "third"]


def test_no_reranker_leaves_the_fused_order_and_says_so() -> None:
    result = rerank("q", candidates("a", "b")[::-1], instruction="", reranker=None, timeout_s=5)
    assert texts(result) == ["a", "b"]
    assert [r.relevance for r in result.ranked] == [None, None]
    assert (result.identity, result.notices) == ("", (Notice.of("rerank_off"),))


def test_no_candidates_give_an_empty_result() -> None:
    result = rerank("q", [], instruction="", reranker=FailingReranker(RerankError("x")), timeout_s=5)
    assert result == Reranked((), "")


def test_failure_leaves_the_fused_order_and_says_why() -> None:
    failing = FailingReranker(RerankError("the server answered status 500"))
    result = rerank("q", candidates("a", "b"), instruction="", reranker=failing, timeout_s=5)
    assert texts(result) == ["a", "b"]
    assert result.notices == (
        Notice.of("rerank_failed", identity="failing/1", reason="the server answered status 500"),
        KEPT,
    )


def test_unexpected_exception_is_named_without_its_message() -> None:
    failing = FailingReranker(KeyError("text of a document"))
    result = rerank("q", candidates("a"), instruction="", reranker=failing, timeout_s=5)
    assert result.notices == (
        Notice.of("rerank_failed", identity="failing/1", reason="KeyError inside the reranker"),
        KEPT,
    )


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ((0.5,), "1 scores came back for 2 passages"),
        ((0.5, math.nan), "score 1 is nan: not a finite number"),
        ((1.5, 0.5), "score 0 is 1.5: outside 0..1, so not a relevance"),
    ],
)
def test_scores_that_cannot_be_true_are_not_used(scores: tuple[float, ...], reason: str) -> None:
    result = rerank(
        "q", candidates("a", "b"), instruction="", reranker=WrongReranker(*scores), timeout_s=5
    )
    assert result.notices == (Notice.of("rerank_failed", identity="scripted/1", reason=reason), KEPT)


def test_fallback_judges_when_the_model_fails_and_says_so() -> None:
    result = rerank("blue", candidates("red", "blue"), instruction="", timeout_s=5,
                    reranker=FailingReranker(RerankError("gone")), fallback=OverlapReranker())  # fmt: skip
    assert texts(result) == ["blue", "red"]
    assert result.identity == "overlap/1"
    assert result.notices == (
        Notice.of("rerank_failed", identity="failing/1", reason="gone"),
        Notice.of("rerank_fallback", identity="overlap/1"),
    )


def test_everything_failing_still_gives_every_candidate() -> None:
    result = rerank("q", candidates("a", "b"), instruction="", timeout_s=5,
                    reranker=FailingReranker(RerankError("one")),
                    fallback=FailingReranker(RerankError("two")))  # fmt: skip
    assert texts(result) == ["a", "b"]
    assert [notice.code for notice in result.notices] == ["rerank_failed", "rerank_failed", "fused_order"]


def test_late_model_is_given_up_at_the_deadline_and_told_to_stop() -> None:
    slow = SlowReranker(polite=True)
    started = time.monotonic()
    result = rerank("q", candidates("a", "b"), instruction="", reranker=slow, timeout_s=0.1)
    assert time.monotonic() - started < 2
    assert texts(result) == ["a", "b"]
    assert result.notices == (Notice.of("rerank_timeout", identity="slow/1", timeout_s="0.1"), KEPT)
    assert slow.left.wait(5)


def test_model_stuck_in_an_abandoned_call_is_not_entered_again() -> None:
    stuck = SlowReranker(polite=False)
    timed = TimedReranker(stuck)
    rerank("q", candidates("a"), instruction="", reranker=timed, timeout_s=0.05)
    started = time.monotonic()
    result = rerank("q", candidates("a"), instruction="", reranker=timed, timeout_s=30)
    assert time.monotonic() - started < 5
    assert result.notices == (
        Notice.of("rerank_failed", identity="slow/1", reason="still busy with a call that was given up"),
        KEPT,
    )
    assert stuck.entered == 1
    stuck.release.set()
    assert stuck.left.wait(5)
    time.sleep(0.05)
    again = rerank("q", candidates("a"), instruction="", reranker=timed, timeout_s=5)
    assert (again.notices, again.ranked[0].relevance) == ((), 0.5)


def test_stop_reaches_the_model_and_the_caller() -> None:
    slow = SlowReranker(polite=True)
    pressed = threading.Event()
    threading.Timer(0.05, pressed.set).start()
    with pytest.raises(RerankStopped, match="stopped by the caller"):
        rerank("q", candidates("a"), instruction="", reranker=slow, timeout_s=30, stopped=pressed.is_set)
    assert slow.left.wait(5)


def test_calls_at_the_same_time_wait_their_turn() -> None:
    timed = TimedReranker(ScriptedReranker({"a": 0.4}), timeout_s=20)
    results: list[float] = []
    threads = [
        threading.Thread(target=lambda: results.extend(timed.score("q", ["a"], "").relevance))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [0.4] * 8


class WhichThread(ScriptedReranker):
    """Remembers the threads it ran in."""

    def __init__(self) -> None:
        super().__init__({})
        self.threads: list[threading.Thread] = []

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.threads.append(threading.current_thread())
        return super().score(query, passages, instruction, stopped)


def test_all_calls_run_in_one_thread_that_ends_with_the_reranker() -> None:
    inner = WhichThread()
    timed = TimedReranker(inner)
    for _ in range(3):
        timed.score_within(5, "q", ["a"], "")
    assert len(set(inner.threads)) == 1
    del timed
    gc.collect()
    inner.threads[0].join(5)
    assert not inner.threads[0].is_alive()


def test_waiting_for_a_turn_ends_at_the_deadline() -> None:
    slow = SlowReranker(polite=False)
    timed = TimedReranker(slow)
    first = threading.Thread(target=lambda: timed.score_within(30, "q", ["a"], ""))
    first.start()
    with pytest.raises(RerankError, match=r"no result within 0\.1 s"):
        timed.score_within(0.1, "q", ["a"], "")
    slow.release.set()
    first.join(5)
    assert not isinstance(timed.score_within(5, "q", ["a"], ""), RerankerBusy)
