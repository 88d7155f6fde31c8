"""Versions on their way in: staged with chunks, given vectors batch by batch, read out to be published."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.storage.chunks import chunk_of, pack_vector, unpack_vector
from app.storage.database import Database
from ingest.settings import ChunkSize
from retrieval.protocols import Vectors
from retrieval.types import Chunk

_STAGED = (
    "SELECT k.*, d.name AS document, v.title AS title FROM chunk k"
    " JOIN document d ON d.id = k.document_id"
    " JOIN version v ON v.document_id = k.document_id AND v.version = k.version"
    " WHERE k.document_id = ? AND k.version = ?"
)


@dataclass(frozen=True, slots=True)
class VersionId:
    """A version of a document, in a collection."""

    collection_id: str
    document_id: str
    version: int


class Staging:
    """Vectors of versions that are not shown yet. A chunk without a vector has an empty one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, version: VersionId, embedder: str) -> int:
        """Take over every vector that this embedder made of the same text in this collection; how many.

        Vectors another embedder left in this version are thrown away first. Vectors made for this version
        before a stop count, too.
        """
        key = (version.document_id, version.version)
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE chunk SET vector = x'' WHERE document_id = ? AND version = ? AND EXISTS (SELECT 1"
                " FROM version v WHERE v.document_id = chunk.document_id AND v.version = chunk.version"
                "  AND v.embedder <> ?)",
                (*key, embedder),
            )
            connection.execute(
                "UPDATE version SET embedder = ? WHERE document_id = ? AND version = ?", (embedder, *key)
            )
            connection.execute(
                "UPDATE chunk SET vector = coalesce((SELECT o.vector FROM chunk o JOIN version v"
                "   ON v.document_id = o.document_id AND v.version = o.version"
                "  WHERE o.collection_id = chunk.collection_id AND o.digest = chunk.digest"
                "   AND o.vector <> x'' AND v.embedder = ? LIMIT 1), x'')"
                " WHERE document_id = ? AND version = ? AND vector = x''",
                (embedder, *key),
            )
            (count,) = connection.execute(
                "SELECT count(*) FROM chunk WHERE document_id = ? AND version = ? AND vector <> x''", key
            ).fetchone()
        return int(count)

    def pending(self, version: VersionId) -> list[Chunk]:
        """The chunks that have no vector yet, in order."""
        rows = self._database.connection().execute(
            f"{_STAGED} AND k.vector = x'' ORDER BY k.ordinal", (version.document_id, version.version)
        )
        return [chunk_of(row) for row in rows]

    def lacking(self, version: VersionId) -> list[int]:
        """The ordinals of the chunks that have no vector yet, in order."""
        rows = self._database.connection().execute(
            "SELECT ordinal FROM chunk WHERE document_id = ? AND version = ? AND vector = x''"
            " ORDER BY ordinal",
            (version.document_id, version.version),
        )
        return [row["ordinal"] for row in rows]

    def keep(self, chunk_ids: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors (rows of norm 1) of these chunks, rounded to float16."""
        with self._database.transaction() as connection:
            connection.executemany(
                "UPDATE chunk SET vector = ? WHERE id = ?",
                [(pack_vector(row), name) for name, row in zip(chunk_ids, vectors, strict=True)],
            )

    def chunks(self, version: VersionId) -> list[Chunk]:
        """All chunks of the version, in order."""
        rows = self._database.connection().execute(
            f"{_STAGED} ORDER BY k.ordinal", (version.document_id, version.version)
        )
        return [chunk_of(row) for row in rows]

    def vectors(
        self, versions: Sequence[VersionId], *, batch: int
    ) -> Iterator[tuple[list[str], list[str], Vectors]]:
        """Ids, document ids and vectors of these versions, as a refill would give them, batch by batch."""
        ids: list[str] = []
        documents: list[str] = []
        vectors: list[Vectors] = []
        for version in versions:
            rows = self._database.connection().execute(
                "SELECT id, vector FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal",
                (version.document_id, version.version),
            )
            for row in rows:
                ids.append(row["id"])
                documents.append(version.document_id)
                vectors.append(unpack_vector(row["vector"]))
                if len(ids) == batch:
                    yield ids, documents, np.stack(vectors)
                    ids, documents, vectors = [], [], []
        if ids:
            yield ids, documents, np.stack(vectors)

    def chunk_ids(self, version: VersionId) -> list[str]:
        """The ids of the version's chunks, in order."""
        rows = self._database.connection().execute(
            "SELECT id FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal",
            (version.document_id, version.version),
        )
        return [row["id"] for row in rows]

    def embedder(self, version: VersionId) -> str:
        """Which embedder made the version's vectors; "" where none has yet."""
        row = (
            self._database.connection()
            .execute(
                "SELECT embedder FROM version WHERE document_id = ? AND version = ?",
                (version.document_id, version.version),
            )
            .fetchone()
        )
        return "" if row is None else str(row["embedder"])

    def cut(self, version: VersionId) -> ChunkSize | None:
        """The size the version's chunks were cut to; None where that was not kept."""
        row = (
            self._database.connection()
            .execute(
                "SELECT chunk_tokens, chunk_overlap FROM version"
                " WHERE document_id = ? AND version = ? AND chunk_tokens IS NOT NULL",
                (version.document_id, version.version),
            )
            .fetchone()
        )
        return None if row is None else ChunkSize(row["chunk_tokens"], row["chunk_overlap"])

    def in_flight(self) -> list[VersionId]:
        """Staged versions of jobs that were being indexed: some of their vectors may be in the index."""
        rows = self._database.connection().execute(
            "SELECT collection_id, document_id, version FROM job WHERE held = 1 AND document_id <> ''"
            " AND parent = '' AND step IN ('indexing', 'publishing') ORDER BY seq"
        )
        return [VersionId(row["collection_id"], row["document_id"], row["version"]) for row in rows]

    def about_to_show(self) -> list[VersionId]:
        """Staged versions of jobs that only have to be published: all of their vectors are in the index."""
        rows = self._database.connection().execute(
            "SELECT collection_id, document_id, version FROM job WHERE held = 1 AND document_id <> ''"
            " AND parent = '' AND step = 'publishing' ORDER BY seq"
        )
        return [VersionId(row["collection_id"], row["document_id"], row["version"]) for row in rows]


class ParseResults:
    """What parsers made of bytes, kept until the version made from it is shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, sha256: str, parser: str) -> tuple[bytes, float] | None:
        """The packed document and the seconds it took, or None where nothing is kept for that parser."""
        row = (
            self._database.connection()
            .execute(
                "SELECT data, seconds FROM parse_result WHERE sha256 = ? AND parser = ?", (sha256, parser)
            )
            .fetchone()
        )
        return None if row is None else (row["data"], row["seconds"])

    def put(self, sha256: str, parser: str, data: bytes, seconds: float) -> None:
        """Keep a packed document."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO parse_result (sha256, parser, data, seconds) VALUES (?, ?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                (sha256, parser, data, seconds),
            )

    def forget_unheld(self) -> None:
        """Let go of the results no job needs any more."""
        unheld = (
            "FROM parse_result WHERE NOT EXISTS (SELECT 1 FROM job"
            " WHERE job.sha256 = parse_result.sha256 AND job.held = 1)"
        )
        if self._database.connection().execute(f"SELECT 1 {unheld} LIMIT 1").fetchone():
            with self._database.transaction() as connection:
                connection.execute(f"DELETE {unheld}")
