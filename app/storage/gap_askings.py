"""Rows behind the gap inbox: questions that wait to be looked at, and those that were found to be gaps."""

import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Literal, NewType

import numpy as np
from numpy.typing import NDArray

from app.storage.database import Database

Source = Literal["message", "answer"]
Kind = Literal["nothing_found", "not_answered", "thumbs_down"]
"""No passage was relevant enough; the answer is not in those that were; somebody said that it is bad."""
Scope = NewType("Scope", str)
"""The ids of all knowledge bases behind a question, sorted, as JSON. ``UNKNOWN`` among them: of one more."""
UNKNOWN = "?"
Vector = NDArray[np.float32]

_MESSAGE = """
SELECT m.id, m.question, m.settings, m.state, m.result, m.chosen, m.wiped, m.created_at AS asked_at,
    EXISTS (SELECT 1 FROM feedback f WHERE f.message_id = m.id AND f.verdict = 'down' AND f.withdrawn = 0)
    AS disliked, (SELECT json_group_array(DISTINCT s.collection_id) FROM message_source s
    WHERE s.message_id = m.id) AS sources
FROM message m WHERE m.id = ? AND m.state NOT IN ('queued', 'running')
"""
_ANSWER = """
SELECT a.id, a.question, a.collections, a.result, a.wiped, a.asked_at, (SELECT
    json_group_array(DISTINCT d.collection_id) FROM answer_document n JOIN document d ON d.id = n.document_id
    WHERE n.answer_id = a.id) AS sources
FROM answer a WHERE a.id = ? AND NOT EXISTS (SELECT 1 FROM message m WHERE m.answer_id = a.id)
"""
_EXEMPLARS = """
SELECT a.gap_id, w.language, w.id, w.text, min(a.seq) FROM gap_asking a JOIN gap_wording w
ON w.id = a.wording_id JOIN gap g ON g.id = a.gap_id WHERE g.scope = ? GROUP BY a.gap_id, w.language
ORDER BY a.gap_id, w.language
"""


@dataclass(frozen=True, slots=True)
class Pending:
    """A question that ended, or was judged, since it was last looked at."""

    source: Source
    id: str


