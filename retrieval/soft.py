"""Soft term matching: BM25 in which a token of the question also meets its translations and relatives."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from retrieval.analysis import content_terms, content_words, terms
from retrieval.bm25 import K1, B, Scores, document_frequencies
from retrieval.posting_lists import TermIds
from retrieval.postings import Postings
from retrieval.segments import UNIT, Field
from retrieval.starter_table import StarterTable

# Chosen on the choosing half of shared/eval/dev (app/docs/experiments.md); their neighbours differ by < .01.
INSIDE = 0.4
"""Weight of a token inside a word of the question, beside the word's 1: finds names cut another way."""
MOST_RELATIVES = 32
"""Tokens of the collection that one token of the question may meet."""
EXACT = 0.5
"""Weight of a term that the vocabulary lacks (names, identifiers, numbers) and that is met to the letter."""


@dataclass(frozen=True, slots=True)
class SoftQuestion:
    """What soft matching searches: ids of starter tokens with their weights, and terms that have no token."""

    tokens: tuple[tuple[int, float], ...]
    exact: tuple[str, ...]

    @classmethod
    def of(cls, text: str, table: StarterTable) -> "SoftQuestion":
        """From a question: its content words, or all of it where it has none."""
        content = " ".join(content_words(text)) or text
        weights: dict[int, float] = {}
        for word, inside in table.tokens.units(content):
            weights[word] = 1.0
            for each in inside:
                weights[each] = max(weights.get(each, 0.0), INSIDE)
        wanted = content_terms(text) or terms(text)
        exact = tuple(dict.fromkeys(term for term in wanted if term not in table.tokens))
        tokens = tuple((token, weight * float(table.weights[token])) for token, weight in weights.items())
        return cls(tokens, exact)


def soft_scores(
    collections: Sequence[Postings], question: SoftQuestion, exact_ids: TermIds, table: StarterTable
) -> list[Scores]:
    """A score (≥ 0, 0 where nothing is met) for each row of each collection.

    Σ over tokens t of the question: weight(t) · max over its relatives u (at most ``MOST_RELATIVES`` that the
    collections hold) of worth(t, u) · idf(u) · tf(u), plus ``EXACT`` · idf · tf of ``exact_ids`` (the index's
    ids of ``question.exact``). idf = ln(1 + (N - n + 0.5) / (n + 0.5)) and tf = f · (k1 + 1) / (f + k1 · (1 -
    b + b · length / mean length)) as in BM25 (Robertson, Zaragoza 2009, with Lucene's idf, never negative).
    The maximum keeps a token from counting once for each of its translations. It is the translation language
    model's idea (Berger, Lafferty, SIGIR 1999) with a maximum for the sum.
    """
    met = _met(collections, [token for token, _ in question.tokens], table)
    weights = [weight for _, weight in question.tokens]
    exact = [_Met(exact_ids, _idf(collections, "words", exact_ids))] if len(exact_ids) else []
    scored = [np.zeros(each.size) for each in collections]
    _add(scored, collections, "soft", met, weights)
    _add(scored, collections, "words", exact, [EXACT])
    return scored


@dataclass(frozen=True, slots=True, eq=False)
class _Met:
    """Terms of the index that one token of the question meets, with what meeting each is worth."""

    ids: TermIds
    gains: Scores


def _met(collections: Sequence[Postings], tokens: list[int], table: StarterTable) -> list[_Met]:
    """The worthiest relatives of each token that the collections hold."""
    relatives = table.all_relatives(tokens)
    if not relatives:
        return []
    idf = _idf(collections, "soft", np.concatenate([each.ids for each in relatives]).astype(np.uint32))
    met, begin = [], 0
    for each in relatives:
        own = idf[begin : begin + len(each.ids)]
        begin += len(each.ids)
        held = np.flatnonzero(own)[:MOST_RELATIVES]
        met.append(_Met(each.ids[held].astype(np.uint32), own[held] * each.worths[held]))
    return met


def _idf(collections: Sequence[Postings], field: Field, ids: TermIds) -> Scores:
    """ln(1 + (N - n + 0.5) / (n + 0.5)); 0 for a term that no chunk holds."""
    count, frequencies = document_frequencies(collections, field, ids)
    idf = np.log1p((count - frequencies + 0.5) / (frequencies + 0.5))
    return np.where(frequencies > 0, idf, 0.0)


def _add(
    scored: Sequence[Scores],
    collections: Sequence[Postings],
    field: Field,
    sought: Sequence[_Met],
    factors: Sequence[float],
) -> None:
    """Add to each row: for each that is sought factor · max gain · tf; for exact terms the sum."""
    if not sought:
        return
    count = sum(each.count for each in collections)
    total = sum(each.total_length(field) for each in collections)
    share = B * count / total if total else 0.0
    ids = np.concatenate([each.ids for each in sought])
    gains = np.concatenate([each.gains * (K1 + 1) for each in sought]).astype(np.float32)
    ends = np.cumsum([len(each.ids) for each in sought])
    for each, scores in zip(collections, scored, strict=True):
        for segment, place in each.parts():
            found = segment.gather(field, ids)
            norms = (K1 * (1 - B) + K1 * share * segment.lengths(field)).astype(np.float32)
            values = found.frequencies * np.float32(UNIT[field])
            values /= values + norms[found.rows]
            values *= np.repeat(gains, found.counts)
            bounds = np.concatenate([[0], np.cumsum(found.counts)])
            for factor, begin, end in zip(factors, bounds[np.r_[0, ends[:-1]]], bounds[ends], strict=True):
                rows, worth = found.rows[begin:end], values[begin:end]
                if field == "words":
                    scores[place] += factor * np.bincount(rows, worth, minlength=segment.size)
                    continue
                best = np.zeros(segment.size, dtype=np.float32)
                np.maximum.at(best, rows, worth)
                scores[place] += factor * best
