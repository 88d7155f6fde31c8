"""Rows of what looks suspicious in a version's text: found at ingest, shown to whoever keeps it."""

import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from app.storage.database import Database
from app.storage.notices import unpack_notices
from ingest.suspicious import Flag
from retrieval.types import Chunk, Notice

MOST_KEPT = 1000
"""Places kept of one version, the first ones; the version's own count is of all."""


@dataclass(frozen=True, slots=True)
class FlagRow:
    """``text`` stands at ``start`` to ``end`` of the document, in a chunk or ("") in none."""

    chunk_id: str
    reason: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class SuspiciousRow:
    """A shown document; ``found`` counts its places, None where a version was never looked through."""

    document_id: str
    name: str
    title: str
    version: int
    found: int | None
    notices: tuple[Notice, ...]


def write_flags(
    connection: sqlite3.Connection,
    document_id: str,
    version: int,
    flags: Sequence[Flag],
    chunks: Sequence[Chunk],
) -> None:
    """Keep what was found in a version, inside the transaction the connection is in."""
    connection.execute(
        "UPDATE version SET suspicious = ? WHERE document_id = ? AND version = ?",
        (len(flags), document_id, version),
    )
    starts = [chunk.start for chunk in chunks]
    connection.executemany(
        "INSERT INTO suspicious (document_id, version, start, end, reason, chunk_id)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [
            (document_id, version, flag.start, flag.end, flag.reason, _holder(flag, chunks, starts))
            for flag in flags[:MOST_KEPT]
        ],
    )


def _holder(flag: Flag, chunks: Sequence[Chunk], starts: Sequence[int]) -> str:
    """The id of the last chunk that begins before the flag does and reaches into it, or ""."""
    at = bisect_right(starts, flag.start) - 1
    if at >= 0 and chunks[at].end > flag.start:
        return chunks[at].id
    following = at + 1
    return chunks[following].id if following < len(chunks) and chunks[following].start < flag.end else ""


class Suspicious:
    """What was found in the documents that are shown."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def documents(self, collection_id: str, codes: frozenset[str]) -> list[SuspiciousRow]:
        """Shown documents with a place that was found, or with a notice of these codes, by name."""
        rows = self._database.connection().execute(
            "SELECT d.id, d.name, v.title, v.version, v.suspicious, v.notices FROM document d"
            " JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
            " WHERE d.collection_id = ? AND (coalesce(v.suspicious, 0) > 0 OR v.notices <> '[]')"
            " ORDER BY d.name",
            (collection_id,),
        )
        found = []
        for row in rows:
            notices = tuple(each for each in unpack_notices(row["notices"]) if each.code in codes)
            if row["suspicious"] or notices:
                found.append(
                    SuspiciousRow(
                        row["id"], row["name"], row["title"], row["version"], row["suspicious"], notices
                    )
                )
        return found

    def flags(self, document: SuspiciousRow, limit: int) -> list[FlagRow]:
        """The first places of a document, in order, with their words."""
        rows = self._database.connection().execute(
            "SELECT s.chunk_id, s.reason, s.start, s.end,"
            " substr(v.text, s.start + 1, s.end - s.start) AS words"
            " FROM suspicious s JOIN version v ON v.document_id = s.document_id AND v.version = s.version"
            " WHERE s.document_id = ? AND s.version = ? ORDER BY s.start, s.reason LIMIT ?",
            (document.document_id, document.version, limit),
        )
        return [
            FlagRow(row["chunk_id"], row["reason"], row["start"], row["end"], row["words"]) for row in rows
        ]

    def counts(self, collection_id: str) -> tuple[int, int]:
        """How many shown documents have a place that was found, and how many were never looked through."""
        (found, unseen) = (
            self._database.connection()
            .execute(
                "SELECT count(*) FILTER (WHERE v.suspicious > 0),"
                " count(*) FILTER (WHERE v.suspicious IS NULL)"
                " FROM document d JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
                " WHERE d.collection_id = ?",
                (collection_id,),
            )
            .fetchone()
        )
        return int(found), int(unseen)
