"""Rows of gaps as they are shown: their questions, what was said about them, and what became of them."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

from app.errors import NotFound
from app.storage.database import Database
from app.storage.feedback import Reason
from app.storage.gap_askings import Kind, Scope

State = Literal["open", "done", "dismissed"]

# What its owner has put into the trash is not shown, and comes back with it.
_SHOWN = """
FROM gap_asking a JOIN gap g ON g.id = a.gap_id LEFT JOIN message m ON m.id = a.message_id
LEFT JOIN conversation c ON c.id = m.conversation_id
LEFT JOIN feedback f ON f.message_id = m.id AND f.verdict = 'down' AND f.withdrawn = 0
WHERE c.deleted_at IS NULL
"""


@dataclass(frozen=True, slots=True)
class GapRow:
    """A gap. ``changed_at``: when a person last set its state; ``reopened_at``: when it was asked again."""

    id: str
    scope: Scope
    state: State
    note: str
    changed_at: datetime | None
    reopened_at: datetime | None


@dataclass(frozen=True, slots=True)
class AskedRow:
    """One time that a question of a gap was asked. ``place``: the same for other answers to it.

    ``source_id``: of the message or the answer, never of who asked. ``text``: what was said against it.
    """

    seq: int
    gap_id: str
    wording_id: str
    place: str
    of_message: bool
    source_id: str
    asked_at: datetime
    kinds: tuple[Kind, ...]
    relevance: float | None
    reasons: tuple[Reason, ...]
    text: str
    said_at: datetime | None


@dataclass(frozen=True, slots=True)
class WordingRow:
    """The words of a question, in zh or en."""

    id: str
    text: str
    language: str


@dataclass(frozen=True, slots=True)
class CheckRow:
    """What came of asking a wording again. ``relevance``: the best that was found then, None for none."""

    gap_id: str
    wording_id: str
    checked_at: datetime
    outcome: str
    relevance: float | None


class GapRows:
    """Read gaps, say what became of them, and keep what asking again gave."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[GapRow]:
        """Every gap, by id."""
        return [_gap(row) for row in self._database.connection().execute("SELECT * FROM gap ORDER BY id")]

    def get(self, gap_id: str) -> GapRow:
        """One gap. Raises ``NotFound``."""
        row = self._database.connection().execute("SELECT * FROM gap WHERE id = ?", (gap_id,)).fetchone()
        if row is None:
            raise NotFound(f"gap {gap_id!r} is not there")
        return _gap(row)

    def asked(self, gap_id: str | None = None) -> list[AskedRow]:
        """The questions of a gap, or of all, in the order they were looked at."""
        rows = self._database.connection().execute(
            "SELECT a.seq, a.gap_id, a.wording_id, iif(a.message_id IS NULL, a.answer_id, m.conversation_id"
            " || ':' || m.place) AS place, a.message_id IS NOT NULL AS of_message, coalesce(a.message_id,"
            " a.answer_id) AS source_id, a.asked_at, a.kinds, a.relevance, f.reasons, f.text,"
            f" f.updated_at AS said_at {_SHOWN} AND (?1 IS NULL OR a.gap_id = ?1) ORDER BY a.seq",
            (gap_id,),
        )
        return [_asked(row) for row in rows]

    def wordings(self, wording_ids: Sequence[str]) -> dict[str, WordingRow]:
        """The words of these, by id."""
        rows = self._database.connection().execute(
            "SELECT id, text, language FROM gap_wording WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(wording_ids)),),
        )
        return {row["id"]: WordingRow(row["id"], row["text"], row["language"]) for row in rows}

    def checks(self, gap_ids: Sequence[str]) -> dict[tuple[str, str], CheckRow]:
        """What asking again gave last, by gap and wording."""
        rows = self._database.connection().execute(
            "SELECT * FROM gap_check WHERE gap_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(gap_ids)),),
        )
        return {
            (row["gap_id"], row["wording_id"]): CheckRow(
                row["gap_id"],
                row["wording_id"],
                datetime.fromisoformat(row["checked_at"]),
                row["outcome"],
                row["relevance"],
            )
            for row in rows
        }

    def change(self, gap_id: str, *, state: State | None, note: str | None) -> GapRow:
        """Set its state or its note; None leaves as it is. Raises ``NotFound``."""
        with self._database.transaction() as connection:
            before = self.get(gap_id)
            if state is not None and state != before.state:
                connection.execute(
                    "UPDATE gap SET state = ?, changed_at = ?, reopened_at = NULL WHERE id = ?",
                    (state, self._now().isoformat(), gap_id),
                )
            if note is not None:
                connection.execute("UPDATE gap SET note = ? WHERE id = ?", (note, gap_id))
            return self.get(gap_id)

    def checked(self, gap_id: str, wording_id: str, outcome: str, relevance: float | None) -> CheckRow:
        """Keep what asking again gave. Nothing is kept of what has gone meanwhile."""
        now = self._now()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO gap_check (gap_id, wording_id, checked_at, outcome, relevance) SELECT ?1, ?2,"
                " ?3, ?4, ?5 WHERE EXISTS (SELECT 1 FROM gap_asking WHERE gap_id = ?1 AND wording_id = ?2)"
                " ON CONFLICT DO UPDATE SET checked_at = excluded.checked_at, outcome = excluded.outcome,"
                " relevance = excluded.relevance",
                (gap_id, wording_id, now.isoformat(), outcome, relevance),
            )
        return CheckRow(gap_id, wording_id, now, outcome, relevance)


def _gap(row: sqlite3.Row) -> GapRow:
    return GapRow(
        id=row["id"],
        scope=Scope(row["scope"]),
        state=row["state"],
        note=row["note"],
        changed_at=_time(row["changed_at"]),
        reopened_at=_time(row["reopened_at"]),
    )


def _asked(row: sqlite3.Row) -> AskedRow:
    seq, gap_id, wording_id, place, of_message, source_id, asked_at, kinds, relevance, *against = row
    reasons, text, said = against
    return AskedRow(
        seq,
        gap_id,
        wording_id,
        place,
        bool(of_message),
        source_id,
        datetime.fromisoformat(asked_at),
        _kinds(kinds),
        relevance,
        _reasons(reasons) if reasons else (),
        text or "",
        _time(said),
    )


@lru_cache(256)  # few combinations, read for each of thousands of questions
def _kinds(text: str) -> tuple[Kind, ...]:
    return tuple(json.loads(text))


@lru_cache(256)
def _reasons(text: str) -> tuple[Reason, ...]:
    return tuple(json.loads(text))


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
