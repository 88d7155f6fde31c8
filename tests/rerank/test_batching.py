from hypothesis import given
from hypothesis import strategies as st

from rerank.batching import batches


@given(st.lists(st.integers(1, 500), max_size=60), st.integers(1, 2000))
def test_every_index_once_and_no_batch_of_several_over_budget(lengths: list[int], budget: int) -> None:
    groups = batches(lengths, budget)
    assert sorted(i for group in groups for i in group) == list(range(len(lengths)))
    for group in groups:
        padded = max(lengths[i] for i in group) * len(group)
        assert padded <= budget or len(group) == 1


def test_longest_go_first_and_neighbours_in_length_together() -> None:
    assert batches([10, 100, 12, 90], 200) == [[1, 3], [2, 0]]


def test_nothing_gives_nothing() -> None:
    assert batches([], 10) == []
