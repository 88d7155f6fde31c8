"""What of a document decides whom it is fit for: what was set, and the words of its sections."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

from app.storage.database import Database
from retrieval.types import Audience


@dataclass(frozen=True, slots=True)
class Section:
    """A chunk's words with where it stands. ``first``: the document begins with it."""

    headings: tuple[str, ...]
    words: str
    first: bool


class Sections:
    """Reads them, and sets what is set."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def set_audience(self, document_id: str, audience: Audience | None) -> None:
        """Say whom a document is fit for, in every version (None: as its collection says)."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE document SET audience = ? WHERE id = ?", (audience, document_id))

    def audience(self, document_id: str) -> Audience:
        """What was set for a document, else for its collection; internal where it is gone."""
        row = (
            self._database.connection()
            .execute(
                "SELECT coalesce(d.audience, c.audience) AS audience FROM document d"
                " JOIN collection c ON c.id = d.collection_id WHERE d.id = ?",
                (document_id,),
            )
            .fetchone()
        )
        return "internal" if row is None else row["audience"]

    def names(self, document_id: str, version: int) -> str:
        """Name and title of a version, one a line."""
        row = (
            self._database.connection()
            .execute(
                "SELECT d.name, v.title FROM version v JOIN document d ON d.id = v.document_id"
                " WHERE v.document_id = ? AND v.version = ?",
                (document_id, version),
            )
            .fetchone()
        )
        return "" if row is None else f"{row['name']}\n{row['title']}"

    def shortened(self, document_id: str, version: int) -> bool:
        """Whether some of its chunks do not name every heading they stand under."""
        row = (
            self._database.connection()
            .execute(
                "SELECT instr(notices, 'context_shortened') > 0 AS shortened FROM version"
                " WHERE document_id = ? AND version = ?",
                (document_id, version),
            )
            .fetchone()
        )
        return row is None or bool(row["shortened"])

    def of(self, document_id: str, version: int) -> Iterator[Section]:
        """The chunks of a version, in order."""
        rows = self._database.connection().execute(
            "SELECT headings, lead, text FROM chunk WHERE document_id = ? AND version = ? ORDER BY ordinal",
            (document_id, version),
        )
        for place, row in enumerate(rows):
            words = f"{row['lead']}\n{row['text']}"
            yield Section(tuple(json.loads(row["headings"])), words, first=place == 0)
