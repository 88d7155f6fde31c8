import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bench.figures import (
    QWEN3_06B,
    card_flop,
    floor_flop,
    kendall_tau,
    largest_difference,
    order,
    ratio,
    reciprocal_rank,
    top_agreement,
)
from app.bench.machine import percentiles

SCORES = st.lists(st.floats(-20, 20), min_size=2, max_size=8, unique=True)


def test_a_token_of_the_small_reranker_costs_881_million_operations_and_229376_for_each_it_reads() -> None:
    linear = QWEN3_06B.layers * (QWEN3_06B.kv_flop + QWEN3_06B.row_flop)
    assert linear == 880_803_840
    assert QWEN3_06B.layers * QWEN3_06B.context_flop == 229_376


@pytest.mark.parametrize(
    ("pairs", "tokens", "ours", "card"),
    [(10, 285, 1.902, 3.489), (50, 512, 19.921, 32.004), (100, 512, 39.773, 64.007)],
)
def test_work_in_tflop_of_known_requests(pairs: int, tokens: int, ours: float, card: float) -> None:
    assert floor_flop(QWEN3_06B, 80, [tokens] * pairs) / 1e12 == pytest.approx(ours, abs=0.001)
    assert card_flop(QWEN3_06B, [tokens] * pairs) / 1e12 == pytest.approx(card, abs=0.001)


def test_the_card_pays_for_padding_and_the_floor_does_not() -> None:
    assert card_flop(QWEN3_06B, [100, 500]) == card_flop(QWEN3_06B, [500, 500])
    assert floor_flop(QWEN3_06B, 80, [100, 500]) < floor_flop(QWEN3_06B, 80, [500, 500])


def test_a_ratio_compares_rounds_with_each_other_and_takes_the_middle() -> None:
    assert ratio([20.0, 90.0, 30.0], [10.0, 30.0, 20.0]) == 2.0


def test_ratios_of_unequal_rounds_are_refused() -> None:
    with pytest.raises(ValueError, match="longer"):
        ratio([20.0], [10.0, 30.0])


def test_percentiles_are_times_that_occurred() -> None:
    assert percentiles([float(ms) for ms in range(100, 0, -1)]) == {"p50": 50.0, "p95": 95.0}
    assert percentiles([9.0, 7.0]) == {"p50": 7.0, "p95": 9.0}
    assert percentiles([7.0]) == {"p50": 7.0, "p95": 7.0}


def test_tau_counts_pairs_that_changed_sides() -> None:
    assert kendall_tau([1, 2, 3, 4], [1, 2, 4, 3]) == pytest.approx(4 / 6)
    assert kendall_tau([1, 2, 3], [3, 2, 1]) == -1.0


def test_tau_of_a_side_that_orders_nothing_is_zero_unless_neither_does() -> None:
    assert kendall_tau([1, 1, 1], [1, 2, 3]) == 0.0
    assert kendall_tau([1, 1], [2, 2]) == 1.0


def test_a_tie_on_one_side_lowers_tau() -> None:
    assert kendall_tau([1, 2, 3], [1, 2, 2]) == pytest.approx(2 / 6**0.5)


@given(SCORES)
def test_tau_is_one_with_itself_and_minus_one_with_its_reverse(scores: list[float]) -> None:
    assert kendall_tau(scores, scores) == 1.0
    assert kendall_tau(scores, [-score for score in scores]) == -1.0


@given(SCORES, st.integers(1, 10))
def test_agreement_at_the_top_does_not_depend_on_scale(scores: list[float], k: int) -> None:
    assert top_agreement(scores, [score * 2 for score in scores], k) == 1.0


def test_agreement_at_the_top_ignores_order_within_it() -> None:
    assert top_agreement([4, 3, 2, 1], [3, 4, 1, 2], 3) == pytest.approx(2 / 3)


def test_equal_scores_keep_their_order() -> None:
    assert order([1.0, 2.0, 1.0, 2.0]) == [1, 3, 0, 2]


def test_reciprocal_rank_is_that_of_the_best_relevant_one_within_k() -> None:
    assert reciprocal_rank([0.1, 0.9, 0.5], [True, False, True], 10) == 0.5
    assert reciprocal_rank([0.1, 0.9, 0.5], [True, False, False], 2) == 0.0


def test_the_largest_difference_is_absolute() -> None:
    assert largest_difference([1.0, -2.0], [1.5, 2.0]) == 4.0
