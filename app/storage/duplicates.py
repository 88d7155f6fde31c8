"""Where duplicates are looked for, and the last report, which goes when what is shown changes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from app.storage.database import Database

_SHOWN = (
    "FROM chunk k JOIN document d ON d.id = k.document_id AND d.current_version = k.version"
    " JOIN version v ON v.document_id = k.document_id AND v.version = k.version WHERE k.collection_id = ?"
)


@dataclass(frozen=True, slots=True)
class ChunkText:
    """A chunk that is shown, with what its document is called."""

    id: str
    document_id: str
    document: str
    title: str
    text: str


class DuplicateReports:
    """Texts to compare, and the last report of each collection, as JSON."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def texts(self, collection_id: str) -> Iterator[ChunkText]:
        """Every chunk that is shown, document by document."""
        rows = self._database.connection().execute(
            f"SELECT k.id, k.document_id, d.name, v.title, k.text {_SHOWN} ORDER BY d.name, d.id, k.ordinal",
            (collection_id,),
        )
        for row in rows:
            yield ChunkText(*row)

    def state(self, collection_id: str) -> tuple[tuple[str, str, int], ...]:
        """What is shown, for comparing: ids, names and versions of documents."""
        rows = self._database.connection().execute(
            "SELECT id, name, current_version FROM document WHERE collection_id = ? AND current_version > 0"
            " ORDER BY id",
            (collection_id,),
        )
        return tuple((row["id"], row["name"], row["current_version"]) for row in rows)

    def get(self, collection_id: str) -> str | None:
        """The report about what is shown now; None where there is none."""
        row = (
            self._database.connection()
            .execute("SELECT report FROM duplicate_report WHERE collection_id = ?", (collection_id,))
            .fetchone()
        )
        return None if row is None else str(row["report"])

    def keep(self, collection_id: str, report: str, state: tuple[tuple[str, str, int], ...]) -> None:
        """Keep a report about ``state``, unless something else is shown by now."""
        with self._database.transaction() as connection:
            if self.state(collection_id) != state:
                return
            connection.execute(
                "INSERT INTO duplicate_report (collection_id, made_at, report)"
                " SELECT id, ?, ? FROM collection WHERE id = ? ON CONFLICT (collection_id) DO UPDATE SET"
                " made_at = excluded.made_at, report = excluded.report",
                (self._now().isoformat(), report, collection_id),
            )
