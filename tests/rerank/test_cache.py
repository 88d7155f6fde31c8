import pytest

from rerank.cache import ScoreCache, pair_keys


def test_least_recently_used_goes_first() -> None:
    cache = ScoreCache(2)
    cache.put({b"a": 1.0, b"b": 2.0})
    assert cache.get([b"a"]) == [1.0]
    cache.put({b"c": 3.0})
    assert cache.get([b"a", b"b", b"c"]) == [1.0, None, 3.0]
    assert (cache.hits, cache.misses) == (3, 1)


def test_size_zero_keeps_nothing() -> None:
    cache = ScoreCache(0)
    cache.put({b"a": 1.0})
    assert cache.get([b"a"]) == [None]


@pytest.mark.parametrize(
    ("identity", "shared", "tail"),
    [
        ("other", [1, 2], [3]),
        ("m", [1], [2, 3]),
        ("m", [1, 2, 3], []),
        ("m", [1, 2], [4]),
        ("m", [2, 1], [3]),
    ],
)
def test_key_depends_on_model_beginning_and_tail(identity: str, shared: list[int], tail: list[int]) -> None:
    assert pair_keys(identity, shared, [tail]) != pair_keys("m", [1, 2], [[3]])


def test_equal_pairs_have_equal_keys() -> None:
    first, second, third = pair_keys("m", (1, 2), [(3,), (4,), (3,)])
    assert first == third != second
    assert len(first) == 16
