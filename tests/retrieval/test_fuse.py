import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.fuse import reciprocal_rank, weighted
from retrieval.types import Channel, Hit

WEIGHTS: dict[Channel, float] = {"lexical": 0.7, "vector": 0.3}


def ranked(channel: Channel, *scored: tuple[str, float]) -> list[Hit]:
    return [Hit(name, score, rank, channel) for rank, (name, score) in enumerate(scored, 1)]


VECTOR = ranked("vector", ("a", 0.8), ("b", 0.4))
LEXICAL = ranked("lexical", ("b", 10.0), ("c", 5.0))


def test_reciprocal_rank_adds_one_over_k_plus_rank() -> None:
    fused = reciprocal_rank([VECTOR, LEXICAL], 60)
    assert [f.chunk_id for f in fused] == ["b", "a", "c"]
    assert [f.score for f in fused] == pytest.approx([1 / 62 + 1 / 61, 1 / 61, 1 / 62])


def test_weighted_adds_shares_of_each_lists_best_score() -> None:
    fused = weighted([VECTOR, LEXICAL], WEIGHTS)
    assert [f.chunk_id for f in fused] == ["b", "c", "a"]
    assert [f.score for f in fused] == pytest.approx([0.7 * 1.0 + 0.3 * 0.5, 0.7 * 0.5, 0.3])


def test_each_chunk_keeps_its_best_hit_of_each_channel() -> None:
    variant = ranked("vector", ("b", 0.9))
    fused = reciprocal_rank([VECTOR, variant, LEXICAL], 60)
    assert fused[0].chunk_id == "b"
    assert fused[0].hits == (LEXICAL[0], variant[0])


def test_equal_scores_are_ordered_by_id() -> None:
    lists = [ranked("vector", ("z", 0.5)), ranked("lexical", ("a", 3.0))]
    assert [f.chunk_id for f in reciprocal_rank(lists, 60)] == ["a", "z"]


def test_lists_of_one_channel_share_its_weight() -> None:
    once = weighted([VECTOR, LEXICAL], WEIGHTS)
    twice = weighted([VECTOR, VECTOR, LEXICAL], WEIGHTS)
    assert [f.chunk_id for f in once] == [f.chunk_id for f in twice]
    assert [f.score for f in once] == pytest.approx([f.score for f in twice])


def test_scores_at_or_below_zero_count_as_no_match() -> None:
    fused = weighted([ranked("vector", ("a", 0.0), ("b", -0.2))], WEIGHTS)
    assert [(f.chunk_id, f.score) for f in fused] == [("a", 0.0), ("b", 0.0)]


def test_no_lists_give_nothing() -> None:
    assert reciprocal_rank([], 60) == weighted([[], []], WEIGHTS) == []


@st.composite
def hit_lists(draw: st.DrawFn) -> list[list[Hit]]:
    lists = []
    channels: list[Channel] = ["vector", "lexical"]
    for channel in draw(st.lists(st.sampled_from(channels), max_size=4)):
        names = draw(st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8))
        scores = draw(st.lists(st.floats(-1, 30), min_size=len(names), max_size=len(names)))
        lists.append(ranked(channel, *zip(names, sorted(scores, reverse=True), strict=True)))
    return lists


@given(hit_lists(), st.randoms(use_true_random=False))
def test_the_order_of_the_lists_does_not_matter(lists: list[list[Hit]], random: object) -> None:
    shuffled = list(lists)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert reciprocal_rank(shuffled, 60) == reciprocal_rank(lists, 60)
    assert weighted(shuffled, WEIGHTS) == weighted(lists, WEIGHTS)


@given(hit_lists())
def test_every_hit_is_fused_once_and_nothing_else(lists: list[list[Hit]]) -> None:
    names = [f.chunk_id for f in reciprocal_rank(lists, 60)]
    assert sorted(names) == sorted({hit.chunk_id for hits in lists for hit in hits})
