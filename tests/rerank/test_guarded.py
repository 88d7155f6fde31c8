from collections.abc import Sequence

import pytest

from rerank.breaker import CircuitBreaker
from rerank.budget import LatencyBudget
from rerank.errors import RerankerOverloaded, RerankError, RerankerUnavailable, RerankStopped
from rerank.guarded import GuardedReranker
from rerank.protocols import Stopped, never
from rerank.rerank import rerank
from rerank.select import select
from rerank.starter import StarterReranker
from rerank.types import Scores
from retrieval.types import Notice
from tests.fakes.clock import FrozenClock
from tests.fakes.rerank import FailingReranker, OverlapReranker, ScriptedReranker
from tests.rerank.build import candidates


class SwitchedReranker(StarterReranker):
    """Works or fails as it is told."""

    default_floor = 0.77
    identity = "switched/1"

    def __init__(self, *, works: bool) -> None:
        super().__init__(None)
        self.works = works
        self.calls = 0

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.calls += 1
        if not self.works:
            raise RerankerUnavailable("connection refused")
        return super().score(query, passages, instruction, stopped)


def _guarded(model: SwitchedReranker, clock: FrozenClock, *, retest: bool = False) -> GuardedReranker:
    breaker = CircuitBreaker(failures=2, window_s=60, pause_s=30, clock=clock)
    return GuardedReranker(model, OverlapReranker(), breaker=breaker, retest=retest)


def _codes(guarded: GuardedReranker) -> tuple[str, list[str]]:
    judged = guarded.judge("blue", ["blue", "red"], "", timeout_s=5)
    return judged.identity, [notice.code for notice in judged.notices]


def test_failing_model_is_spared_after_its_failures_and_used_again_when_it_works() -> None:
    clock = FrozenClock()
    model = SwitchedReranker(works=False)
    guarded = _guarded(model, clock)
    assert _codes(guarded) == ("overlap/1", ["rerank_failed", "rerank_fallback"])
    assert _codes(guarded) == ("overlap/1", ["rerank_failed", "rerank_fallback"])
    assert _codes(guarded) == ("overlap/1", ["rerank_paused", "rerank_fallback"])
    assert model.calls == 2
    assert guarded.notices() == (Notice.of("rerank_paused", identity="switched/1", retry_s=30),)
    model.works = True
    clock.pass_s(30)
    assert _codes(guarded) == ("switched/1", [])
    assert guarded.notices() == ()


def test_result_carries_the_floor_of_whoever_judged() -> None:
    model = SwitchedReranker(works=True)
    guarded = _guarded(model, FrozenClock())
    first = guarded.judge("blue", ["blue"], "", timeout_s=5)
    assert (first.floor, first.fallback, guarded.floor) == (0.77, False, 0.77)
    model.works = False
    second = guarded.judge("blue", ["blue"], "", timeout_s=5)
    assert (second.floor, second.fallback) == (0.3, True)


def test_server_that_failed_its_self_test_is_tested_again_after_the_pause() -> None:
    clock = FrozenClock()
    model = SwitchedReranker(works=False)
    guarded = _guarded(model, clock, retest=True)
    assert guarded.verify() is None
    assert _codes(guarded) == ("overlap/1", ["reranker_unavailable", "rerank_fallback"])
    assert (guarded.identity, guarded.floor) == ("overlap/1", 0.3)
    clock.pass_s(30)
    assert _codes(guarded) == ("overlap/1", ["reranker_unavailable", "rerank_fallback"])
    assert guarded.status().breaker.failures == (("self_test", 1),)
    model.works = True
    clock.pass_s(60)
    assert _codes(guarded) == ("switched/1", [])
    assert (guarded.status().trouble, guarded.identity) == ("", "switched/1")


def test_weights_that_failed_their_self_test_are_never_asked() -> None:
    clock = FrozenClock()
    model = SwitchedReranker(works=False)
    guarded = _guarded(model, clock)
    guarded.verify()
    model.works = True
    clock.pass_s(1e6)
    assert _codes(guarded) == ("overlap/1", ["reranker_unavailable", "rerank_fallback"])


