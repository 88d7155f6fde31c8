"""Rows of documents and their versions: staged whole, published at once, retired, swept."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.storage.chunks import chunk_row
from app.storage.database import Database
from ingest.types import Prepared


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document with its current version (0 while nothing has been published)."""

    id: str
    collection_id: str
    name: str
    version: int
    sha256: str
    title: str
    pages: int
    chunks: int


@dataclass(frozen=True, slots=True)
class Leftover:
    """A version that is no longer, or was never, shown: its chunk ids wait to be swept from the indexes."""

    document_id: str
    version: int
    collection_id: str
    chunk_ids: tuple[str, ...]


class Documents:
    """Stage, publish, find and delete documents."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def find(self, collection_id: str, name: str) -> DocumentRow | None:
        """The document of that name in that collection."""
        return next(
            iter(self._select("WHERE d.collection_id = ? AND d.name = ?", (collection_id, name))), None
        )

    def shown(self, collection_id: str) -> list[DocumentRow]:
        """The published documents of a collection, by name."""
        return self._select("WHERE d.collection_id = ? AND d.current_version > 0", (collection_id,))

    def claim(self, collection_id: str, name: str) -> tuple[str, int]:
        """The id of the document of that name, made where it did not exist, and its next version."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO document (id, collection_id, name, created_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (collection_id, name) DO NOTHING",
                (uuid.uuid4().hex, collection_id, name, self._now().isoformat()),
            )
            row = connection.execute(
                "SELECT d.id, coalesce(max(v.version), 0) AS last FROM document d"
                " LEFT JOIN version v ON v.document_id = d.id"
                " WHERE d.collection_id = ? AND d.name = ? GROUP BY d.id",
                (collection_id, name),
            ).fetchone()
        return row["id"], row["last"] + 1

    def stage(self, prepared: Prepared, version: int) -> None:
        """Write a version with its chunks and vectors; nobody sees it before ``publish``."""
        document, source = prepared.document, prepared.document.source
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO version (document_id, version, state, sha256, size_bytes, media_type, title,"
                " pages, text, created_at) VALUES (?, ?, 'staged', ?, ?, ?, ?, ?, ?, ?)",
                (
                    source.document_id,
                    version,
                    source.sha256,
                    len(source.data),
                    source.media_type,
                    document.title,
                    len(document.pages),
                    document.text,
                    self._now().isoformat(),
                ),
            )
            connection.executemany(
                "INSERT INTO chunk (id, document_id, version, collection_id, ordinal, text, start, end,"
                " tokens,"
                " pages, headings, boxes, vector) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    chunk_row(chunk, vector)
                    for chunk, vector in zip(prepared.chunks, prepared.vectors, strict=True)
                ],
            )

    def publish(self, document_id: str, version: int) -> None:
        """Make a staged version the one that is shown; call inside a transaction with the lexical index."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE version SET state = 'retired' WHERE document_id = ? AND state = 'current'",
                (document_id,),
            )
            connection.execute(
                "UPDATE version SET state = 'current' WHERE document_id = ? AND version = ?",
                (document_id, version),
            )
            connection.execute("UPDATE document SET current_version = ? WHERE id = ?", (version, document_id))

    def retire(self, document_id: str) -> None:
        """Stop showing a document."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE version SET state = 'retired' WHERE document_id = ?", (document_id,))
            connection.execute("UPDATE document SET current_version = 0 WHERE id = ?", (document_id,))

    def leftovers(self) -> list[Leftover]:
        """Staged and retired versions: what a crash left behind, and what newer versions replaced."""
        rows = self._database.connection().execute(
            "SELECT v.document_id, v.version, d.collection_id FROM version v"
            " JOIN document d ON d.id = v.document_id"
            " WHERE v.state <> 'current' ORDER BY v.document_id, v.version"
        )
        return [
            Leftover(
                row["document_id"],
                row["version"],
                row["collection_id"],
                self._chunk_ids(row["document_id"], row["version"]),
            )
            for row in rows.fetchall()
        ]

    def forget(self, leftover: Leftover) -> None:
        """Delete a swept version's rows, and the document's when nothing of it is left."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM version WHERE document_id = ? AND version = ? AND state <> 'current'",
                (leftover.document_id, leftover.version),
            )
            connection.execute(
                "DELETE FROM document WHERE id = ? AND current_version = 0"
                " AND NOT EXISTS (SELECT 1 FROM version WHERE document_id = document.id)",
                (leftover.document_id,),
            )

    def forget_unversioned(self) -> None:
        """Delete documents that were claimed but never got a version (their file failed)."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM document WHERE current_version = 0"
                " AND NOT EXISTS (SELECT 1 FROM version WHERE document_id = document.id)"
            )

    def uses(self, sha256: str) -> bool:
        """Whether any version was made from these bytes."""
        row = self._database.connection().execute("SELECT 1 FROM version WHERE sha256 = ? LIMIT 1", (sha256,))
        return row.fetchone() is not None

    def _chunk_ids(self, document_id: str, version: int) -> tuple[str, ...]:
        rows = self._database.connection().execute(
            "SELECT id FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal",
            (document_id, version),
        )
        return tuple(row["id"] for row in rows)

    def _select(self, where: str, parameters: tuple[str, ...]) -> list[DocumentRow]:
        rows = self._database.connection().execute(
            "SELECT d.id, d.collection_id, d.name, d.current_version, coalesce(v.sha256, '') AS sha256,"  # noqa: S608 - where is a literal of this file
            " coalesce(v.title, '') AS title, coalesce(v.pages, 0) AS pages,"
            " (SELECT count(*) FROM chunk k"
            "  WHERE k.document_id = d.id AND k.version = d.current_version) AS chunks"
            " FROM document d LEFT JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
            f" {where} ORDER BY d.name",
            parameters,
        )
        return [
            DocumentRow(
                row["id"],
                row["collection_id"],
                row["name"],
                row["current_version"],
                row["sha256"],
                row["title"],
                row["pages"],
                row["chunks"],
            )
            for row in rows
        ]
