"""Honest small implementations of retrieval's roles."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from retrieval.errors import IndexMismatch, RetrievalError
from retrieval.protocols import Vectors
from retrieval.types import Chunk, Hit, Notice, Scope


class MemoryVectorStore:
    """``VectorStore`` by exact search: the reference for Chroma."""

    def __init__(self) -> None:
        self._collections: dict[str, dict[str, tuple[str, Vectors]]] = {}

    def add(
        self, collection: str, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors
    ) -> None:
        kept = self._collections.setdefault(collection, {})
        for chunk_id, document_id, vector in zip(chunk_ids, document_ids, vectors, strict=True):
            self._require_dim(collection, len(vector))
            kept.setdefault(chunk_id, (document_id, vector.astype(np.float32)))

    def remove(self, collection: str, chunk_ids: Sequence[str]) -> None:
        for chunk_id in chunk_ids:
            self._collections.get(collection, {}).pop(chunk_id, None)

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Hit]:
        scored = []
        for collection in scope.collections:
            for chunk_id, (document_id, kept) in self._collections.get(collection, {}).items():
                self._require_dim(collection, len(vector))
                if scope.allows(collection, document_id):
                    scored.append((float(kept @ vector), chunk_id))
        scored.sort(key=lambda pair: (-pair[0], pair[1]))
        return [Hit(name, score, rank, "vector") for rank, (score, name) in enumerate(scored[: max(k, 0)], 1)]

    def count(self, collection: str) -> int:
        return len(self._collections.get(collection, {}))

    def ids(self, collection: str) -> set[str]:
        return set(self._collections.get(collection, {}))

    def partitions(self) -> set[str]:
        return set(self._collections)

    def drop(self, collection: str) -> None:
        self._collections.pop(collection, None)

    def _require_dim(self, collection: str, dim: int) -> None:
        for _, kept in self._collections[collection].values():
            if len(kept) != dim:
                raise IndexMismatch(f"vectors of {collection!r} have {len(kept)} dimensions, not {dim}")
            return


class MemoryChunks:
    """``ChunkSource`` over a list; ``stale`` ids are no longer current."""

    def __init__(self, chunks: Iterable[Chunk], *, stale: Iterable[str] = ()) -> None:
        self._chunks = {chunk.id: chunk for chunk in chunks}
        self._stale = frozenset(stale)

    def chunks(self, chunk_ids: Sequence[str], scope: Scope) -> dict[str, Chunk]:
        found = [self._chunks[name] for name in chunk_ids if name in self._chunks and name not in self._stale]
        return {chunk.id: chunk for chunk in found if scope.allows(chunk.collection, chunk.document_id)}


class FixedEmbedder:
    """``Embedder`` that looks texts up in a table of vectors; an unknown text is an error of the test."""

    def __init__(self, vectors: dict[str, Sequence[float]], *, notices: Sequence[Notice] = ()) -> None:
        self._vectors = {text: np.asarray(vector, dtype=np.float32) for text, vector in vectors.items()}
        self._notices = tuple(notices)

    @property
    def identity(self) -> str:
        return f"fixed/{self.dim}"

    @property
    def dim(self) -> int:
        return len(next(iter(self._vectors.values())))

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._vectors[text] / np.linalg.norm(self._vectors[text]) for text in texts])

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        return self.embed_queries(texts)

    def drain_notices(self) -> tuple[Notice, ...]:
        drained, self._notices = self._notices, ()
        return drained


class BrokenVectorStore(MemoryVectorStore):
    """A vector store whose search fails."""

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Hit]:
        raise RetrievalError("the vector index is broken")


class ListedLexicalIndex:
    """``LexicalIndex`` whose search is a function of k."""

    def __init__(self, hits: Callable[[int], list[Hit]]) -> None:
        self._hits = hits

    def add(self, chunks: Sequence[Chunk]) -> None:
        raise NotImplementedError

    def remove(self, chunk_ids: Sequence[str]) -> None:
        raise NotImplementedError

    def search(self, text: str, k: int, scope: Scope) -> list[Hit]:
        return self._hits(k)

    def count(self) -> int:
        return len(self._hits(1_000_000))


def chunk(
    text: str,
    *,
    id: str = "d:1:0",
    collection: str = "kb",
    document_id: str = "d",
    title: str = "",
    headings: tuple[str, ...] = (),
) -> Chunk:
    """A chunk with the fields a test cares about."""
    return Chunk(
        id=id, document_id=document_id, version=1, collection=collection, document=f"{document_id}.md",
        title=title, text=text, start=0, end=len(text), ordinal=0, tokens=len(text), headings=headings,
    )  # fmt: skip
