from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank.budget import LatencyBudget, joined, slices
from rerank.errors import RerankError
from rerank.types import Scores
from retrieval.types import Notice
from tests.fakes.clock import FrozenClock


class PacedReranker:
    """Takes a second a passage."""

    def __init__(self, clock: FrozenClock) -> None:
        self.clock = clock
        self.read: list[str] = []

    def __call__(self, passages: Sequence[str]) -> Scores:
        self.clock.pass_s(len(passages))
        self.read += passages
        return Scores((0.5,) * len(passages), (Notice.of("passages_cut", count=1, limit=9),), len(passages))


def _texts(count: int) -> list[str]:
    return [f"passage {i:03}" for i in range(count)]


def test_as_many_as_fit_are_judged_and_the_notice_counts_them() -> None:
    clock = FrozenClock()
    paced = PacedReranker(clock)
    scores = LatencyBudget(10, clock=clock).score(paced, _texts(50))
    assert paced.read == _texts(8)
    assert len(scores.relevance) == 8
    assert Notice.of("rerank_budget", judged=8, total=50, budget_s=10) in scores.notices


def test_all_are_judged_where_there_is_time_and_nothing_is_said() -> None:
    clock = FrozenClock()
    scores = LatencyBudget(100, clock=clock).score(PacedReranker(clock), _texts(50))
    assert len(scores.relevance) == 50
    assert [notice.code for notice in scores.notices] == ["passages_cut"]


def test_first_slice_is_judged_however_slow_the_model_is() -> None:
    clock = FrozenClock()
    assert len(LatencyBudget(0.001, clock=clock).score(PacedReranker(clock), _texts(50)).relevance) == 4


def test_speed_is_measured() -> None:
    clock = FrozenClock()
    budget = LatencyBudget(10, clock=clock)
    assert budget.passages_per_s is None
    budget.score(PacedReranker(clock), _texts(50))
    assert budget.passages_per_s == pytest.approx(1.0)


def test_failure_of_the_model_is_not_swallowed() -> None:
    def failing(passages: Sequence[str]) -> Scores:
        raise RerankError("gone")

    with pytest.raises(RerankError, match="gone"):
        LatencyBudget(10).score(failing, _texts(3))


def test_counts_of_slices_are_added_and_repeats_told_once() -> None:
    part = Scores((0.1,), (Notice.of("passages_cut", count=2, limit=9), Notice.of("query_cut", limit=5)), 7)
    whole = joined([part, part])
    assert whole.notices == (
        Notice.of("passages_cut", count=4, limit=9),
        Notice.of("query_cut", limit=5),
    )
    assert (whole.relevance, whole.tokens) == ((0.1, 0.1), 14)


@given(st.lists(st.text(max_size=300), max_size=40), st.integers(1, 5000), st.integers(1, 9))
def test_slices_hold_every_passage_in_order(texts: list[str], size: int, count: int) -> None:
    parts = list(slices(texts, size_bytes=size, count=count))
    assert [text for part in parts for text in part] == texts
    assert all(1 <= len(part) <= count for part in parts)


def test_places_of_cut_passages_count_on_over_slices() -> None:
    parts = [Scores((0.1, 0.2), cut=(1,)), Scores((0.3,)), Scores((0.4, 0.5, 0.6), cut=(0, 2))]
    assert joined(parts).cut == (1, 3, 5)
