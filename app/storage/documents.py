"""Rows of documents and their versions: staged whole, published at once, retired, swept."""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.storage.chunks import chunk_row
from app.storage.database import Database
from app.storage.leftovers import Leftover, leftovers
from app.storage.notices import pack_notices
from app.storage.token_ids import TokenRow, write_token_ids
from ingest.settings import ChunkSize
from ingest.types import Prepared
from retrieval.types import Audience


@dataclass(frozen=True, slots=True)
class DocumentRow:
    """A document with its current version (0 while nothing has been published).

    ``cut`` is the size its chunks were cut to, None where that was not kept. ``suspicious``: places that
    speak to a model, None where the version was never looked through. ``audience``: whom it is fit for;
    ``audience_own`` says that it is set for this document, not taken from its collection.
    """

    id: str
    collection_id: str
    name: str
    version: int
    sha256: str
    title: str
    pages: int
    chunks: int
    size_bytes: int = 0
    cut: ChunkSize | None = None
    suspicious: int | None = None
    audience: Audience = "internal"
    audience_own: bool = False


class Documents:
    """Stage, publish, find and delete documents."""

    def __init__(
        self, database: Database, *, now: Callable[[], datetime], keep: timedelta = timedelta(0)
    ) -> None:
        """``keep``: how long what was replaced or deleted stays in SQLite (0: not at all)."""
        self._database = database
        self._now = now
        self._keep = keep

    def find(self, collection_id: str, name: str) -> DocumentRow | None:
        """The document of that name in that collection."""
        return next(
            iter(self._select("WHERE d.collection_id = ? AND d.name = ?", (collection_id, name))), None
        )

    def shown(self, collection_id: str) -> list[DocumentRow]:
        """The published documents of a collection, by name."""
        return self._select("WHERE d.collection_id = ? AND d.current_version > 0", (collection_id,))

    def page(self, collection_id: str, *, after: str, limit: int) -> list[DocumentRow]:
        """The published documents whose names come behind one ("" for the first), at most ``limit``."""
        return self._select(
            "WHERE d.collection_id = ? AND d.current_version > 0 AND d.name > ?",
            (collection_id, after),
            limit,
        )

    def claim(self, collection_id: str, name: str) -> tuple[str, int]:
        """The id of the document of that name, made where it did not exist, and a version never used."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO document (id, collection_id, name, created_at) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (collection_id, name) DO NOTHING",
                (uuid.uuid4().hex, collection_id, name, self._now().isoformat()),
            )
            row = connection.execute(
                "UPDATE document SET claimed = claimed + 1 WHERE collection_id = ? AND name = ?"
                " RETURNING id, claimed",
                (collection_id, name),
            ).fetchone()
        return row["id"], row["claimed"]

    def stage(
        self, prepared: Prepared, version: int, tokens: Sequence[TokenRow], *, cut: ChunkSize
    ) -> None:
        """Write a version with chunks, vectors and token ids; nobody sees it before ``publish``.

        Vectors may be rows of no dimension: ``app.storage.staging`` fills them in. ``cut``: the size the
        chunks were cut to.
        """
        document, source = prepared.document, prepared.document.source
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO version (document_id, version, state, sha256, size_bytes, media_type, title,"
                " pages, page_spans, text, notices, created_at, chunk_tokens, chunk_overlap, chunks)"
                " VALUES (?, ?, 'staged', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    source.document_id,
                    version,
                    source.sha256,
                    len(source.data),
                    source.media_type,
                    prepared.chunks[0].title if prepared.chunks else document.title,
                    len(document.pages),
                    json.dumps([(page.start, page.end) for page in document.pages]),
                    document.text,
                    pack_notices(prepared.notices),
                    self._now().isoformat(),
                    cut.tokens,
                    cut.overlap,
                    len(prepared.chunks),
                ),
            )
            connection.executemany(
                "INSERT INTO chunk (id, document_id, version, collection_id, ordinal, text, start, end,"
                " tokens,"
                " pages, headings, boxes, vector, digest, lead)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    chunk_row(chunk, vector)
                    for chunk, vector in zip(prepared.chunks, prepared.vectors, strict=True)
                ],
            )
            write_token_ids(connection, tokens)

    def publish(self, document_id: str, version: int) -> None:
        """Make a version the one that is shown; call inside a transaction with the lexical index.

        The one before is kept for a while, unless it was made from the same bytes.
        """
        key = (document_id, version)
        with self._database.transaction() as connection:
            connection.execute(  # what was deleted is back, if these are its bytes
                "UPDATE version SET deleted = 0 WHERE document_id = ?1 AND deleted = 1 AND (SELECT sha256"
                " FROM version WHERE document_id = ?1 AND version = ?2) IN (SELECT v.sha256 FROM version v"
                "  JOIN document d ON d.id = v.document_id AND d.deleted_version = v.version"
                "  WHERE d.id = ?1)",
                key,
            )
            connection.execute(
                "UPDATE version SET state = 'retired', retired_at = ?3, kept_until = CASE WHEN sha256 <>"
                " (SELECT sha256 FROM version WHERE document_id = ?1 AND version = ?2) THEN ?4 END"
                " WHERE document_id = ?1 AND state = 'current'",
                (*key, self._now().isoformat(), self._kept_until()),
            )
            connection.execute(
                "UPDATE version SET state = 'current', retired_at = NULL, kept_until = NULL, in_vectors = 1,"
                " in_words = 1 WHERE document_id = ? AND version = ?",
                key,
            )
            connection.execute(
                "UPDATE document SET current_version = ?2, deleted_version = 0, deleted_at = NULL"
                " WHERE id = ?1",
                key,
            )

    def rename(self, collection_id: str, name: str, new_name: str) -> bool:
        """Call a document by another name; False where one of that name is shown, kept or on its way."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM document WHERE collection_id = ? AND name = ? AND current_version = 0"
                " AND NOT EXISTS (SELECT 1 FROM version WHERE document_id = document.id)",
                (collection_id, new_name),
            )
            return bool(
                connection.execute(
                    "UPDATE OR IGNORE document SET name = ? WHERE collection_id = ? AND name = ?",
                    (new_name, collection_id, name),
                ).rowcount
            )

    def retire(self, document_id: str) -> None:
        """Stop showing a document; it waits in the trash, or for the next sweep where nothing is kept."""
        now, until = self._now().isoformat(), self._kept_until()
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE version SET state = 'retired', retired_at = ?, kept_until = ?"
                " WHERE document_id = ? AND state = 'current'",
                (now, until, document_id),
            )
            connection.execute(
                "UPDATE version SET deleted = 1 WHERE document_id = ? AND state = 'retired'", (document_id,)
            )
            connection.execute(
                "UPDATE document SET deleted_version = CASE WHEN ?2 IS NULL THEN 0 ELSE current_version END,"
                " deleted_at = ?1, current_version = 0 WHERE id = ?3 AND current_version > 0",
                (now, until, document_id),
            )
            if until is None:
                self.let_go("id = ?", (document_id,))

    def let_go(self, which: str, values: tuple[str, ...]) -> None:
        """Keep nothing any longer of the documents ``which`` names but what is shown; swept with the rest."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE version SET kept_until = NULL, deleted = 1"  # noqa: S608 - which is a literal of the caller
                " WHERE kept_until IS NOT NULL AND document_id IN"
                f" (SELECT id FROM document WHERE {which})",
                values,
            )

    def unindex_retired(self, collection_id: str) -> None:
        """The vector index was replaced: nothing of versions that are no longer shown is in it."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE version SET in_vectors = 0 WHERE state = 'retired' AND document_id IN"
                " (SELECT id FROM document WHERE collection_id = ?)",
                (collection_id,),
            )

    def claim_again(self, document_id: str) -> tuple[str, int] | None:
        """A version never used of a document that is shown; None where it is gone."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "UPDATE document SET claimed = claimed + 1 WHERE id = ? AND current_version > 0"
                " RETURNING id, claimed",
                (document_id,),
            ).fetchone()
        return None if row is None else (row["id"], row["claimed"])

    def leftovers(self) -> list[Leftover]:
        """Versions neither shown nor held by a job, unless all that is left of them is what is kept."""
        return leftovers(self._database)

    def forget(self, leftover: Leftover) -> None:
        """A version was swept: delete its rows unless they are kept, and the document's when none is left."""
        key = (leftover.document_id, leftover.version)
        with self._database.transaction() as connection:
            if leftover.kept:
                connection.execute(
                    "UPDATE version SET in_vectors = 0, in_words = 0 WHERE document_id = ? AND version = ?",
                    key,
                )
                return
            connection.execute(
                "DELETE FROM version WHERE document_id = ? AND version = ? AND state <> 'current'", key
            )
            connection.execute(
                "DELETE FROM document WHERE id = ? AND current_version = 0"
                " AND NOT EXISTS (SELECT 1 FROM version WHERE document_id = document.id)",
                (leftover.document_id,),
            )

    def forget_unversioned(self) -> None:
        """Delete documents that were claimed but have no version (their file failed or was cancelled)."""
        unversioned = (
            "FROM document WHERE current_version = 0"
            " AND NOT EXISTS (SELECT 1 FROM version WHERE document_id = document.id)"
        )
        if self._database.connection().execute(f"SELECT 1 {unversioned} LIMIT 1").fetchone():
            with self._database.transaction() as connection:
                connection.execute(f"DELETE {unversioned}")

    def uses(self, sha256: str) -> bool:
        """Whether any version was made from these bytes, or a job holds them."""
        row = self._database.connection().execute(
            "SELECT EXISTS (SELECT 1 FROM version WHERE sha256 = ?1)"
            " OR EXISTS (SELECT 1 FROM job WHERE sha256 = ?1 AND held = 1)",
            (sha256,),
        )
        return bool(row.fetchone()[0])

    def _kept_until(self) -> str | None:
        return (self._now() + self._keep).isoformat() if self._keep else None

    def _select(self, where: str, parameters: tuple[str, ...], limit: int = -1) -> list[DocumentRow]:
        rows = self._database.connection().execute(
            "SELECT d.id, d.collection_id, d.name, d.current_version, coalesce(v.sha256, '') AS sha256,"  # noqa: S608 - where is a literal of this file
            " coalesce(v.title, '') AS title, coalesce(v.pages, 0) AS pages, coalesce(v.chunks, 0) AS chunks,"
            " coalesce(v.size_bytes, 0) AS size_bytes, v.chunk_tokens, v.chunk_overlap, v.suspicious,"
            " coalesce(d.audience, c.audience) AS audience, d.audience IS NOT NULL AS audience_own"
            " FROM document d JOIN collection c ON c.id = d.collection_id"
            " LEFT JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
            f" {where} ORDER BY d.name LIMIT ?",
            (*parameters, limit),
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
                row["size_bytes"],
                None if row["chunk_tokens"] is None else ChunkSize(row["chunk_tokens"], row["chunk_overlap"]),
                row["suspicious"],
                row["audience"],
                bool(row["audience_own"]),
            )
            for row in rows
        ]