def test_verified_model_reports_its_spread() -> None:
    tested = _guarded(SwitchedReranker(works=True), FrozenClock()).verify()
    assert tested is not None
    assert tested.smallest_spread > 0.3


def test_stop_of_the_caller_is_no_failure_of_the_model() -> None:
    guarded = _guarded(SwitchedReranker(works=True), FrozenClock())
    for _ in range(5):
        with pytest.raises(RerankStopped):
            guarded.judge("blue", ["blue"], "", timeout_s=5, stopped=lambda: True)
    assert guarded.status().breaker.failures == ()
    assert guarded.status().breaker.state == "closed"


def test_nobody_judging_is_said_and_counted() -> None:
    guarded = GuardedReranker(
        FailingReranker(RerankError("one")), FailingReranker(RerankError("two"))
    )
    judged = guarded.judge("q", ["a", "b"], "", timeout_s=5)
    assert (judged.relevance, judged.identity, judged.floor) == ((None, None), "", None)
    assert [notice.code for notice in judged.notices] == ["rerank_failed", "rerank_failed"]
    assert guarded.status().unjudged == 1


def test_equal_passages_are_read_once_and_scored_alike() -> None:
    model = ScriptedReranker({"a": 0.9})
    judged = GuardedReranker(model).judge("q", ["a", "b", "a"], "i", timeout_s=5)
    assert model.calls == [("q", ("a", "b"), "i")]
    assert judged.relevance == (0.9, 0.0, 0.9)


def test_complete_judgement_ignores_the_budget_and_reads_in_slices() -> None:
    model = ScriptedReranker({"p": 0.5})
    clock = FrozenClock()
    guarded = GuardedReranker(model, budget=LatencyBudget(0.001, clock=clock))
    texts = [f"p{i} " + "x" * 20_000 for i in range(9)]
    judged = guarded.judge("q", texts, "", timeout_s=5, complete=True)
    assert judged.relevance == (0.5,) * 9
    assert [len(call[1]) for call in model.calls] == [3, 3, 3]


class Sleepy(ScriptedReranker):
    """Takes a second a passage of a clock."""

    def __init__(self, relevance: dict[str, float], clock: FrozenClock) -> None:
        super().__init__(relevance)
        self.clock = clock

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        self.clock.pass_s(len(passages))
        return super().score(query, passages, instruction, stopped)


def test_candidates_beyond_the_budget_stand_behind_in_fused_order_and_are_no_evidence() -> None:
    clock = FrozenClock()
    guarded = GuardedReranker(
        Sleepy({"c1": 0.2, "c2": 0.9, "c3": 0.1, "c4": 0.3}, clock), budget=LatencyBudget(5, clock=clock)
    )
    given = candidates("c1", "c2", "c3", "c4", "c5", "c6")
    result = rerank("q", given, instruction="", reranker=guarded, timeout_s=60)
    assert [r.chunk.text for r in result.ranked] == ["c2", "c4", "c1", "c3", "c5", "c6"]
    assert [r.relevance for r in result.ranked] == [0.9, 0.3, 0.2, 0.1, None, None]
    assert result.notices == (Notice.of("rerank_budget", judged=4, total=6, budget_s=5),)
    selection = select(result.ranked, top_n=5, floor=0.25, near_duplicate=0.9)
    assert [passage.text for passage in selection.passages] == ["c2", "c4"]


def test_notices_name_every_judge_that_failed() -> None:
    guarded = GuardedReranker(FailingReranker(RerankError("gone")), OverlapReranker())
    result = rerank("blue", candidates("red", "blue"), instruction="", reranker=guarded, timeout_s=5)
    assert result.notices == (
        Notice.of("rerank_failed", identity="failing/1", reason="gone"),
        Notice.of("rerank_fallback", identity="overlap/1"),
    )
    assert (result.floor, result.fallback) == (0.3, True)


def test_overload_is_no_fault_of_the_model() -> None:
    primary = FailingReranker(RerankerOverloaded("64 callers wait already"))
    guarded = GuardedReranker(primary, OverlapReranker())
    for _ in range(10):
        judgement = guarded.judge("leave", ["annual leave"], "", timeout_s=5)
    assert judgement.fallback
    assert primary.calls == 10
    assert guarded.status().breaker.state == "closed"
