"""The log of an answer that is being written: append-only, so that whoever reads along can go on anywhere."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.errors import NotFound
from app.storage.database import Database
from app.storage.messages import Source, State

DELTA, DONE = "delta", "done"
UNENDED = "killed"  # the code of an answer whose program ended without a word


@dataclass(frozen=True, slots=True)
class MessageEvent:
    """One event of an answer; ``seq`` counts from 1 without gaps. ``data`` is JSON.

    The last one is ``done``, without data: whoever reads it is told how the message stands for him.
    """

    seq: int
    name: str
    data: str


@dataclass(frozen=True, slots=True)
class End:
    """How an answer ended. ``text`` None: what was written stays. ``result``: ``ResultView`` as JSON."""

    state: State
    text: str | None = None
    result: str = ""
    code: str = ""
    answer_id: str = ""
    sources: tuple[Source, ...] = ()


class MessageEvents:
    """Writes and reads the log. What ``append`` and ``end`` have returned from survives any stop."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def queue(self, message_id: str, position: int) -> MessageEvent:
        """The first event of a message: so many are before it."""
        first = MessageEvent(1, "queued", json.dumps({"position": position}))
        with self._database.transaction():
            self._write(message_id, [first])
        return first

    def append(
        self, message_id: str, events: Sequence[MessageEvent], text: str, sources: Iterable[Source] = ()
    ) -> None:
        """Add events and the sources that they name; ``text`` is all that is written by now.

        Raises ``NotFound`` where the message was deleted meanwhile.
        """
        with self._database.transaction() as connection:
            found = connection.execute(
                "UPDATE message SET state = 'running', text = iif(wiped, '', ?) WHERE id = ?",
                (text, message_id),
            ).rowcount
            if not found:
                raise NotFound(f"message {message_id!r} was deleted")
            self._write(message_id, events)
            self._keep_sources(message_id, sources)

    def end(self, message_id: str, events: Sequence[MessageEvent], end: End) -> None:
        """The last events, and how it ended; nothing where it ended before.

        Where a document that was read has been deleted for good meanwhile, no words are kept.
        """
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT text FROM message WHERE id = ? AND state IN ('queued', 'running')", (message_id,)
            ).fetchone()
            if row is None:
                return
            self._write(message_id, events)
            self._keep_sources(message_id, end.sources)
            text = row["text"] if end.text is None else end.text
            connection.execute(
                "UPDATE message SET state = ?, text = ?, result = ?, code = ?, answer_id = ?, ended_at = ?"
                " WHERE id = ?",
                (end.state, text, end.result, end.code, end.answer_id, self._now().isoformat(), message_id),
            )
            self._wipe_what_is_gone(message_id)

    def interrupt(self, message_ids: Iterable[str]) -> int:
        """End answers that nobody writes any more, with the text they have; how many."""
        ended = 0
        for message_id in message_ids:
            with self._database.transaction():
                done = MessageEvent(self.last(message_id) + 1, DONE, "")
                self.end(message_id, [done], End("interrupted", code=UNENDED))
            ended += 1
        return ended

    def after(self, message_id: str, seq: int) -> list[MessageEvent]:
        """The events behind ``seq`` (0: all of them), in order."""
        rows = self._database.connection().execute(
            "SELECT seq, name, data FROM message_event WHERE message_id = ? AND seq > ? ORDER BY seq",
            (message_id, seq),
        )
        return [MessageEvent(row["seq"], row["name"], row["data"]) for row in rows]

    def named(self, message_id: str, names: Sequence[str]) -> list[tuple[str, str]]:
        """Name and data of its events of these names, in order."""
        rows = self._database.connection().execute(
            "SELECT name, data FROM message_event WHERE message_id = ? AND name IN"
            " (SELECT value FROM json_each(?)) ORDER BY seq",
            (message_id, json.dumps(list(names))),
        )
        return [(row["name"], row["data"]) for row in rows]

    def last(self, message_id: str) -> int:
        """The number of the last event, 0 for none."""
        row = self._database.connection().execute(
            "SELECT coalesce(max(seq), 0) FROM message_event WHERE message_id = ?", (message_id,)
        )
        return int(row.fetchone()[0])

    def _wipe_what_is_gone(self, message_id: str) -> None:
        connection = self._database.connection()
        gone = connection.execute(
            "SELECT 1 FROM message m WHERE m.id = ? AND (m.wiped = 1 OR EXISTS (SELECT 1 FROM"
            " message_source s WHERE s.message_id = m.id AND s.read = 1 AND s.document_id <> ''"
            " AND NOT EXISTS (SELECT 1 FROM document d WHERE d.id = s.document_id)))",
            (message_id,),
        ).fetchone()
        if gone is not None:
            connection.execute(
                "UPDATE message SET text = '', result = '', wiped = 1 WHERE id = ?", (message_id,)
            )
            connection.execute(
                "DELETE FROM message_event WHERE message_id = ? AND name <> 'done'", (message_id,)
            )

    def _write(self, message_id: str, events: Sequence[MessageEvent]) -> None:
        self._database.connection().executemany(
            "INSERT INTO message_event (message_id, seq, name, data) VALUES (?, ?, ?, ?)",
            [(message_id, each.seq, each.name, each.data) for each in events],
        )

    def _keep_sources(self, message_id: str, sources: Iterable[Source]) -> None:
        self._database.connection().executemany(
            "INSERT INTO message_source (message_id, document_id, version, collection_id, read)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET read = max(read, excluded.read)",
            [(message_id, s.document_id, s.version, s.collection_id, int(s.read)) for s in sources],
        )

