"""Questions about the whole database: is it sound, what does it refer to, what should the indexes hold?"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from app.storage.chunks import chunk_of, unpack_vector
from app.storage.database import Database
from app.storage.staging import VersionId
from retrieval.protocols import Vectors
from retrieval.types import Chunk

LISTED = 20  # problems that SQLite names before it stops
_CURRENT = "FROM chunk k JOIN document d ON d.id = k.document_id AND d.current_version = k.version"


class Survey:
    """Reads only, but for ``delete_orphans``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def problems(self) -> list[str]:
        """What SQLite finds wrong with its own file; nothing where it is sound."""
        try:
            rows = self._database.connection().execute(f"PRAGMA integrity_check({LISTED})").fetchall()
        except sqlite3.DatabaseError as error:
            return [str(error)]
        return [row[0] for row in rows if row[0] != "ok"]

    def orphans(self) -> dict[str, list[int]]:
        """Row ids, by table, whose parent row is gone."""
        found: dict[str, list[int]] = {}
        for row in self._database.connection().execute("PRAGMA foreign_key_check"):
            found.setdefault(row["table"], []).append(row["rowid"])
        return {table: sorted(set(rows)) for table, rows in sorted(found.items())}

    def delete_orphans(self, orphans: Mapping[str, Sequence[int]]) -> None:
        """Delete rows that ``orphans`` named."""
        with self._database.transaction() as connection:
            for table, rows in orphans.items():
                # the name comes from SQLite's own list of tables
                connection.executemany(f'DELETE FROM "{table}" WHERE rowid = ?', [(row,) for row in rows])  # noqa: S608

    def current(self, collection_id: str) -> list[VersionId]:
        """The versions that are shown, by document id."""
        rows = self._database.connection().execute(
            "SELECT id, current_version FROM document WHERE collection_id = ? AND current_version > 0"
            " ORDER BY id",
            (collection_id,),
        )
        return [VersionId(collection_id, row["id"], row["current_version"]) for row in rows]

    def chunk_ids(self, collection_id: str) -> set[str]:
        """Every chunk that is shown."""
        rows = self._database.connection().execute(
            f"SELECT k.id {_CURRENT} WHERE k.collection_id = ?",
            (collection_id,),
        )
        return {row["id"] for row in rows}

    def unusable(self, collection_id: str, dim: int) -> list[str]:
        """Chunks that are shown and whose stored vector is not ``dim`` numbers that have a direction."""
        rows = self._database.connection().execute(
            f"SELECT k.id, k.vector {_CURRENT} WHERE k.collection_id = ? ORDER BY k.id", (collection_id,)
        )
        return [row["id"] for row in rows if not _usable(row["vector"], dim)]

    def vectors(
        self, versions: Iterable[VersionId], *, dim: int, batch: int
    ) -> Iterator[tuple[list[str], list[str], Vectors]]:
        """Ids, document ids and vectors of these versions, in batches, without those that are unusable."""
        ids: list[str] = []
        documents: list[str] = []
        vectors: list[Vectors] = []
        for version in versions:
            rows = self._database.connection().execute(
                "SELECT id, vector FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal",
                (version.document_id, version.version),
            )
            for row in rows.fetchall():
                if not _usable(row["vector"], dim):
                    continue
                ids.append(row["id"])
                documents.append(version.document_id)
                vectors.append(unpack_vector(row["vector"]))
                if len(ids) == batch:
                    yield ids, documents, np.stack(vectors)
                    ids, documents, vectors = [], [], []
        if ids:
            yield ids, documents, np.stack(vectors)

    def sample(self, collection_id: str, size: int) -> list[tuple[Chunk, bytes]]:
        """At most ``size`` chunks that are shown, spread evenly by id, with their stored vectors."""
        rows = self._database.connection().execute(
            "SELECT * FROM (SELECT k.*, d.name AS document, v.title AS title,"
            "  row_number() OVER (ORDER BY k.id) - 1 AS place, count(*) OVER () AS total"
            "  FROM chunk k JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
            "  JOIN version v ON v.document_id = k.document_id AND v.version = k.version"
            "  WHERE k.collection_id = ?1)"
            " WHERE place % max(1, (total + ?2 - 1) / ?2) = 0 ORDER BY place",
            (collection_id, size),
        )
        return [(chunk_of(row), row["vector"]) for row in rows]

    def files(self) -> dict[str, str]:
        """SHA-256 of all bytes that a version or a job refers to, each with a document's name."""
        rows = self._database.connection().execute(
            "SELECT v.sha256, d.name FROM version v JOIN document d ON d.id = v.document_id"
            " UNION SELECT sha256, name FROM job WHERE held = 1 AND sha256 <> '' ORDER BY 1, 2"
        )
        return {row["sha256"]: row["name"] for row in rows}


def _usable(stored: bytes, dim: int) -> bool:
    if len(stored) != 2 * dim:
        return False
    length = float(np.linalg.norm(np.frombuffer(stored, dtype="<f2").astype(np.float32)))
    return bool(np.isfinite(length)) and length > 0
