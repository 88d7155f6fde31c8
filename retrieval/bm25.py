"""BM25 over posting lists, as SQLite's FTS5 computes it, and the choice of the best rows."""

from collections.abc import Sequence
from heapq import nsmallest

import numpy as np
import numpy.typing as npt

from retrieval.posting_lists import Counts, TermIds
from retrieval.postings import Postings
from retrieval.segments import UNIT, Field

K1 = 1.2
B = 0.75
LEAST_IDF = 1e-6

Scores = npt.NDArray[np.float64]


def inverse_frequencies(count: int, frequencies: Counts) -> Scores:
    """ln((N - n + 0.5) / (n + 0.5)) of each term, never less than 1e-6 (SQLite's documentation of FTS5)."""
    return np.maximum(LEAST_IDF, np.log((count - frequencies + 0.5) / (frequencies + 0.5)))


def document_frequencies(collections: Sequence[Postings], field: Field, ids: TermIds) -> tuple[int, Counts]:
    """Chunks in all of these collections, and in how many of them each of these terms stands."""
    total = np.zeros(len(ids), dtype=np.int64)
    for each in collections:
        total += each.df(field, ids)
    return sum(each.count for each in collections), total


def bm25(collections: Sequence[Postings], ids: TermIds, *, field: Field = "words") -> list[Scores]:
    """A score (≥ 0, 0 where none of the terms stands) for each row of each collection.

    idf · f · (k1 + 1) / (f + k1 · (1 - b + b · length / mean length)), summed over the terms, f weighted by
    column: the formula of FTS5's ``bm25()`` with weights. N, n and the mean length are those of these
    collections together. Each term counts once; the same id twice counts twice.
    """
    count, frequencies = document_frequencies(collections, field, ids)
    weights = inverse_frequencies(count, frequencies) * (K1 + 1)
    tokens = sum(each.total_length(field) for each in collections)
    share = B * count / tokens if tokens else 0.0
    scored = []
    for each in collections:
        scores = np.zeros(each.size)
        for segment, place in each.parts():
            found = segment.gather(field, ids)
            norms = (K1 * (1 - B) + K1 * share * segment.lengths(field)).astype(np.float32)
            gains = found.frequencies * np.float32(UNIT[field])
            gains /= gains + norms[found.rows]
            scores[place] = np.bincount(
                found.rows, gains * np.repeat(weights, found.counts), minlength=segment.size
            )
        scored.append(scores)
    return scored


def best(
    collections: Sequence[Postings],
    scores: Sequence[npt.NDArray[np.floating]],
    k: int,
    document_ids: frozenset[str] | None = None,
) -> list[tuple[str, float]]:
    """The k chunks with the highest scores above 0, best first, ties by id; only of these documents."""
    flat = np.concatenate(scores) if scores else np.zeros(0)
    if document_ids is not None and len(flat):
        flat = np.where(np.concatenate([each.of_documents(document_ids) for each in collections]), flat, 0)
    found = np.flatnonzero(flat > 0)
    begins = np.cumsum([0, *(each.size for each in collections)])

    def name(row: int) -> str:
        at = int(np.searchsorted(begins, row, side="right")) - 1
        return collections[at].chunk_id(row - int(begins[at]))

    if len(found) > k:
        values = flat[found]
        least = np.partition(values, len(values) - k)[len(values) - k]
        above, ties = found[values > least], found[values == least]
        if len(above) + len(ties) > k:
            ties = np.array(nsmallest(k - len(above), ties.tolist(), key=name), dtype=np.int64)
        found = np.concatenate([above, ties])
    ranked = sorted((-float(flat[row]), name(row)) for row in found.tolist())
    return [(chunk_id, -score) for score, chunk_id in ranked]
