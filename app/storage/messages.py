"""Rows of messages: a question of a conversation with one answer to it, however far that has come."""

import secrets
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from app.errors import NotFound, StillAnswering
from app.storage.database import Database

State = Literal["queued", "running", "complete", "stopped", "failed", "interrupted"]
"""Waits for its turn; is being written; written to its end; ended by a person, or because nobody was there;
ended by an error; ended with the program. The last four are final."""
OPEN: tuple[State, ...] = ("queued", "running")

_SHOWN = (
    "SELECT m.* FROM message m JOIN conversation c ON c.id = m.conversation_id AND c.deleted_at IS NULL"
    " WHERE c.owner = ?"
)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """A question with one of its answers.

    ``place`` counts the questions of a conversation from 1, ``variant`` the answers to one of them; the one
    that is ``chosen`` goes on in the conversation. ``text`` is what is written so far. ``settings`` and
    ``result`` are JSON, ``result`` "" where there is none. ``code`` says why it failed. ``wiped``: text and
    result are gone, because a document that was read for them is.
    """

    id: str
    conversation_id: str
    place: int
    variant: int
    chosen: bool
    question: str
    settings: str
    state: State
    text: str
    result: str
    code: str
    answer_id: str
    wiped: bool
    created_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Source:
    """A version of a document that an answer rests on (``read``), or that was only found for it.

    ``document_id`` "": something of the collection, it is not known what.
    """

    document_id: str
    version: int
    collection_id: str
    read: bool


class Messages:
    """Make, find and choose messages. Every look-up names the owner: another's is not there."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def ask(self, conversation_id: str, owner: str, question: str, settings: str) -> MessageRow:
        """A new question at the end of a conversation, waiting.

        Raises ``NotFound``, and ``StillAnswering`` while another answer of the conversation is open.
        """
        with self._database.transaction() as connection:
            self._require_quiet(conversation_id, owner)
            (place,) = connection.execute(
                "SELECT coalesce(max(place), 0) + 1 FROM message WHERE conversation_id = ?",
                (conversation_id,),
            ).fetchone()
            return self._insert(conversation_id, owner, place, 1, question, settings)

    def again(self, message_id: str, owner: str, settings: str) -> MessageRow:
        """Another answer to the same question, waiting, and chosen. Raises as ``ask``."""
        with self._database.transaction() as connection:
            first = self.get(message_id, owner)
            self._require_quiet(first.conversation_id, owner)
            at = (first.conversation_id, first.place)
            (variant,) = connection.execute(
                "SELECT max(variant) + 1 FROM message WHERE conversation_id = ? AND place = ?", at
            ).fetchone()
            connection.execute(
                "UPDATE message SET chosen = 0 WHERE conversation_id = ? AND place = ?", at
            )
            return self._insert(first.conversation_id, owner, first.place, variant, first.question, settings)

    def choose(self, message_id: str, owner: str) -> MessageRow:
        """Let the conversation go on from this answer. Raises ``NotFound``."""
        with self._database.transaction() as connection:
            found = self.get(message_id, owner)
            connection.execute(
                "UPDATE message SET chosen = 0 WHERE conversation_id = ? AND place = ?",
                (found.conversation_id, found.place),
            )
            connection.execute("UPDATE message SET chosen = 1 WHERE id = ?", (message_id,))
            return self.get(message_id, owner)

    def get(self, message_id: str, owner: str) -> MessageRow:
        """The message of that owner. Raises ``NotFound``."""
        found = self._select(f"{_SHOWN} AND m.id = ?", (owner, message_id))
        if not found:
            raise NotFound(f"message {message_id!r} is not there")
        return found[0]

    def chosen(
        self, conversation_id: str, owner: str, *, after: int = 0, before: int = 0, limit: int = 50
    ) -> list[MessageRow]:
        """The chosen answers by place: those behind ``after``, or the last ones below ``before``."""
        if before:
            sql = f"{_SHOWN} AND m.conversation_id = ? AND m.chosen = 1 AND m.place < ?"
            values = (owner, conversation_id, before, limit)
            return self._select(f"{sql} ORDER BY m.place DESC LIMIT ?", values)[::-1]
        sql = f"{_SHOWN} AND m.conversation_id = ? AND m.chosen = 1 AND m.place > ?"
        return self._select(f"{sql} ORDER BY m.place LIMIT ?", (owner, conversation_id, after, limit))

    def variants(self, conversation_id: str, places: Iterable[int]) -> list[MessageRow]:
        """Every answer at these places, by place and variant."""
        chosen = tuple(places)
        marks = ",".join("?" * len(chosen))
        return self._select(
            f"SELECT * FROM message WHERE conversation_id = ? AND place IN ({marks}) ORDER BY place, variant",  # noqa: S608 - question marks
            (conversation_id, *chosen),
        )

    def open(self) -> list[str]:
        """Ids of messages that are waiting or being written, by the rows."""
        rows = self._database.connection().execute(
            "SELECT id FROM message WHERE state IN ('queued', 'running') ORDER BY created_at"
        )
        return [row["id"] for row in rows]

    def sources(self, message_ids: Iterable[str]) -> dict[str, list[Source]]:
        """What these messages rest on, or found."""
        ids = tuple(message_ids)
        found: dict[str, list[Source]] = {each: [] for each in ids}
        marks = ",".join("?" * len(ids))
        for row in self._database.connection().execute(
            f"SELECT * FROM message_source WHERE message_id IN ({marks})"  # noqa: S608 - question marks
            " ORDER BY message_id, document_id, version",
            ids,
        ):
            source = Source(row["document_id"], row["version"], row["collection_id"], bool(row["read"]))
            found[row["message_id"]].append(source)
        return found

    def _require_quiet(self, conversation_id: str, owner: str) -> None:
        connection = self._database.connection()
        row = connection.execute(
            "SELECT 1 FROM conversation WHERE id = ? AND owner = ? AND deleted_at IS NULL",
            (conversation_id, owner),
        ).fetchone()
        if row is None:
            raise NotFound(f"conversation {conversation_id!r} is not there")
        row = connection.execute(
            "SELECT id FROM message WHERE conversation_id = ? AND state IN ('queued', 'running')",
            (conversation_id,),
        ).fetchone()
        if row is not None:
            raise StillAnswering(
                f"message {row['id']!r} of this conversation is still being answered; wait for it, or stop it"
            )

    def _insert(
        self, conversation_id: str, owner: str, place: int, variant: int, question: str, settings: str
    ) -> MessageRow:
        new, now = secrets.token_hex(16), self._now().isoformat()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO message (id, conversation_id, place, variant, chosen, question, settings, state,"
                " created_at) VALUES (?, ?, ?, ?, 1, ?, ?, 'queued', ?)",
                (new, conversation_id, place, variant, question, settings, now),
            )
            connection.execute("UPDATE conversation SET updated_at = ? WHERE id = ?", (now, conversation_id))
            return self.get(new, owner)

    def _select(self, sql: str, values: tuple[object, ...]) -> list[MessageRow]:
        return [_row(row) for row in self._database.connection().execute(sql, values)]


def _row(row: sqlite3.Row) -> MessageRow:
    return MessageRow(
        id=row["id"],
        conversation_id=row["conversation_id"],
        place=row["place"],
        variant=row["variant"],
        chosen=bool(row["chosen"]),
        question=row["question"],
        settings=row["settings"],
        state=row["state"],
        text=row["text"],
        result=row["result"],
        code=row["code"],
        answer_id=row["answer_id"],
        wiped=bool(row["wiped"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        ended_at=None if row["ended_at"] is None else datetime.fromisoformat(row["ended_at"]),
    )
