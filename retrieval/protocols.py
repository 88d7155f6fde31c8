"""The roles of retrieval. All are synchronous, thread-safe for reading, and know no event loop."""

from collections.abc import Mapping, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from retrieval.types import Chunk, Hit, Notice, Scope

Vectors = npt.NDArray[np.float32]


class Embedder(Protocol):
    """Turns texts into vectors that can be compared by dot product."""

    @property
    def identity(self) -> str:
        """Model, revision, dtype and pooling in one string: equal identities give equal vectors."""

    @property
    def dim(self) -> int:
        """The length of a vector."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1, in the order given."""

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        """Float32 of shape (len(texts), dim), rows of norm 1, in the order given."""

    def drain_notices(self) -> tuple[Notice, ...]:
        """What had to be cut since the last call, then forgotten (as texts over the model's limit)."""


@runtime_checkable
class LocalEmbedder(Protocol):
    """An embedder that computes in this process and knows on what."""

    @property
    def device(self) -> str:
        """``cpu`` or ``cuda``."""


@runtime_checkable
class CountsTokens(Protocol):
    """An embedder that knows how many tokens it reads."""

    def passage_tokens(self, texts: Sequence[str]) -> list[int]:
        """How many tokens ``embed_passages`` reads of each text."""


class VectorStore(Protocol):
    """An index of vectors, one partition per collection. It can be deleted and rebuilt without loss.

    Ids are insert-only: adding an id again with the same vector changes nothing.
    """

    def add(
        self, collection: str, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors
    ) -> None:
        """Make vectors (rows of norm 1) findable. Raises ``IndexMismatch`` on another dimension."""

    def remove(self, collection: str, chunk_ids: Sequence[str]) -> None:
        """Forget these ids; unknown ids are no error."""

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Hit]:
        """At most k hits of the scope by cosine similarity, best first, ties by id. vector: shape (dim,)."""

    def count(self, collection: str) -> int:
        """How many vectors the collection holds (0 for an unknown one)."""

    def ids(self, collection: str) -> set[str]:
        """Every id the collection holds (none for an unknown one)."""

    def partitions(self) -> set[str]:
        """The names of all partitions there are."""

    def drop(self, collection: str) -> None:
        """Delete the whole partition; an unknown one is no error."""


class SoftTokens(Protocol):
    """Turns texts into tokens of a vocabulary whose tokens have vectors."""

    @property
    def identity(self) -> str:
        """Vocabulary and tokenizer in one string: equal identities give equal tokens."""

    def ids(self, text: str) -> Sequence[int]:
        """The token ids (0 to 65,535) of a text in reading order, repeats kept; no token spans two lines."""


class LexicalIndex(Protocol):
    """An inverted index over analysed terms (see ``analysis``), ranked by BM25."""

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Make chunks findable by their terms."""

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Forget these ids; unknown ids are no error."""

    def search(self, text: str, k: int, scope: Scope) -> list[Hit]:
        """At most k hits inside the scope that share a term with the text, best first, ties by id."""

    def count(self) -> int:
        """How many chunks the index holds."""


class TermStatistics(Protocol):
    """How common terms are in what is indexed."""

    def document_frequencies(self, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """Chunks in all, and for each term in how many of them it stands (0 where unknown)."""


class SoftStatistics(TermStatistics, Protocol):
    """The same for tokens of the starter vocabulary (``starter_tokens``)."""

    def token_frequencies(self, tokens: Sequence[int]) -> tuple[int, Sequence[int]]:
        """Chunks in all, and for each token, in the order given, in how many of them it stands."""


class ChunkSource(Protocol):
    """The truth about chunks (SQLite)."""

    def chunks(self, chunk_ids: Sequence[str], scope: Scope) -> dict[str, Chunk]:
        """The chunks by id, leaving out what is not the current version or not inside the scope."""
