"""Rows of chunks: the text, position and vector of everything that can be found."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import astuple
from hashlib import blake2b

import numpy as np

from app.storage.database import Database
from retrieval.protocols import Vectors
from retrieval.types import Box, Chunk, Scope

BATCH = 500  # well under SQLite's limit of 32,766 bound parameters

_COLUMNS = (
    "SELECT k.*, d.name AS document, v.title AS title FROM chunk k"
    " JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
    " JOIN version v ON v.document_id = k.document_id AND v.version = k.version"
)


class Chunks:
    """Chunks of current versions; what is staged, retired or outside the scope is never returned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def chunks(self, chunk_ids: Sequence[str], scope: Scope) -> dict[str, Chunk]:
        """The current, visible chunks among these ids (``retrieval.protocols.ChunkSource``)."""
        found: dict[str, Chunk] = {}
        for at in range(0, len(chunk_ids), BATCH):
            batch = chunk_ids[at : at + BATCH]
            marks = ",".join("?" * len(batch))
            rows = self._database.connection().execute(
                f"{_COLUMNS} WHERE k.id IN ({marks})",
                tuple(batch),
            )
            for chunk in map(chunk_of, rows):
                if scope.allows(chunk.collection, chunk.document_id):
                    found[chunk.id] = chunk
        return found

    def of_document(self, document_id: str) -> list[Chunk]:
        """The current chunks of a document, in order."""
        rows = self._database.connection().execute(
            f"{_COLUMNS} WHERE k.document_id = ? ORDER BY k.ordinal", (document_id,)
        )
        return [chunk_of(row) for row in rows]

    def neighbours(self, chunk: Chunk) -> tuple[Chunk | None, Chunk | None]:
        """The chunks before and after in the same version."""
        rows = self._database.connection().execute(
            f"{_COLUMNS} WHERE k.document_id = ? AND k.ordinal IN (?, ?)",
            (chunk.document_id, chunk.ordinal - 1, chunk.ordinal + 1),
        )
        by_ordinal = {found.ordinal: found for found in map(chunk_of, rows)}
        return by_ordinal.get(chunk.ordinal - 1), by_ordinal.get(chunk.ordinal + 1)

    def vectors(self, collection_id: str, *, batch: int) -> Iterator[tuple[list[str], list[str], Vectors]]:
        """Ids, document ids and vectors (rows of norm 1) of a collection's current chunks, batch by batch."""
        rows = self._database.connection().execute(
            "SELECT k.id, k.document_id, k.vector FROM chunk k"
            " JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
            " WHERE k.collection_id = ? ORDER BY k.id",
            (collection_id,),
        )
        while part := rows.fetchmany(batch):
            stored = np.stack([unpack_vector(row["vector"]) for row in part])
            yield [row["id"] for row in part], [row["document_id"] for row in part], stored

    def without_tokens(self, tokenizer: str, *, after: str, limit: int) -> list[Chunk]:
        """Current chunks whose token ids are not stored for this tokenizer, by id, those behind ``after``."""
        rows = self._database.connection().execute(
            f"{_COLUMNS} LEFT JOIN chunk_tokens t ON t.chunk_id = k.id AND t.tokenizer = ?"
            " WHERE t.chunk_id IS NULL AND k.id > ? ORDER BY k.id LIMIT ?",
            (tokenizer, after, limit),
        )
        return [chunk_of(row) for row in rows]

    def headings(self, scope: Scope, *, limit: int) -> list[tuple[str, str]]:
        """(document title, innermost heading) pairs inside the scope, one a section, in document order."""
        pairs: dict[tuple[str, str], None] = {}
        for collection_id in sorted(scope.collections):
            rows = self._database.connection().execute(
                f"{_COLUMNS} WHERE k.collection_id = ? AND k.headings <> '[]' ORDER BY d.name, k.ordinal",
                (collection_id,),
            )
            for chunk in map(chunk_of, rows):
                if scope.allows(chunk.collection, chunk.document_id):
                    pairs[chunk.title, chunk.headings[-1]] = None
                if len(pairs) >= limit:
                    return list(pairs)
        return list(pairs)


def chunk_row(chunk: Chunk, vector: Vectors) -> tuple[str | int | bytes, ...]:
    """A chunk as the values of its row, in the order of the table's columns."""
    return (
        chunk.id,
        chunk.document_id,
        chunk.version,
        chunk.collection,
        chunk.ordinal,
        chunk.text,
        chunk.start,
        chunk.end,
        chunk.tokens,
        json.dumps(chunk.pages),
        json.dumps(chunk.headings, ensure_ascii=False),
        json.dumps([astuple(box) for box in chunk.boxes]),
        pack_vector(vector),
        text_digest(chunk),
        chunk.lead,
    )


def text_digest(chunk: Chunk) -> bytes:
    """What the embedder reads of a chunk, in 16 bytes: equal texts get equal vectors, so one is enough."""
    return blake2b(chunk.contextual_text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def pack_vector(vector: Vectors) -> bytes:
    """A vector as little-endian float16: 2 bytes a dimension, an error under 0.05 % of each component."""
    return np.asarray(vector, dtype="<f2").tobytes()


def unpack_vector(data: bytes) -> Vectors:
    """The stored vector as float32, shape (dim,), norm 1 again."""
    vector = np.frombuffer(data, dtype="<f2").astype(np.float32)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


def chunk_of(row: sqlite3.Row) -> Chunk:
    """The chunk in a row that also names its document and title."""
    return Chunk(
        id=row["id"],
        document_id=row["document_id"],
        version=row["version"],
        collection=row["collection_id"],
        document=row["document"],
        title=row["title"],
        text=row["text"],
        start=row["start"],
        end=row["end"],
        ordinal=row["ordinal"],
        tokens=row["tokens"],
        pages=tuple(json.loads(row["pages"])),
        headings=tuple(json.loads(row["headings"])),
        boxes=tuple(Box(*box) for box in json.loads(row["boxes"])),
        lead=row["lead"],
    )
