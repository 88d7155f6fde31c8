"""Rows of evaluations: what was asked with, how far it is, the figures, every question with its answer."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.errors import NotFound
from app.storage.database import Database

State = Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
Way = Literal["on", "off"]
OPEN: tuple[State, ...] = ("queued", "running")


@dataclass(frozen=True, slots=True)
class EvaluationRow:
    """An evaluation of a golden set over a collection; ``options`` is JSON. Times are UTC."""

    seq: int
    id: str
    collection_id: str
    collection: str
    set_name: str
    options: str
    state: State
    total: int
    done: int
    code: str
    message: str
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuestionRow:
    """A question asked in one way, ``place`` from 1. ``digest`` is of the question with its labels.

    ``detail`` is JSON. ``wiped``: the answer is gone, for a document that was read for it was deleted for
    good, or for it was kept long enough.
    """

    place: int
    way: Way
    digest: str
    detail: str
    wiped: bool = False


class EvaluationRows:
    """Keep, list, read and forget evaluations. They go with their collection."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def make(self, collection_id: str, set_name: str, options: str, total: int) -> EvaluationRow:
        """A new one, which waits."""
        made = uuid.uuid4().hex
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO evaluation (id, collection_id, set_name, options, state, total, created_at)"
                " VALUES (?, ?, ?, ?, 'queued', ?, ?)",
                (made, collection_id, set_name, options, total, self._now().isoformat()),
            )
        return self.get(made)

    def begin(self, evaluation_id: str) -> bool:
        """It is asked now; False where it does not wait any more."""
        with self._database.transaction() as connection:
            return (
                connection.execute(
                    "UPDATE evaluation SET state = 'running', started_at = ?"
                    " WHERE id = ? AND state = 'queued'",
                    (self._now().isoformat(), evaluation_id),
                ).rowcount
                == 1
            )

    def asked(
        self,
        evaluation_id: str,
        rows: Sequence[QuestionRow],
        sources: Iterable[tuple[str, int]],
    ) -> None:
        """The next question was asked, in each of its ways; ``sources``: (document id, version) read for it.

        Raises ``NotFound`` where the evaluation is gone.
        """
        place = rows[0].place
        with self._database.transaction() as connection:
            gone = not connection.execute(
                "UPDATE evaluation SET done = ? WHERE id = ?", (place, evaluation_id)
            ).rowcount
            if gone:
                raise _unknown(evaluation_id)
            connection.executemany(
                "INSERT INTO evaluation_question (evaluation_id, place, way, digest, detail, wiped)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                [
                    (evaluation_id, each.place, each.way, each.digest, each.detail, int(each.wiped))
                    for each in rows
                ],
            )
            connection.executemany(
                "INSERT INTO evaluation_source VALUES (?, ?, ?, ?)",
                [(evaluation_id, place, *each) for each in sorted(set(sources))],
            )

    def end(
        self,
        evaluation_id: str,
        state: State,
        *,
        code: str = "",
        message: str = "",
        report: str = "",
        before: Sequence[State] = OPEN,
    ) -> bool:
        """It has ended, where it was in one of the states ``before``; whether it was."""
        with self._database.transaction() as connection:
            return (
                connection.execute(
                    "UPDATE evaluation SET state = ?, code = ?, message = ?, report = ?, ended_at = ?"
                    " WHERE id = ? AND state IN (SELECT value FROM json_each(?))",
                    (
                        state,
                        code,
                        message,
                        report,
                        self._now().isoformat(),
                        evaluation_id,
                        json.dumps(list(before)),
                    ),
                ).rowcount
                == 1
            )

    def open(self) -> list[str]:
        """The ids of those that have not ended."""
        rows = self._database.connection().execute(
            "SELECT id FROM evaluation WHERE state IN ('queued', 'running') ORDER BY seq"
        )
        return [row["id"] for row in rows]

    def get(self, evaluation_id: str) -> EvaluationRow:
        """One of them. Raises ``NotFound``."""
        row = (
            self._database.connection().execute(f"{_COLUMNS} WHERE e.id = ?", (evaluation_id,)).fetchone()
        )
        if row is None:
            raise _unknown(evaluation_id)
        return _row(row)

    def page(self, collections: Collection[str], *, before: int, limit: int) -> list[EvaluationRow]:
        """Those of these collections (ids), newest first, with a ``seq`` below ``before`` (0: all)."""
        rows = self._database.connection().execute(
            f"{_COLUMNS} WHERE e.collection_id IN (SELECT value FROM json_each(?1))"  # noqa: S608 - literals
            " AND (?2 = 0 OR e.seq < ?2) ORDER BY e.seq DESC LIMIT ?3",
            (json.dumps(sorted(collections)), before, limit),
        )
        return [_row(row) for row in rows]

    def report(self, evaluation_id: str) -> str:
        """The JSON of its figures, "" where there are none. Raises ``NotFound``."""
        row = (
            self._database.connection()
            .execute("SELECT report FROM evaluation WHERE id = ?", (evaluation_id,))
            .fetchone()
        )
        if row is None:
            raise _unknown(evaluation_id)
        return str(row["report"])

    def questions(self, evaluation_id: str, *, after: int = 0, limit: int = 2**31) -> list[QuestionRow]:
        """The questions asked so far, behind a place, ``limit`` places at most, in order, "on" last."""
        rows = self._database.connection().execute(
            "SELECT place, way, digest, detail, wiped FROM evaluation_question"
            " WHERE evaluation_id = ? AND place > ? AND place <= ? ORDER BY place, way",
            (evaluation_id, after, after + limit),
        )
        return [
            QuestionRow(row["place"], row["way"], row["digest"], row["detail"], bool(row["wiped"]))
            for row in rows
        ]

    def remove(self, evaluation_id: str) -> None:
        """Delete it with everything in it. Raises ``NotFound``."""
        with self._database.transaction() as connection:
            if not connection.execute("DELETE FROM evaluation WHERE id = ?", (evaluation_id,)).rowcount:
                raise _unknown(evaluation_id)

    def forget_answers(self, age: timedelta) -> int:
        """Forget the answers of those made longer ago than this; the figures stay. How many answers."""
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE evaluation_question SET wiped = 1, detail = json_set(detail, '$.answer', '')"
                " WHERE wiped = 0 AND evaluation_id IN (SELECT id FROM evaluation WHERE created_at < ?)",
                ((self._now() - age).isoformat(),),
            ).rowcount


_COLUMNS = "SELECT e.*, c.name AS collection FROM evaluation e JOIN collection c ON c.id = e.collection_id"


def _row(row: sqlite3.Row) -> EvaluationRow:
    return EvaluationRow(
        seq=row["seq"],
        id=row["id"],
        collection_id=row["collection_id"],
        collection=row["collection"],
        set_name=row["set_name"],
        options=row["options"],
        state=row["state"],
        total=row["total"],
        done=row["done"],
        code=row["code"],
        message=row["message"],
        created_at=datetime.fromisoformat(row["created_at"]),
        started_at=None if row["started_at"] is None else datetime.fromisoformat(row["started_at"]),
        ended_at=None if row["ended_at"] is None else datetime.fromisoformat(row["ended_at"]),
    )


def _unknown(evaluation_id: str) -> NotFound:
    return NotFound(f"evaluation {evaluation_id!r} does not exist")
