"""Retrieval measures of one query, and their means; definitions as in trec_eval.

``ranked`` holds document ids, best first and each once; ``gains`` the judged gain of each document,
relevant where above 0. Source of the formulas: Järvelin and Kekäläinen, "Cumulated gain-based evaluation
of IR techniques" (TOIS 2002) with the judged score as gain over log2(rank + 1); Voorhees, TREC-8 question
answering track (MRR).
"""

import math
from collections.abc import Mapping, Sequence

Gains = Mapping[str, float]


def reciprocal_rank(ranked: Sequence[str], gains: Gains, k: int = 10) -> float:
    """1 / rank of the first relevant document among the first k; 0 where there is none."""
    relevant = _relevant(gains)
    return next((1.0 / rank for rank, name in enumerate(ranked[:k], 1) if name in relevant), 0.0)


def ndcg(ranked: Sequence[str], gains: Gains, k: int = 10) -> float:
    """Discounted cumulated gain of the first k, as a share of the best possible (0..1)."""
    relevant = _relevant(gains)
    gained = [(rank, relevant[name]) for rank, name in enumerate(ranked[:k], 1) if name in relevant]
    ideal = enumerate(sorted(relevant.values(), reverse=True)[:k], 1)
    return _discounted(gained) / _discounted(list(ideal))


def recall(ranked: Sequence[str], gains: Gains, k: int) -> float:
    """The share of relevant documents that stand among the first k."""
    relevant = _relevant(gains)
    return sum(name in relevant for name in ranked[:k]) / len(relevant)


def hit(ranked: Sequence[str], gains: Gains, k: int) -> float:
    """1 where any of the first k is relevant, else 0."""
    relevant = _relevant(gains)
    return float(any(name in relevant for name in ranked[:k]))


def mean(values: Sequence[float]) -> float:
    """The arithmetic mean. Raises ``ValueError`` for no values: a measure over no queries has no meaning."""
    if not values:
        raise ValueError("no query to average over: the set holds no judged query")
    return math.fsum(values) / len(values)


def _relevant(gains: Gains) -> dict[str, float]:
    relevant = {name: gain for name, gain in gains.items() if gain > 0}
    if not relevant:
        raise ValueError("the query has no relevant document: leave it out of retrieval measures")
    return relevant


def _discounted(gained: Sequence[tuple[int, float]]) -> float:
    return sum(gain / math.log2(rank + 1) for rank, gain in gained)
