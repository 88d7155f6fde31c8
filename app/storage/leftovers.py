"""Versions that wait to be swept: replaced, deleted, expired, or left by a stop."""

from dataclasses import dataclass

from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class Leftover:
    """A version that is no longer, or was never, shown: its chunk ids wait to be swept.

    ``indexed``: some of them may be in the vector index. ``kept``: its rows stay, for a while.
    """

    document_id: str
    version: int
    collection_id: str
    sha256: str
    indexed: bool
    kept: bool
    chunk_ids: tuple[str, ...]


def leftovers(database: Database) -> list[Leftover]:
    """Versions neither shown nor held by a job, unless all that is left of them is what is kept."""
    rows = database.connection().execute(
        "SELECT v.document_id, v.version, v.sha256, v.embedder <> '' AND v.in_vectors AS indexed,"
        " v.kept_until IS NOT NULL AS kept, d.collection_id FROM version v"
        " JOIN document d ON d.id = v.document_id WHERE v.state <> 'current'"
        " AND (v.kept_until IS NULL OR v.in_vectors OR v.in_words) AND NOT EXISTS"
        " (SELECT 1 FROM job j WHERE j.held = 1"
        "  AND j.document_id = v.document_id AND j.version = v.version)"
        " ORDER BY v.document_id, v.version"
    )
    return [
        Leftover(
            row["document_id"],
            row["version"],
            row["collection_id"],
            row["sha256"],
            bool(row["indexed"]),
            bool(row["kept"]),
            _chunk_ids(database, row["document_id"], row["version"]),
        )
        for row in rows.fetchall()
    ]


def _chunk_ids(database: Database, document_id: str, version: int) -> tuple[str, ...]:
    rows = database.connection().execute(
        "SELECT id FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal", (document_id, version)
    )
    return tuple(row["id"] for row in rows)
