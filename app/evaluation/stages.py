"""What each stage brought for a question, as lists of the set's documents."""

from collections.abc import Iterable, Mapping
from math import inf, nextafter
from typing import Literal

from app.result import Result
from retrieval.types import Found, Lists

Stage = Literal["lexical", "vector", "fused", "reranked"]
STAGES: tuple[Stage, ...] = ("lexical", "vector", "fused", "reranked")
DEPTH = 50  # documents of a list that measures look at
Ranking = tuple[tuple[str, float], ...]
Rankings = Mapping[Stage, Ranking]


def recalled_rankings(lists: Lists, ids: Mapping[str, str]) -> dict[Stage, Ranking]:
    """The documents of the channels and of their fusion; ``ids``: document name -> id."""
    stages: dict[Stage, tuple[Found, ...]] = {
        "lexical": lists.lexical,
        "vector": lists.vector,
        "fused": lists.fused,
    }
    return {
        stage: ranking((ids[found.chunk.document], found.score) for found in listed)
        for stage, listed in stages.items()
    }


def reranked_ranking(result: Result, ids: Mapping[str, str]) -> Ranking:
    """The documents of the K candidates in their final order.

    Candidates that a latency budget left unjudged stand at the end, where the answer's path has them.
    """
    return ranking((ids[entry.chunk.document], entry.relevance or 0.0) for entry in result.candidates)


def ranking(scored: Iterable[tuple[str, float]]) -> Ranking:
    """Each document once, at the rank of its best chunk, with scores that fall strictly.

    Equal scores would let a reader of the list order it otherwise than the product does: the later one
    gets the next smaller number.
    """
    found: dict[str, float] = {}
    last = inf
    for document, score in scored:
        if document not in found:
            last = score if score < last else nextafter(last, -inf)
            found[document] = last
    return tuple(found.items())
