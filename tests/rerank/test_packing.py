import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank.packing import Request, pack

TOKENS = st.integers(0, 200)
REQUESTS = st.lists(
    st.builds(
        Request,
        st.lists(TOKENS, max_size=8),
        st.lists(st.lists(TOKENS, min_size=1, max_size=8), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=4,
)


def test_layout_of_one_request() -> None:
    packed = pack([Request([7, 8, 9], [[1, 2], [3, 4, 5]])])
    assert list(packed.ids) == [7, 8, 9, 1, 2, 3, 4, 5]
    assert list(packed.positions) == [0, 1, 2, 3, 4, 3, 4, 5]
    assert list(packed.cu_queries) == [0, 3, 5, 8]
    assert list(packed.key_rows) == [0, 1, 2, 0, 1, 2, 3, 4, 0, 1, 2, 5, 6, 7]
    assert list(packed.cu_keys) == [0, 3, 8, 14]
    assert list(packed.last) == [4, 7]
    assert list(packed.cu_last) == [0, 0, 1, 2]


@given(REQUESTS)
def test_every_tail_reads_exactly_its_own_pair(requests: list[Request]) -> None:
    packed = pack(requests)
    pairs = [[*request.shared, *tail] for request in requests for tail in request.tails]
    read = []
    for i in range(len(packed.cu_queries) - 1):
        rows = packed.key_rows[packed.cu_keys[i] : packed.cu_keys[i + 1]]
        assert [packed.positions[row] for row in rows] == list(range(len(rows)))
        own = range(packed.cu_queries[i], packed.cu_queries[i + 1])
        assert list(rows[len(rows) - len(own) :]) == list(own)
        if packed.cu_last[i] < packed.cu_last[i + 1]:
            assert packed.last[packed.cu_last[i]] == own[-1]
            read.append([packed.ids[row] for row in rows])
    assert read == pairs


@given(REQUESTS)
def test_shared_tokens_stand_once(requests: list[Request]) -> None:
    assert len(pack(requests).ids) == sum(request.tokens for request in requests)


def test_tail_without_tokens_is_refused() -> None:
    with pytest.raises(ValueError, match="a tail has no tokens"):
        pack([Request([1], [[2], []])])
