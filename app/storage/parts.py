"""What is kept of one document: its bytes' digest, its text, its chunks with what was found in them."""

from dataclasses import dataclass

from app.storage.chunks import chunk_of
from app.storage.database import Database
from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class Original:
    """A version of a document that is shown, or kept although it is not."""

    document_id: str
    name: str
    title: str
    version: int
    shown: bool
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk; ``reasons``: why some of its text looks suspicious, each once."""

    chunk: Chunk
    reasons: tuple[str, ...]


class DocumentParts:
    """Reads documents piece by piece."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def original(self, collection_id: str, name: str, version: int | None = None) -> Original | None:
        """The version of the document of that name, the shown one where none is named; None for none."""
        row = (
            self._database.connection()
            .execute(
                "SELECT d.id, d.name, v.title, v.version, v.version = d.current_version AS shown, v.sha256,"
                " v.size_bytes, v.media_type FROM document d JOIN version v ON v.document_id = d.id"
                " WHERE d.collection_id = ?1 AND d.name = ?2 AND v.version = coalesce(?3, d.current_version)"
                " AND (v.version = d.current_version OR v.kept_until IS NOT NULL)",
                (collection_id, name, version),
            )
            .fetchone()
        )
        if row is None:
            return None
        return Original(
            document_id=row["id"],
            name=row["name"],
            title=row["title"],
            version=row["version"],
            shown=bool(row["shown"]),
            sha256=row["sha256"],
            size_bytes=row["size_bytes"],
            media_type=row["media_type"],
        )

    def text(self, original: Original) -> str:
        """The text as it was read; "" where it was deleted meanwhile."""
        row = (
            self._database.connection()
            .execute(
                "SELECT text FROM version WHERE document_id = ? AND version = ?",
                (original.document_id, original.version),
            )
            .fetchone()
        )
        return "" if row is None else str(row["text"])

    def chunks(self, original: Original, *, after: int, limit: int) -> list[Part]:
        """Its chunks with an ordinal above ``after``, in order."""
        rows = (
            self._database.connection()
            .execute(
                "SELECT k.*, d.name AS document, v.title AS title,"
                " (SELECT group_concat(DISTINCT s.reason) FROM suspicious s"
                "  WHERE s.document_id = k.document_id AND s.version = k.version AND s.chunk_id = k.id)"
                " AS reasons FROM chunk k"
                " JOIN document d ON d.id = k.document_id"
                " JOIN version v ON v.document_id = k.document_id AND v.version = k.version"
                " WHERE k.document_id = ? AND k.version = ? AND k.ordinal > ? ORDER BY k.ordinal LIMIT ?",
                (original.document_id, original.version, after, limit),
            )
            .fetchall()
        )
        return [Part(chunk_of(row), _each(row["reasons"])) for row in rows]


def _each(reasons: str | None) -> tuple[str, ...]:
    return tuple(sorted(reasons.split(","))) if reasons else ()