@dataclass(frozen=True, slots=True)
class Kept:
    """A question that was asked, as it stands now.

    ``settings``, ``result``: JSON as messages and answers keep them, "" for none. ``named``: names of
    knowledge bases, of an answer. ``sources``: ids of those that anything was found in. ``chosen``: a
    conversation goes on from this answer. ``disliked``: by feedback that was not withdrawn.
    """

    source: Source
    id: str
    question: str
    asked_at: datetime
    settings: str
    named: tuple[str, ...]
    state: str
    result: str
    chosen: bool
    wiped: bool
    disliked: bool
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Named:
    """A knowledge base that is there."""

    id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that is a gap. ``relevance``: the best that was found (0..1), None where none was judged."""

    text: str
    language: str
    scope: Scope
    kinds: tuple[Kind, ...]
    relevance: float | None


@dataclass(frozen=True, slots=True)
class Exemplar:
    """The first question of a gap in a language: what others are compared with."""

    gap_id: str
    language: str
    wording_id: str
    text: str


class GapAskings:
    """What waits to be looked at, and where it is put. Triggers of the database make it wait."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def waiting(self) -> int:
        """How many questions wait."""
        (count,) = self._database.connection().execute("SELECT count(*) FROM gap_pending").fetchone()
        return int(count)

    def pending(self, limit: int) -> list[Pending]:
        """The first of those that wait."""
        rows = self._database.connection().execute(
            "SELECT source, id FROM gap_pending ORDER BY seq LIMIT ?", (limit,)
        )
        return [Pending(row["source"], row["id"]) for row in rows]

    def kept(self, pending: Pending) -> Kept | None:
        """The question; None where it is gone, still being answered, or stands in a conversation as well."""
        sql = _MESSAGE if pending.source == "message" else _ANSWER
        row = self._database.connection().execute(sql, (pending.id,)).fetchone()
        return None if row is None else _kept(pending.source, row)

    def named(self) -> dict[str, Named]:
        """The knowledge bases that are there, by name."""
        rows = self._database.connection().execute("SELECT name, id, created_at FROM collection")
        return {row["name"]: Named(row["id"], datetime.fromisoformat(row["created_at"])) for row in rows}

    def looked_at(self, pending: Pending) -> None:
        """It waits no longer."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM gap_pending WHERE source = ? AND id = ?", (pending.source, pending.id)
            )

    def drop(self, pending: Pending) -> None:
        """It is no gap. What is left without any question goes with it."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM gap_asking WHERE message_id = ?1 OR answer_id = ?1", (pending.id,)
            )

    def of(self, pending: Pending) -> tuple[str, Asking] | None:
        """The gap it is in by now and as what, None for none."""
        row = self._database.connection().execute(
            "SELECT a.gap_id, a.kinds, a.relevance, w.text, w.language, g.scope FROM gap_asking a JOIN"
            " gap_wording w ON w.id = a.wording_id JOIN gap g ON g.id = a.gap_id"
            " WHERE a.message_id = ?1 OR a.answer_id = ?1",
            (pending.id,),
        ).fetchone()
        if row is None:
            return None
        return row["gap_id"], Asking(
            row["text"],
            row["language"],
            Scope(row["scope"]),
            tuple(json.loads(row["kinds"])),
            row["relevance"],
        )

    def put(self, kept: Kept, asking: Asking, wording_id: str, gap_id: str | None) -> str:
        """Put a question into a gap, a new one where ``gap_id`` is None or gone; the gap.

        One that was done is open again: it was asked once more. One that was dismissed stays dismissed.
        """
        of_message = kept.source == "message"
        with self._database.transaction() as connection:
            there = connection.execute("SELECT 1 FROM gap WHERE id = ?", (gap_id,)).fetchone()
            chosen = gap_id if gap_id is not None and there is not None else secrets.token_hex(8)
            if there is None:
                connection.execute("INSERT INTO gap (id, scope) VALUES (?, ?)", (chosen, asking.scope))
            connection.execute(
                "INSERT INTO gap_wording (id, text, language) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                (wording_id, asking.text, asking.language),
            )
            connection.execute(
                "INSERT INTO gap_asking (gap_id, wording_id, message_id, answer_id, asked_at, kinds,"
                " relevance) VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    chosen,
                    wording_id,
                    kept.id if of_message else None,
                    None if of_message else kept.id,
                    kept.asked_at.isoformat(),
                    json.dumps(asking.kinds),
                    asking.relevance,
                ),
            )
            connection.execute(
                "UPDATE gap SET state = 'open', reopened_at = ?2 WHERE id = ?1 AND state = 'done'"
                " AND changed_at < ?2",
                (chosen, kept.asked_at.isoformat()),
            )
        return chosen

    def judge(self, pending: Pending, asking: Asking) -> None:
        """The same words in the same place are a gap for other reasons than before."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE gap_asking SET kinds = ?2, relevance = ?3 WHERE message_id = ?1 OR answer_id = ?1",
                (pending.id, json.dumps(asking.kinds), asking.relevance),
            )

    def exemplars(self, scope: Scope) -> list[Exemplar]:
        """What a question over these knowledge bases is compared with, by gap and language."""
        rows = self._database.connection().execute(_EXEMPLARS, (scope,))
        return [Exemplar(*tuple(row)[:4]) for row in rows]

    def vectors(self, wording_ids: Collection[str], embedder: str) -> dict[str, Vector]:
        """The vectors of an embedder that are kept, by wording: float32 of shape (dim,), norm 1."""
        rows = self._database.connection().execute(
            "SELECT wording_id, vector FROM gap_vector WHERE embedder = ? AND wording_id IN"
            " (SELECT value FROM json_each(?))",
            (embedder, json.dumps(sorted(wording_ids))),
        )
        return {row["wording_id"]: np.frombuffer(row["vector"], dtype="<f4") for row in rows}

    def keep_vectors(self, vectors: Mapping[str, Vector], embedder: str) -> None:
        """Keep vectors of wordings; those of wordings that are gone meanwhile are not kept."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO gap_vector (wording_id, embedder, vector) SELECT id, ?2, ?3 FROM gap_wording"
                " WHERE id = ?1 ON CONFLICT DO NOTHING",
                [(each, embedder, _bytes(vector)) for each, vector in vectors.items()],
            )

    def forget_vectors(self, but: str) -> None:
        """Delete the vectors of every embedder but this one."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM gap_vector WHERE embedder <> ?", (but,))


def scope_of(ids: Iterable[str]) -> Scope:
    """The scope of these knowledge bases."""
    return Scope(json.dumps(sorted(set(ids))))


@lru_cache(1024)  # read for each of thousands of gaps
def ids_of(scope: Scope) -> tuple[str, ...]:
    """The knowledge bases of a scope."""
    return tuple(json.loads(scope))


def wording_id(normal: str) -> str:
    """The id of a wording by its normal form: 16 bytes in hex, the same for the same words."""
    return blake2b(normal.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _bytes(vector: Vector) -> bytes:
    return vector.astype("<f4").tobytes()


def _kept(source: Source, row: sqlite3.Row) -> Kept:
    of_message = source == "message"
    return Kept(
        source=source,
        id=row["id"],
        question=row["question"],
        asked_at=datetime.fromisoformat(row["asked_at"]),
        settings=row["settings"] if of_message else "",
        named=() if of_message else tuple(json.loads(row["collections"])),
        state=row["state"] if of_message else "complete",
        result=row["result"],
        chosen=bool(row["chosen"]) if of_message else True,
        wiped=bool(row["wiped"]),
        disliked=bool(row["disliked"]) if of_message else False,
        sources=frozenset(each for each in json.loads(row["sources"]) if each),
    )
