"""Versions that are no longer shown but kept for a while: of deleted documents, and replaced ones."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.storage.database import Database
from app.storage.staging import VersionId


@dataclass(frozen=True, slots=True)
class Deleted:
    """A document in the trash, as it was when it was deleted."""

    id: str
    collection_id: str
    name: str
    version: int
    title: str
    pages: int
    chunks: int
    sha256: str
    size_bytes: int
    deleted_at: datetime
    kept_until: datetime


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a document: the one that is shown (``kept_until`` None), or one that is kept."""

    version: int
    title: str
    pages: int
    sha256: str
    size_bytes: int
    created_at: datetime
    retired_at: datetime | None
    kept_until: datetime | None
    texts: tuple[str, ...]


class Shelf:
    """What is kept but not shown; nothing of it is in an index."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def trash(self, collection_id: str, name: str | None = None) -> list[Deleted]:
        """The deleted documents of a collection (or the one of that name), deleted last first."""
        rows = self._database.connection().execute(
            "SELECT d.id, d.collection_id, d.name, v.version, v.title, v.pages, v.sha256, v.size_bytes,"
            " d.deleted_at, v.kept_until, (SELECT count(*) FROM chunk k"
            "  WHERE k.document_id = v.document_id AND k.version = v.version) AS chunks"
            " FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.deleted_version"
            " WHERE d.collection_id = ?1 AND d.current_version = 0 AND v.kept_until IS NOT NULL"
            " AND (?2 IS NULL OR d.name = ?2) ORDER BY d.deleted_at DESC, d.name",
            (collection_id, name),
        )
        return [
            Deleted(
                id=row["id"],
                collection_id=row["collection_id"],
                name=row["name"],
                version=row["version"],
                title=row["title"],
                pages=row["pages"],
                chunks=row["chunks"],
                sha256=row["sha256"],
                size_bytes=row["size_bytes"],
                deleted_at=datetime.fromisoformat(row["deleted_at"]),
                kept_until=datetime.fromisoformat(row["kept_until"]),
            )
            for row in rows
        ]

    def versions(self, document_id: str) -> list[VersionRow]:
        """The version that is shown and those that are kept, newest first, with the texts of their chunks."""
        connection = self._database.connection()
        rows = connection.execute(
            "SELECT * FROM version WHERE document_id = ? AND (state = 'current' OR kept_until IS NOT NULL)"
            " ORDER BY version DESC",
            (document_id,),
        ).fetchall()
        return [
            VersionRow(
                version=row["version"],
                title=row["title"],
                pages=row["pages"],
                sha256=row["sha256"],
                size_bytes=row["size_bytes"],
                created_at=datetime.fromisoformat(row["created_at"]),
                retired_at=_time(row["retired_at"]),
                kept_until=_time(row["kept_until"]),
                texts=self._texts(connection, document_id, row["version"]),
            )
            for row in rows
        ]

    def whole(self, version: VersionId) -> bool:
        """Whether every chunk of the version has its vector."""
        row = self._database.connection().execute(
            "SELECT EXISTS (SELECT 1 FROM chunk WHERE document_id = ? AND version = ? AND vector = x'')",
            (version.document_id, version.version),
        )
        return not row.fetchone()[0]

    def enter(self, version: VersionId) -> None:
        """The version is about to enter the indexes: were it not shown in the end, it would be swept."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE version SET in_vectors = 1, in_words = 1 WHERE document_id = ? AND version = ?",
                (version.document_id, version.version),
            )

    def copy(self, version: VersionId, number: int) -> VersionId:
        """Stage a kept version again under a new number, with chunks, vectors and token ids."""
        key = (version.document_id, version.version, number)
        with self._database.transaction() as connection:
            _copy(
                connection,
                "version",
                {"version": "?3", "state": "'staged'", "created_at": "?4", "retired_at": "NULL",
                 "kept_until": "NULL", "in_vectors": "1", "in_words": "1"},
                (*key, self._now().isoformat()),
            )  # fmt: skip
            _copy(
                connection,
                "chunk",
                {"version": "?3", "id": "document_id || ':' || ?3 || ':' || ordinal"},
                key,
            )
            connection.execute(
                "INSERT INTO chunk_tokens (chunk_id, tokenizer, digest, ids)"
                " SELECT n.id, t.tokenizer, t.digest, t.ids FROM chunk o"
                " JOIN chunk_tokens t ON t.chunk_id = o.id"
                " JOIN chunk n ON n.document_id = ?1 AND n.version = ?3 AND n.ordinal = o.ordinal"
                " WHERE o.document_id = ?1 AND o.version = ?2",
                key,
            )
        return VersionId(version.collection_id, version.document_id, number)

    def expire(self) -> int:
        """Keep no longer what was kept long enough, of a deleted document all; how many versions."""
        now = self._now().isoformat()
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE version SET kept_until = NULL WHERE kept_until IS NOT NULL AND (kept_until <= ?1"
                " OR document_id IN (SELECT d.id FROM document d JOIN version v ON v.document_id = d.id"
                "  AND v.version = d.deleted_version WHERE d.current_version = 0 AND v.kept_until <= ?1))",
                (now,),
            ).rowcount

    def _texts(self, connection: sqlite3.Connection, document_id: str, version: int) -> tuple[str, ...]:
        rows = connection.execute(
            "SELECT text FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal",
            (document_id, version),
        )
        return tuple(row["text"] for row in rows)


def _copy(
    connection: sqlite3.Connection, table: str, other: dict[str, str], values: tuple[object, ...]
) -> None:
    """Insert rows of ?1, ?2 (document, version) again, with the columns in ``other`` set to these terms."""
    names = [row["name"] for row in connection.execute(f"PRAGMA table_info({table})")]
    terms = [other.get(name, name) for name in names]
    connection.execute(
        f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(terms)} FROM {table}"  # noqa: S608 - names of columns and literals of this file
        " WHERE document_id = ?1 AND version = ?2",
        values,
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
