"""Rows of golden sets: questions of a collection, with the words of documents that answer them."""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from app.errors import Conflict, NotFound
from app.storage.collections import check_name
from app.storage.database import Database

State = Literal["draft", "accepted"]
Origin = Literal["csv", "answer", "drafted", "typed"]
STATES = frozenset(get_args(State))


@dataclass(frozen=True, slots=True)
class GoldenEvidence:
    """Words of a document (by name), and their pages where known. By quote: cutting anew breaks no label."""

    document: str
    quote: str
    pages: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A labelled question. Only accepted ones are asked; a draft waits for a person.

    ``answers``: accepted ones, of which a right answer says one. ``source``: where it came from; ``note``:
    what a person should know, such as why it is a draft. ``id`` is unique in its set, and chosen by whoever
    adds it.
    """

    id: str
    question: str
    answerable: bool = True
    evidence: tuple[GoldenEvidence, ...] = ()
    answers: tuple[str, ...] = ()
    kind: str = "plain"
    state: State = "accepted"
    source: Origin = "typed"
    note: str = ""


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """A set with the collection its questions are about, and how many cases it has."""

    id: str
    name: str
    collection_id: str
    collection: str
    accepted: int
    drafts: int


class GoldenRows:
    """Make, find, change and delete golden sets.

    A trigger of the database takes the words of a document out of them once it is deleted for good.
    """

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def sets(self) -> list[GoldenSet]:
        """Every set, by name."""
        return self._sets("", ())

    def named(self, name: str) -> GoldenSet:
        """The set of that name. Raises ``NotFound`` naming those that exist."""
        found = self._sets("WHERE s.name = ?", (name,))
        if not found:
            known = ", ".join(repr(each.name) for each in self.sets()) or "none yet"
            raise NotFound(f"golden set {name!r} does not exist (there is: {known})")
        return found[0]

    def create(self, name: str, collection_id: str) -> GoldenSet:
        """A new set about a collection.

        Raises ``Conflict`` for a name that is taken, ``BadRequest`` for one that cannot be used.
        """
        check_name(name)
        with self._database.transaction() as connection:
            if self._sets("WHERE s.name = ?", (name,)):
                raise Conflict(f"golden set {name!r} exists already; choose another name")
            connection.execute(
                "INSERT INTO golden_set (id, collection_id, name, created_at) VALUES (?, ?, ?, ?)",
                (uuid.uuid4().hex, collection_id, name, self._now().isoformat()),
            )
        return self.named(name)

    def by_id(self, set_id: str) -> GoldenSet:
        """The set of that id. Raises ``NotFound``."""
        found = self._sets("WHERE s.id = ?", (set_id,))
        if not found:
            raise NotFound(f"golden set {set_id!r} does not exist")
        return found[0]

    def rename(self, set_id: str, name: str) -> GoldenSet:
        """Call a set otherwise. Raises what ``create`` does, and ``NotFound``."""
        check_name(name)
        with self._database.transaction() as connection:
            if any(each.id != set_id for each in self._sets("WHERE s.name = ?", (name,))):
                raise Conflict(f"golden set {name!r} exists already; choose another name")
            connection.execute("UPDATE golden_set SET name = ? WHERE id = ?", (name, set_id))
        return self.by_id(set_id)

    def delete(self, set_id: str) -> None:
        """Delete a set with its cases."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM golden_set WHERE id = ?", (set_id,))

    def cases(self, set_id: str) -> list[GoldenCase]:
        """Every case, in the order they were added."""
        connection = self._database.connection()
        evidence: dict[int, list[GoldenEvidence]] = {}
        for row in connection.execute(
            "SELECT e.* FROM golden_evidence e JOIN golden_case c ON c.seq = e.seq WHERE c.set_id = ?"
            " ORDER BY e.seq, e.place",
            (set_id,),
        ):
            pages = tuple(json.loads(row["pages"]))
            evidence.setdefault(row["seq"], []).append(GoldenEvidence(row["document"], row["quote"], pages))
        rows = connection.execute("SELECT * FROM golden_case WHERE set_id = ? ORDER BY seq", (set_id,))
        return [
            GoldenCase(
                id=row["id"],
                question=row["question"],
                answerable=bool(row["answerable"]),
                evidence=tuple(evidence.get(row["seq"], ())),
                answers=tuple(json.loads(row["answers"])),
                kind=row["kind"],
                state=row["state"],
                source=row["source"],
                note=row["note"],
            )
            for row in rows
        ]

    def put(self, set_id: str, cases: Sequence[GoldenCase]) -> None:
        """Add cases, all or none; one whose id is there takes its place."""
        with self._database.transaction() as connection:
            for case in cases:
                connection.execute(
                    "INSERT INTO golden_case (id, set_id, question, kind, answerable, answers, state,"
                    " source, note, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
                    " ON CONFLICT (set_id, id) DO UPDATE SET question = excluded.question,"
                    " kind = excluded.kind, answerable = excluded.answerable, answers = excluded.answers,"
                    " state = excluded.state, source = excluded.source, note = excluded.note",
                    (
                        case.id,
                        set_id,
                        case.question,
                        case.kind,
                        int(case.answerable),
                        json.dumps(case.answers, ensure_ascii=False),
                        case.state,
                        case.source,
                        case.note,
                        self._now().isoformat(),
                    ),
                )
                (seq,) = connection.execute(
                    "SELECT seq FROM golden_case WHERE set_id = ? AND id = ?", (set_id, case.id)
                ).fetchone()
                connection.execute("DELETE FROM golden_evidence WHERE seq = ?", (seq,))
                connection.executemany(
                    "INSERT INTO golden_evidence (seq, place, document, quote, pages)"
                    " VALUES (?, ?, ?, ?, ?)",
                    [
                        (seq, place, each.document, each.quote, json.dumps(each.pages))
                        for place, each in enumerate(case.evidence)
                    ],
                )

    def remove(self, set_id: str, case_ids: Sequence[str]) -> None:
        """Delete cases. Raises ``NotFound`` where one does not exist, and then deletes none."""
        with self._database.transaction() as connection:
            for each in case_ids:
                gone = connection.execute(
                    "DELETE FROM golden_case WHERE set_id = ? AND id = ?", (set_id, each)
                ).rowcount
                if not gone:
                    raise NotFound(f"the set has no case {each!r}")

    def _sets(self, where: str, parameters: tuple[str, ...]) -> list[GoldenSet]:
        rows = self._database.connection().execute(
            "SELECT s.id, s.name, s.collection_id, c.name AS collection,"  # noqa: S608 - where is a literal
            " (SELECT count(*) FROM golden_case g"
            " WHERE g.set_id = s.id AND g.state = 'accepted') AS accepted,"
            " (SELECT count(*) FROM golden_case g WHERE g.set_id = s.id AND g.state = 'draft') AS drafts"
            f" FROM golden_set s JOIN collection c ON c.id = s.collection_id {where} ORDER BY s.name",
            parameters,
        )
        return [
            GoldenSet(
                id=row["id"],
                name=row["name"],
                collection_id=row["collection_id"],
                collection=row["collection"],
                accepted=row["accepted"],
                drafts=row["drafts"],
            )
            for row in rows
        ]
