"""Rows of answers that were given, with the places their quotes were taken from."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from app.errors import NotFound
from app.result import Result, result_view
from app.storage.database import Database

LOCAL_OWNER = "local"
"""The id of whoever is at this machine."""


@dataclass(frozen=True, slots=True)
class CitedPlace:
    """Where a quote stood when it was cited. ``quote`` is "" where its document was deleted for good."""

    number: int
    chunk_id: str
    document_id: str
    document: str
    version: int
    start: int
    end: int
    quote: str
    quote_digest: str


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """An answer that was given; ``result`` is the JSON of ``ResultView``.

    ``wiped``: text, result and quotes are gone, because a document that was read for them is.
    """

    seq: int
    id: str
    asked_at: datetime
    question: str
    collections: tuple[str, ...]
    outcome: str
    language: str
    text: str
    profile: str
    result: str
    wiped: bool
    owner: str
    citations: tuple[CitedPlace, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """The version of a document that is shown (0: none), and its text."""

    name: str
    version: int
    text: str


class Answers:
    """Keep, list and forget answers.

    Triggers of the database wipe the answers for which a document was read once it is deleted for good,
    whichever way it goes.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def keep(self, result: Result, *, owner: str = LOCAL_OWNER) -> None:
        """Keep an answer under ``result.answer_id``; ``owner``: the id of the principal who asked."""
        view = result_view(result)
        read = {_place(each.chunk.id) for each in result.answer.passages}
        read |= {_place(each.chunk_id) for each in result.answer.citations}
        found = {_place(each.chunk.id) for each in result.candidates} - read
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO answer (id, asked_at, question, collections, outcome, language, text, profile,"
                " result, owner) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    result.answer_id,
                    self._now().isoformat(),
                    result.question,
                    json.dumps(result.collections, ensure_ascii=False),
                    result.answer.outcome,
                    result.language,
                    result.answer.text,
                    result.profile,
                    view.model_dump_json(),
                    owner,
                ),
            )
            connection.executemany(
                "INSERT INTO answer_citation VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (result.answer_id, place, c.number, c.chunk_id, c.document_id, c.document,
                     _place(c.chunk_id)[1], c.start, c.end, c.quote, quote_digest(c.quote))
                    for place, c in enumerate(result.answer.citations)
                ],
            )  # fmt: skip
            connection.executemany(
                "INSERT INTO answer_document VALUES (?, ?, ?, ?)",
                [
                    (result.answer_id, *place, int(words))
                    for places, words in ((read, True), (found, False))
                    for place in sorted(places)
                ],
            )

    def page(
        self, *, owner: str | None = None, before: int = 0, limit: int = 50, document_id: str = ""
    ) -> list[AnswerRow]:
        """Answers of an owner (None: of everyone), newest first, with a ``seq`` below ``before`` (0: all).

        ``document_id``: only those that quote that document.
        """
        return self._select(
            "WHERE (?1 = 0 OR seq < ?1) AND (?2 IS NULL OR owner = ?2) AND (?4 = '' OR EXISTS (SELECT 1"
            " FROM answer_citation c WHERE c.answer_id = answer.id AND c.document_id = ?4))"
            " ORDER BY seq DESC LIMIT ?3",
            (before, owner, limit, document_id),
        )

    def sources(self, answer_id: str) -> frozenset[str]:
        """Ids of the collections of the documents that were found for an answer and are still there."""
        rows = self._database.connection().execute(
            "SELECT DISTINCT d.collection_id FROM answer_document a JOIN document d ON d.id = a.document_id"
            " WHERE a.answer_id = ?",
            (answer_id,),
        )
        return frozenset(row["collection_id"] for row in rows)

    def get(self, answer_id: str, *, owner: str | None = None) -> AnswerRow:
        """The answer, of that owner where one is named. Raises ``NotFound``."""
        found = self._select("WHERE id = ?1 AND (?2 IS NULL OR owner = ?2)", (answer_id, owner))
        if not found:
            raise NotFound(f"answer {answer_id!r} is not kept; `touchstone answers` lists those that are")
        return found[0]

    def shown(self, document_id: str) -> Shown:
        """What is shown of a document now."""
        row = (
            self._database.connection()
            .execute(
                "SELECT d.name, d.current_version, v.text FROM document d JOIN version v"
                " ON v.document_id = d.id AND v.version = d.current_version WHERE d.id = ?",
                (document_id,),
            )
            .fetchone()
        )
        return Shown("", 0, "") if row is None else Shown(row["name"], row["current_version"], row["text"])

    def chunk_at(self, document_id: str, version: int, start: int, end: int) -> str:
        """The first chunk of the version in which these characters stand; "" where no one chunk has all."""
        row = (
            self._database.connection()
            .execute(
                "SELECT id FROM chunk WHERE document_id = ? AND version = ? AND start <= ? AND end >= ?"
                " ORDER BY ordinal LIMIT 1",
                (document_id, version, start, end),
            )
            .fetchone()
        )
        return "" if row is None else str(row["id"])

    def forget_older(self, age: timedelta) -> int:
        """Delete the answers given longer ago than this; how many."""
        with self._database.transaction() as connection:
            return connection.execute(
                "DELETE FROM answer WHERE asked_at < ?", ((self._now() - age).isoformat(),)
            ).rowcount

    def _select(self, where: str, values: tuple[object, ...]) -> list[AnswerRow]:
        connection = self._database.connection()
        rows = connection.execute(f"SELECT * FROM answer {where}", values).fetchall()  # noqa: S608 - literals of this file
        marks = ",".join("?" * len(rows))
        cited: dict[str, list[CitedPlace]] = {row["id"]: [] for row in rows}
        for row in connection.execute(
            f"SELECT * FROM answer_citation WHERE answer_id IN ({marks}) ORDER BY answer_id, place",  # noqa: S608 - marks are question marks
            [row["id"] for row in rows],
        ):
            cited[row["answer_id"]].append(CitedPlace(*tuple(row)[2:]))
        return [
            AnswerRow(
                seq=row["seq"],
                id=row["id"],
                asked_at=datetime.fromisoformat(row["asked_at"]),
                question=row["question"],
                collections=tuple(json.loads(row["collections"])),
                outcome=row["outcome"],
                language=row["language"],
                text=row["text"],
                profile=row["profile"],
                result=row["result"],
                wiped=bool(row["wiped"]),
                owner=row["owner"],
                citations=tuple(cited[row["id"]]),
            )
            for row in rows
        ]


def quote_digest(quote: str) -> str:
    """16 bytes in hex by which equal quotes are known, also where the words are gone."""
    return blake2b(quote.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _place(chunk_id: str) -> tuple[str, int]:
    """Document and version in a chunk's id."""
    document_id, version, _ = chunk_id.rsplit(":", 2)
    return document_id, int(version)
