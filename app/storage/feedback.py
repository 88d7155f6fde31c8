"""Rows of feedback: what people think of answers."""

import json
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from app.errors import NotFound
from app.storage.database import Database

Verdict = Literal["up", "down"]
Reason = Literal["not_relevant", "wrong", "incomplete", "outdated_source", "bad_citation", "other"]
REASONS: tuple[Reason, ...] = get_args(Reason)

_COLUMNS = (
    "SELECT f.*, m.question, m.settings, m.state, m.answer_id, m.conversation_id"
    " FROM feedback f JOIN message m ON m.id = f.message_id"
)


@dataclass(frozen=True, slots=True)
class FeedbackRow:
    """What somebody thinks of an answer, with the question; ``settings`` (JSON): what it was asked with."""

    seq: int
    message_id: str
    conversation_id: str
    owner: str
    verdict: Verdict
    reasons: tuple[Reason, ...]
    text: str
    withdrawn: bool
    created_at: datetime
    updated_at: datetime
    question: str
    settings: str
    state: str
    answer_id: str


class FeedbackRows:
    """Keep, withdraw and list feedback; one for each message."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def put(
        self, message_id: str, owner: str, verdict: Verdict, reasons: Sequence[Reason], text: str
    ) -> FeedbackRow:
        """What the owner of a message thinks of it, in place of what he thought before."""
        now = self._now().isoformat()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO feedback (message_id, owner, verdict, reasons, text, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (message_id) DO UPDATE SET verdict ="
                " excluded.verdict, reasons = excluded.reasons, text = excluded.text, withdrawn = 0,"
                " updated_at = excluded.updated_at",
                (message_id, owner, verdict, json.dumps(list(reasons)), text, now, now),
            )
        return self.of([message_id])[message_id]

    def withdraw(self, message_id: str, owner: str) -> None:
        """Take it back: its words go, that there was some stays. Raises ``NotFound`` where there is none."""
        with self._database.transaction() as connection:
            changed = connection.execute(
                "UPDATE feedback SET withdrawn = 1, reasons = '[]', text = '', updated_at = ?"
                " WHERE message_id = ? AND owner = ? AND withdrawn = 0",
                (self._now().isoformat(), message_id, owner),
            ).rowcount
        if not changed:
            raise NotFound(f"there is no feedback on message {message_id!r}")

    def of(self, message_ids: Sequence[str]) -> dict[str, FeedbackRow]:
        """The feedback on these messages that was not withdrawn, by message."""
        marks = ",".join("?" * len(message_ids))
        sql = f"{_COLUMNS} WHERE f.withdrawn = 0 AND f.message_id IN ({marks})"
        rows = self._select(sql, tuple(message_ids))
        return {row.message_id: row for row in rows}

    def page(
        self,
        owner: str | None,
        *,
        visible: Sequence[str] = (),
        verdict: Verdict | None = None,
        before: int = 0,
        limit: int | None = 50,
    ) -> list[FeedbackRow]:
        """Feedback of an owner, or of everyone (None), given last first; with a ``seq`` below ``before``.

        Of everyone: only where nothing but collections among ``visible`` was asked and read. ``limit`` None:
        all of it.
        """
        sql = f"{_COLUMNS} WHERE f.withdrawn = 0 AND (?1 = 0 OR f.seq < ?1)"
        sql += " AND (?2 IS NULL OR f.verdict = ?2)"
        if owner is not None:
            sql += " AND f.owner = ?3"
        else:
            sql += (
                " AND NOT EXISTS (SELECT 1 FROM message_source s WHERE s.message_id = m.id AND s.read = 1 AND"
                " s.collection_id NOT IN (SELECT value FROM json_each(?3))) AND NOT EXISTS (SELECT 1 FROM"
                " json_each(m.settings, '$.collections') a WHERE a.value NOT IN"
                " (SELECT value FROM json_each(?3)))"
            )
        chosen = json.dumps(list(visible)) if owner is None else owner
        values = (before, verdict, chosen, -1 if limit is None else limit)
        return self._select(f"{sql} ORDER BY f.seq DESC LIMIT ?4", values)

    def _select(self, sql: str, values: tuple[object, ...]) -> list[FeedbackRow]:
        return [_row(row) for row in self._database.connection().execute(sql, values)]


def _row(row: sqlite3.Row) -> FeedbackRow:
    return FeedbackRow(
        seq=row["seq"],
        message_id=row["message_id"],
        conversation_id=row["conversation_id"],
        owner=row["owner"],
        verdict=row["verdict"],
        reasons=tuple(json.loads(row["reasons"])),
        text=row["text"],
        withdrawn=bool(row["withdrawn"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        question=row["question"],
        settings=row["settings"],
        state=row["state"],
        answer_id=row["answer_id"],
    )
