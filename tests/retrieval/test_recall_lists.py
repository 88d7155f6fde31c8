"""The lists of the stages: deeper than what is chosen from, and no change to what is chosen."""

import random

import pytest

from retrieval.recall import recall
from retrieval.settings import RetrievalSettings
from retrieval.types import Hit, Query, Recalled, Scope
from tests.fakes.retrieval import FixedEmbedder, ListedLexicalIndex, MemoryChunks, MemoryVectorStore, chunk

NAMES = [f"c{number:02}" for number in range(40)]
QUERY = Query(
    asked="x", text="x", scope=Scope(frozenset({"kb"})), language="en", variants=("y",), terms=("x",)
)


def _recall(depth: int, settings: RetrievalSettings) -> Recalled:
    """Both wordings bring other orders in both channels."""
    drawn = random.Random(5)  # noqa: S311 - an order, no secret
    orders = [drawn.sample(NAMES, len(NAMES)) for _ in range(2)]
    asked: list[int] = []

    def lexical(k: int) -> list[Hit]:
        asked.append(k)
        order = orders[(len(asked) - 1) % 2]
        return [Hit(name, 40.0 - rank, rank, "lexical") for rank, name in enumerate(order[:k], 1)]

    vectors = MemoryVectorStore()
    table = {name: (1.0, drawn.random()) for name in NAMES}
    for name, vector in table.items():
        vectors.add("kb", [name], ["d"], FixedEmbedder({name: vector}).embed_passages([name]))
    return recall(
        QUERY,
        embedder=FixedEmbedder({"x": (1.0, 0.2), "y": (1.0, 0.9)}),
        vectors=vectors,
        lexical=ListedLexicalIndex(lexical),
        chunks=MemoryChunks([chunk(name, id=name) for name in NAMES]),
        settings=settings,
        depth=depth,
    )


SETTINGS = [
    RetrievalSettings(top_k=5, channel_k=8),
    RetrievalSettings(top_k=5, channel_k=8, fusion="weighted", lexical_weight=0.8),
    RetrievalSettings(top_k=10, channel_k=3),
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("depth", [1, 20, 100])
def test_depth_changes_nothing_of_what_is_chosen(depth: int, settings: RetrievalSettings) -> None:
    deep, plain = _recall(depth, settings), _recall(0, settings)
    assert deep.candidates == plain.candidates
    assert plain.lists is None
    assert deep.lists is not None
    chosen = [candidate.chunk.id for candidate in plain.candidates]
    assert [found.chunk.id for found in deep.lists.fused][: len(chosen)] == chosen


def test_lists_are_as_deep_as_asked_and_name_each_chunk_once() -> None:
    lists = _recall(20, SETTINGS[0]).lists
    assert lists is not None
    for found in (lists.vector, lists.lexical, lists.fused):
        names = [each.chunk.id for each in found]
        assert len(names) == len(set(names)) >= 20
    scores = [each.score for each in lists.lexical]
    assert scores == sorted(scores, reverse=True)
    everything = {each.chunk.id for each in (*lists.vector, *lists.lexical)}
    assert {each.chunk.id for each in lists.fused} == everything
