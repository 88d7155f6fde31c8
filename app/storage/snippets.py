"""Rows of snippets: answers that somebody approved, with whom they belong to and until when they hold."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from sqlite3 import Row
from typing import Literal

from app.errors import NotFound
from app.storage.chunks import pack_vector, unpack_vector
from app.storage.database import Database
from retrieval.protocols import Vectors

SnippetState = Literal["draft", "approved", "expired", "deleted"]


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, and what he was called then. ``id`` "": nobody."""

    id: str
    name: str


NOBODY = Person("", "")


@dataclass(frozen=True, slots=True)
class Snippet:
    """Words for customers. ``questions``: phrasings of what they ask, the first is shown.

    ``note`` is for colleagues only. ``expires_on``: the last day (UTC) on which it is offered.
    ``deleted_at``: since when it is in the trash.
    """

    id: str
    assistant_id: str
    questions: tuple[str, ...]
    answer: str
    note: str
    owner: Person
    expires_on: date
    approved_by: Person
    approved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    seq: int

    def state(self, today: date) -> SnippetState:
        """What it is on that day (UTC); only an approved one is offered."""
        if self.deleted_at is not None:
            return "deleted"
        if self.approved_at is None:
            return "draft"
        return "expired" if self.expires_on < today else "approved"


class SnippetRows:
    """Make, find, change and delete snippets, and keep the vectors of their questions."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def now(self) -> datetime:
        """The present time."""
        return self._now()

    def today(self) -> date:
        """The present day (UTC)."""
        return self._now().date()

    def of(self, assistant_id: str) -> list[Snippet]:
        """All of an assistant, also those in the trash, made first first."""
        return self._select("WHERE assistant_id = ? ORDER BY seq", (assistant_id,))

    def by_ids(self, snippet_ids: Sequence[str]) -> dict[str, Snippet]:
        """Those of these ids that are there, also those in the trash."""
        found = self._select("WHERE id IN (SELECT value FROM json_each(?))", (json.dumps(list(snippet_ids)),))
        return {each.id: each for each in found}

    def offered(self, assistant_id: str) -> list[Snippet]:
        """The approved ones of an assistant that have not expired, made first first."""
        return self._select(
            "WHERE assistant_id = ? AND approved_at IS NOT NULL AND deleted_at IS NULL AND expires_on >= ?"
            " ORDER BY seq",
            (assistant_id, self.today().isoformat()),
        )

    def counts(self) -> dict[tuple[str, SnippetState], int]:
        """How many there are, by assistant and state; those in the trash are not counted."""
        rows = self._database.connection().execute(
            "SELECT assistant_id, CASE WHEN approved_at IS NULL THEN 'draft' WHEN expires_on < ? THEN"
            " 'expired' ELSE 'approved' END AS state, count(*) AS count FROM snippet"
            " WHERE deleted_at IS NULL GROUP BY 1, 2",
            (self.today().isoformat(),),
        )
        return {(row["assistant_id"], row["state"]): row["count"] for row in rows}

    def create(
        self,
        assistant_id: str,
        *,
        questions: Sequence[str],
        answer: str,
        note: str,
        owner: Person,
        expires_on: date,
    ) -> Snippet:
        """A new draft."""
        new, now = secrets.token_hex(16), self._now().isoformat()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO snippet (id, assistant_id, questions, answer, note, owner, owner_name,"
                " expires_on, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    new,
                    assistant_id,
                    _packed(questions),
                    answer,
                    note,
                    owner.id,
                    owner.name,
                    expires_on.isoformat(),
                    now,
                    now,
                ),
            )
            return self.get(new)

    def get(self, snippet_id: str) -> Snippet:
        """The one of that id. Raises ``NotFound``."""
        found = self.by_ids([snippet_id]).get(snippet_id)
        if found is None:
            raise NotFound(f"snippet {snippet_id!r} does not exist")
        return found

    def put(self, snippet: Snippet) -> Snippet:
        """Write down what it is from now on. Vectors of questions that changed are forgotten."""
        approved_at = None if snippet.approved_at is None else snippet.approved_at.isoformat()
        deleted_at = None if snippet.deleted_at is None else snippet.deleted_at.isoformat()
        with self._database.transaction() as connection:
            if self.get(snippet.id).questions != snippet.questions:
                connection.execute("DELETE FROM snippet_vector WHERE snippet_id = ?", (snippet.id,))
            connection.execute(
                "UPDATE snippet SET questions = ?, answer = ?, note = ?, owner = ?, owner_name = ?,"
                " expires_on = ?, approved_by = ?, approved_by_name = ?, approved_at = ?, deleted_at = ?,"
                " updated_at = ? WHERE id = ?",
                (
                    _packed(snippet.questions),
                    snippet.answer,
                    snippet.note,
                    snippet.owner.id,
                    snippet.owner.name,
                    snippet.expires_on.isoformat(),
                    snippet.approved_by.id,
                    snippet.approved_by.name,
                    approved_at,
                    deleted_at,
                    self._now().isoformat(),
                    snippet.id,
                ),
            )
            return self.get(snippet.id)

    def forget(self, *, deleted: timedelta) -> int:
        """Delete for good what has been in the trash for longer than this; how many."""
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM snippet WHERE deleted_at <= ?", ((self._now() - deleted).isoformat(),)
            ).rowcount

    def vectors(self, snippet_ids: Sequence[str], embedder: str) -> dict[tuple[str, int], Vectors]:
        """The kept vectors of their questions that this embedder made, by id and place from 0."""
        rows = self._database.connection().execute(
            "SELECT snippet_id, place, vector FROM snippet_vector WHERE embedder = ? AND snippet_id IN"
            " (SELECT value FROM json_each(?))",
            (embedder, json.dumps(list(snippet_ids))),
        )
        return {(row["snippet_id"], row["place"]): unpack_vector(row["vector"]) for row in rows}

    def keep_vectors(
        self, made: dict[tuple[str, int], Vectors], embedder: str, read: dict[str, tuple[str, ...]]
    ) -> None:
        """Keep vectors of questions, unless the questions were changed since they were read."""
        with self._database.transaction() as connection:
            now = {each.id: each.questions for each in self.by_ids(list(read)).values()}
            connection.executemany(
                "INSERT OR REPLACE INTO snippet_vector (snippet_id, place, embedder, vector)"
                " VALUES (?, ?, ?, ?)",
                [
                    (snippet_id, place, embedder, pack_vector(vector))
                    for (snippet_id, place), vector in made.items()
                    if now.get(snippet_id) == read[snippet_id]
                ],
            )

    def _select(self, where: str, values: tuple[str, ...]) -> list[Snippet]:
        rows = self._database.connection().execute(
            f"SELECT * FROM snippet {where}",  # noqa: S608 - where is a literal of this file
            values,
        )
        return [_snippet(row) for row in rows]


def _packed(questions: Sequence[str]) -> str:
    return json.dumps(list(questions), ensure_ascii=False)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _snippet(row: Row) -> Snippet:
    return Snippet(
        id=row["id"],
        assistant_id=row["assistant_id"],
        questions=tuple(json.loads(row["questions"])),
        answer=row["answer"],
        note=row["note"],
        owner=Person(row["owner"], row["owner_name"]),
        expires_on=date.fromisoformat(row["expires_on"]),
        approved_by=Person(row["approved_by"], row["approved_by_name"]),
        approved_at=_time(row["approved_at"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        deleted_at=_time(row["deleted_at"]),
        seq=row["seq"],
    )
