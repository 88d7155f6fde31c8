from hypothesis import given
from hypothesis import strategies as st

from rerank.batching import Waiting, next_batch

WAITING = st.lists(
    st.builds(Waiting, st.integers(0, 300), st.lists(st.integers(1, 500), min_size=1, max_size=9)), max_size=9
)


@given(WAITING, st.integers(1, 3000))
def test_everything_is_taken_in_order_and_no_batch_of_several_is_over_budget(
    waiting: list[Waiting], budget: int
) -> None:
    left = list(waiting)
    while left:
        counts = next_batch(left, budget)
        taken = [(w.shared, w.tails[:n]) for w, n in zip(left, counts, strict=False) if n]
        assert taken
        tokens = sum(shared + sum(tails) for shared, tails in taken)
        assert tokens <= budget or sum(len(tails) for _, tails in taken) == 1
        unfinished = [i for i, (w, n) in enumerate(zip(left, counts, strict=False)) if n < len(w.tails)]
        assert all(i == len(counts) - 1 for i in unfinished)
        counts += [0] * (len(left) - len(counts))
        rest = [Waiting(w.shared, w.tails[n:]) for w, n in zip(left, counts, strict=True)]
        left = [w for w in rest if w.tails]


def test_requests_that_wait_together_share_a_batch() -> None:
    assert next_batch([Waiting(50, [10, 10]), Waiting(60, [20])], 150) == [2, 1]


def test_a_request_that_does_not_fit_whole_gives_what_fits() -> None:
    assert next_batch([Waiting(50, [10, 10, 40]), Waiting(1, [1])], 80) == [2]


def test_pair_longer_than_the_budget_goes_alone() -> None:
    assert next_batch([Waiting(50, [500, 1]), Waiting(1, [1])], 80) == [1]


def test_nobody_waiting_gives_nothing() -> None:
    assert next_batch([], 10) == []
