"""Fusion: the hits of several searches become one order."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from retrieval.types import Channel, Hit


@dataclass(frozen=True, slots=True)
class Fused:
    """A chunk that a search found: its fused score (any scale) and its best hit of each channel."""

    chunk_id: str
    score: float
    hits: tuple[Hit, ...]


def reciprocal_rank(hit_lists: Sequence[Sequence[Hit]], k: int) -> list[Fused]:
    """Score = Σ 1 / (k + rank) over the lists that found the chunk; best first, ties by id.

    The order of the lists does not matter. Source: Cormack, Clarke, Büttcher, "Reciprocal Rank Fusion
    outperforms Condorcet and individual rank learning methods", SIGIR 2009, which uses k = 60.
    """
    return _ordered([[(hit, 1.0 / (k + hit.rank)) for hit in hits] for hits in hit_lists])


def weighted(hit_lists: Sequence[Sequence[Hit]], weights: Mapping[Channel, float]) -> list[Fused]:
    """Score = Σ weight x score / best score of the list, over the lists that found the chunk.

    Best first, ties by id. Scores below 0 count as 0 (no match, for BM25 and cosine alike); several lists
    of one channel share its weight; the order of the lists does not matter. Source: the convex
    combination with theoretical minimum of Bruch, Gai, Ingber, "An Analysis of Fusion Functions for
    Hybrid Retrieval", TOIS 2023 (arXiv 2210.11934), with 0 as the minimum.
    """
    channels = [hits[0].channel for hits in hit_lists if hits]
    scored = []
    for hits in hit_lists:
        best = max((hit.score for hit in hits), default=0.0)
        if best > 0.0:
            share = weights.get(hits[0].channel, 0.0) / channels.count(hits[0].channel) / best
        else:
            share = 0.0
        scored.append([(hit, share * max(0.0, hit.score)) for hit in hits])
    return _ordered(scored)


def _ordered(scored: Sequence[Sequence[tuple[Hit, float]]]) -> list[Fused]:
    parts: dict[str, list[float]] = {}
    best: dict[str, dict[Channel, Hit]] = {}
    for hits in scored:
        for hit, part in hits:
            parts.setdefault(hit.chunk_id, []).append(part)
            known = best.setdefault(hit.chunk_id, {})
            if hit.channel not in known or _precedes(hit, known[hit.channel]):
                known[hit.channel] = hit
    # Sorted before adding: floating-point sums depend on order, and the order of lists must not matter.
    fused = [
        Fused(chunk_id, sum(sorted(parts[chunk_id])), tuple(hit for _, hit in sorted(best[chunk_id].items())))
        for chunk_id in parts
    ]
    return sorted(fused, key=lambda found: (-found.score, found.chunk_id))


def _precedes(one: Hit, other: Hit) -> bool:
    return (one.rank, -one.score) < (other.rank, -other.score)
