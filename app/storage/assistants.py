"""Rows of assistants: named ways of asking."""

import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row

from app.cards import Template
from app.errors import BadRequest, Conflict, NotFound
from app.storage.collections import MAX_INSTRUCTION, MAX_NAME
from app.storage.database import Database

RESERVED = "touchstone"
"""Names of models begin so; an assistant is a model of its own name."""

_ASSISTANT = (
    "SELECT a.*, (SELECT json_group_array(id) FROM (SELECT c.id FROM assistant_collection m JOIN collection c"
    " ON c.id = m.collection_id WHERE m.assistant_id = a.id ORDER BY c.name)) AS collections FROM assistant a"
)


@dataclass(frozen=True, slots=True)
class Assistant:
    """A way of asking. ``collections``: ids, in the order of their names; none where all were deleted.

    ``instruction``: what the reranker should prefer and the generator is told; "" for that of the knowledge
    base.
    """

    id: str
    name: str
    template: Template
    instruction: str
    collections: tuple[str, ...]
    created_at: datetime
    updated_at: datetime


class AssistantRows:
    """Make, find, change and delete assistants."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[Assistant]:
        """Every assistant, by name."""
        return self._select("ORDER BY a.name", ())

    def by_id(self, assistant_id: str) -> Assistant | None:
        """The one of that id."""
        return next(iter(self._select("WHERE a.id = ?", (assistant_id,))), None)

    def named(self, name: str) -> Assistant | None:
        """The one of that name."""
        return next(iter(self._select("WHERE a.name = ?", (name,))), None)

    def create(
        self, name: str, template: Template, instruction: str, collections: Sequence[str]
    ) -> Assistant:
        """A new one that asks these collections (ids).

        Raises ``Conflict`` for a name that is taken, ``BadRequest`` for what cannot be used.
        """
        new, now = uuid.uuid4().hex, self._now().isoformat()
        with self._database.transaction() as connection:
            self._check(new, name, instruction, collections)
            connection.execute(
                "INSERT INTO assistant (id, name, template, instruction, created_at, updated_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (new, name, template, instruction, now, now),
            )
            self._fill(new, collections)
            return self._got(new)

    def change(
        self,
        assistant_id: str,
        *,
        name: str | None = None,
        template: Template | None = None,
        instruction: str | None = None,
        collections: Sequence[str] | None = None,
    ) -> Assistant:
        """Let it be otherwise; None leaves as it is. Raises what ``create`` does, and ``NotFound``."""
        with self._database.transaction() as connection:
            found = self._got(assistant_id)
            called = found.name if name is None else name
            prefers = found.instruction if instruction is None else instruction
            asks = found.collections if collections is None else tuple(collections)
            self._check(assistant_id, called, prefers, None if collections is None else asks)
            connection.execute(
                "UPDATE assistant SET name = ?, template = ?, instruction = ?, updated_at = ? WHERE id = ?",
                (called, template or found.template, prefers, self._now().isoformat(), assistant_id),
            )
            if collections is not None:
                connection.execute(
                    "DELETE FROM assistant_collection WHERE assistant_id = ?", (assistant_id,)
                )
                self._fill(assistant_id, asks)
            return self._got(assistant_id)

    def delete(self, assistant_id: str) -> None:
        """Delete it with its snippets, for good."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM assistant WHERE id = ?", (assistant_id,))

    def _got(self, assistant_id: str) -> Assistant:
        found = self.by_id(assistant_id)
        if found is None:
            raise NotFound(f"assistant {assistant_id!r} does not exist")
        return found

    def _fill(self, assistant_id: str, collections: Sequence[str]) -> None:
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO assistant_collection (assistant_id, collection_id) VALUES (?, ?)",
                [(assistant_id, each) for each in dict.fromkeys(collections)],
            )

    def _check(
        self, assistant_id: str, name: str, instruction: str, collections: Sequence[str] | None
    ) -> None:
        usable = name.isprintable() and name == name.strip() and 0 < len(name) <= MAX_NAME
        if not usable or name.casefold().startswith(RESERVED):
            raise BadRequest(
                f"assistant name {name!r} cannot be used; choose 1 to {MAX_NAME} printable characters without"
                f" space at either end that do not begin with {RESERVED!r}"
            )
        if len(instruction) > MAX_INSTRUCTION:
            raise BadRequest(
                f"the instruction has {len(instruction)} characters; at most {MAX_INSTRUCTION} are kept"
            )
        if collections is not None and not collections:
            raise BadRequest("an assistant needs a knowledge base to ask; name at least one")
        taken = self.named(name)
        if taken is not None and taken.id != assistant_id:
            raise Conflict(f"the name {name!r} is taken; choose another")

    def _select(self, where: str, values: tuple[str, ...]) -> list[Assistant]:
        rows = self._database.connection().execute(f"{_ASSISTANT} {where}", values)
        return [_assistant(row) for row in rows]


def _assistant(row: Row) -> Assistant:
    return Assistant(
        id=row["id"],
        name=row["name"],
        template=row["template"],
        instruction=row["instruction"],
        collections=tuple(json.loads(row["collections"])),
        created_at=datetime.fromisoformat(row["created_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
    )
