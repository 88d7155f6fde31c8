"""An embedder for tests: hashed words, the same on every machine, in a millisecond."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from hashlib import blake2b

import numpy as np

from retrieval.analysis import characters, content_terms, terms
from retrieval.concepts import concepts
from retrieval.protocols import Vectors
from retrieval.types import Notice

TERM, CONCEPT, CHARACTER, PIECE = 1.0, 1.5, 0.5, 0.3
_PIECE_LENGTHS = (3, 4)


class HashingEmbedder:
    """``Embedder`` that sees shared words, shared concepts of the glossary and shared spelling: no meaning.

    A text is a bag of features: its terms, its concepts (the only thing that crosses languages), its
    single CJK characters and the letter trigrams and 4-grams of its Latin words. Each feature adds its
    weight, damped by 1 + ln(count), with a fixed sign to two fixed places of the vector (the hashing
    trick of Weinberger et al., "Feature Hashing for Large Scale Multitask Learning", ICML 2009); the sum
    is scaled to norm 1. Vectors are the same on every machine. A text without features gives the unit
    vector of place 0.

    Two texts about the same thing in other words are far apart here.
    """

    def __init__(self, dim: int = 1024) -> None:
        if dim < 16:
            raise ValueError(f"dim is {dim}; at least 16 places are needed")
        self._dim = dim

    @property
    def identity(self) -> str:
        """Changes whenever equal texts would get other vectors."""
        return f"touchstone-hashing-1/{self._dim}"

    @property
    def dim(self) -> int:
        """The length of a vector."""
        return self._dim

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As ``embed_passages``, by the terms that say what a question is about (all terms where none do)."""
        return self._embed([content_terms(text) or terms(text) for text in texts], texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1, in the order given."""
        return self._embed([terms(text) for text in texts], texts)

    def drain_notices(self) -> tuple[Notice, ...]:
        """Always empty: a text of any length is read whole."""
        return ()

    def _embed(self, analysed: Sequence[list[str]], texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), self._dim), dtype=np.float64)
        for row, words, text in zip(rows, analysed, texts, strict=True):
            for (feature, weight), count in Counter(_features(words, text)).items():
                value = weight * (1.0 + np.log(count))
                for place, sign in _places(feature, self._dim):
                    row[place] += sign * value
            norm = np.linalg.norm(row)
            if norm < 1e-9:
                row[:] = 0.0
                row[0] = 1.0
            else:
                row /= norm
        return rows.astype(np.float32)


def _features(words: list[str], text: str) -> Iterator[tuple[str, float]]:
    for word in words:
        yield word, TERM
        if word.isascii() and word.isalpha():
            marked = f"^{word}$"
            for length in _PIECE_LENGTHS:
                for i in range(len(marked) - length + 1):
                    yield "~" + marked[i : i + length], PIECE
    for concept in concepts(text):
        yield concept, CONCEPT
    for character in characters("\n".join(words)):
        yield "·" + character, CHARACTER


@lru_cache(maxsize=1 << 17)
def _places(feature: str, dim: int) -> tuple[tuple[int, int], tuple[int, int]]:
    digest = int.from_bytes(blake2b(feature.encode(), digest_size=16).digest(), "little")
    low, high = digest & (1 << 64) - 1, digest >> 64
    return ((low >> 1) % dim, 1 if low & 1 else -1), ((high >> 1) % dim, 1 if high & 1 else -1)
