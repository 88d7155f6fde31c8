from hypothesis import given
from hypothesis import strategies as st

from rerank.batching import SHORT, Waiting, next_batch

WAITING = st.lists(
    st.builds(Waiting, st.integers(0, 300), st.lists(st.integers(1, 500), min_size=1, max_size=9)), max_size=9
)


@given(WAITING, st.integers(1, 3000), st.booleans())
def test_everything_is_taken_and_no_batch_of_several_pairs_is_over_budget(
    waiting: list[Waiting], budget: int, oldest_first: bool
) -> None:
    while waiting:
        counts = next_batch(waiting, budget, oldest_first=oldest_first)
        taken = [(w.shared, w.tails[:n]) for w, n in zip(waiting, counts, strict=True) if n]
        assert taken
        tokens = sum(shared + sum(tails) for shared, tails in taken)
        assert tokens <= budget or sum(len(tails) for _, tails in taken) == 1
        assert sum(0 < n < len(w.tails) for w, n in zip(waiting, counts, strict=True)) <= 1
        rest = [Waiting(w.shared, w.tails[n:]) for w, n in zip(waiting, counts, strict=True)]
        waiting = [w for w in rest if w.tails]


@given(WAITING.filter(bool), st.integers(1, 3000))
def test_the_oldest_of_the_short_ones_goes_and_the_oldest_of_all_on_its_turn(
    waiting: list[Waiting], budget: int
) -> None:
    counts = next_batch(waiting, budget)
    short = [i for i, w in enumerate(waiting) if w.tokens < SHORT * budget]
    assert not short or counts[short[0]]
    assert next_batch(waiting, budget, oldest_first=True)[0]


def test_of_requests_of_like_length_the_one_that_came_first_goes_first() -> None:
    assert next_batch([Waiting(80, [200] * 20), Waiting(80, [200] * 15)], 4096) == [20, 0]


def test_requests_that_wait_together_share_a_batch() -> None:
    assert next_batch([Waiting(50, [10, 10]), Waiting(60, [20])], 150) == [2, 1]


def test_short_request_overtakes_a_long_one_and_goes_alone() -> None:
    assert next_batch([Waiting(80, [200] * 10_000), Waiting(80, [200] * 15)], 4096) == [0, 15]


def test_long_request_gets_the_whole_batch_when_it_is_its_turn() -> None:
    waiting = [Waiting(80, [200] * 10_000), Waiting(80, [200] * 15)]
    assert next_batch(waiting, 4096, oldest_first=True) == [20, 0]


def test_what_fits_whole_beside_the_oldest_goes_with_it() -> None:
    waiting = [Waiting(5, [40]), Waiting(5, [20]), Waiting(5, [10])]
    assert next_batch(waiting, 60, oldest_first=True) == [1, 0, 1]


def test_of_equal_requests_the_oldest_goes_first() -> None:
    assert next_batch([Waiting(5, [10] * 9), Waiting(5, [10] * 9)], 60) == [5, 0]


def test_request_that_does_not_fit_whole_gives_what_fits() -> None:
    assert next_batch([Waiting(50, [10, 10, 40])], 80) == [2]


def test_pair_longer_than_the_budget_goes_alone() -> None:
    assert next_batch([Waiting(50, [500, 1]), Waiting(600, [1])], 80) == [1, 0]


def test_nobody_waiting_gives_nothing() -> None:
    assert next_batch([], 10) == []
    assert next_batch([], 10, oldest_first=True) == []
