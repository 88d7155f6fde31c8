"""Rows of conversations: whose they are, what they are called, and what they ask."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.errors import NotFound
from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """A conversation. ``collections``: ids of the knowledge bases it asks, none for all its owner sees.

    ``assistant``: the id of the one it asks instead, "" for none. ``deleted_at``: since when it is in the
    trash.
    """

    id: str
    owner: str
    title: str
    collections: tuple[str, ...]
    assistant: str
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None


class Conversations:
    """Make, find, change and delete conversations. Every look-up names the owner: another's is not there."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def create(
        self, owner: str, *, title: str = "", collections: Sequence[str] = (), assistant: str = ""
    ) -> ConversationRow:
        """A new conversation."""
        new, now = secrets.token_hex(16), self._now().isoformat()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO conversation (id, owner, title, collections, assistant, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (new, owner, title, json.dumps(list(collections)), assistant, now, now),
            )
        return self.get(new, owner)

    def get(self, conversation_id: str, owner: str, *, deleted: bool = False) -> ConversationRow:
        """The conversation of that owner; with ``deleted`` also one in the trash. Raises ``NotFound``."""
        row = (
            self._database.connection()
            .execute(
                "SELECT * FROM conversation WHERE id = ? AND owner = ? AND (deleted_at IS NULL OR ?)",
                (conversation_id, owner, deleted),
            )
            .fetchone()
        )
        if row is None:
            raise NotFound(f"conversation {conversation_id!r} is not there")
        return _row(row)

    def page(
        self,
        owner: str,
        *,
        search: str = "",
        visible: Sequence[str] = (),
        deleted: bool = False,
        before: tuple[str, str] | None = None,
        limit: int = 50,
    ) -> list[ConversationRow]:
        """Conversations of an owner, the one that was used last first; those behind ``before``.

        ``search``: each of its words stands in the title, a question or an answer, whatever its case (ASCII).
        Answers that rest on a collection not among ``visible`` are not searched: not even finding one may
        tell what it says. ``before``: ``updated_at`` in ISO form and id of the last one seen.
        """
        sql = ["SELECT * FROM conversation c WHERE c.owner = ? AND (c.deleted_at IS NOT NULL) = ?"]
        values: list[object] = [owner, deleted]
        for term in search.split():
            like = f"%{_escaped(term)}%"
            sql.append(
                "AND (c.title LIKE ? ESCAPE '\\' OR EXISTS (SELECT 1 FROM message m WHERE m.conversation_id"
                " = c.id AND (m.question LIKE ? ESCAPE '\\' OR m.text LIKE ? ESCAPE '\\' AND NOT EXISTS"
                " (SELECT 1 FROM message_source s WHERE s.message_id = m.id AND s.read = 1 AND"
                " s.collection_id NOT IN (SELECT value FROM json_each(?))))))"
            )
            values += [like, like, like, json.dumps(list(visible))]
        if before is not None:
            sql.append("AND (c.updated_at, c.id) < (?, ?)")
            values += before
        sql.append("ORDER BY c.updated_at DESC, c.id DESC LIMIT ?")
        rows = self._database.connection().execute(" ".join(sql), (*values, limit))
        return [_row(row) for row in rows]

    def change(
        self,
        conversation_id: str,
        owner: str,
        *,
        title: str | None = None,
        collections: Sequence[str] | None = None,
        assistant: str | None = None,
    ) -> ConversationRow:
        """Give it another title, collections or assistant. None leaves as it is; none counts as using it.

        Raises ``NotFound``.
        """
        with self._database.transaction() as connection:
            found = self.get(conversation_id, owner)
            connection.execute(
                "UPDATE conversation SET title = ?, collections = ?, assistant = ? WHERE id = ?",
                (
                    found.title if title is None else title,
                    json.dumps(list(found.collections if collections is None else collections)),
                    found.assistant if assistant is None else assistant,
                    conversation_id,
                ),
            )
            return self.get(conversation_id, owner)

    def delete(self, conversation_id: str, owner: str) -> ConversationRow:
        """Move it to the trash. Raises ``NotFound``."""
        with self._database.transaction() as connection:
            self.get(conversation_id, owner)
            connection.execute(
                "UPDATE conversation SET deleted_at = ? WHERE id = ?",
                (self._now().isoformat(), conversation_id),
            )
            return self.get(conversation_id, owner, deleted=True)

    def restore(self, conversation_id: str, owner: str) -> ConversationRow:
        """Take it out of the trash; one that is not in it stays as it is. Raises ``NotFound``."""
        with self._database.transaction() as connection:
            if self.get(conversation_id, owner, deleted=True).deleted_at is not None:
                connection.execute(
                    "UPDATE conversation SET deleted_at = NULL WHERE id = ?",
                    (conversation_id,),
                )
            return self.get(conversation_id, owner)

    def forget(self, *, unused: timedelta, deleted: timedelta) -> int:
        """Delete for good what was not used, or has been in the trash, for longer than this; how many.

        One in which an answer is being written stays.
        """
        now = self._now()
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM conversation WHERE (updated_at <= ? OR deleted_at <= ?) AND id NOT IN (SELECT"
                " conversation_id FROM message WHERE state IN ('queued', 'running'))",
                ((now - unused).isoformat(), (now - deleted).isoformat()),
            ).rowcount


def _escaped(term: str) -> str:
    return term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _row(row: sqlite3.Row) -> ConversationRow:
    return ConversationRow(
        id=row["id"],
        owner=row["owner"],
        title=row["title"],
        collections=tuple(json.loads(row["collections"])),
        assistant=row["assistant"],
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        deleted_at=None if row["deleted_at"] is None else datetime.fromisoformat(row["deleted_at"]),
    )
