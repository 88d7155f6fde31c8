"""Rows of groups, and who belongs to them."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import IntegrityError, Row

from app.errors import Conflict, NotFound
from app.storage.database import Database

_GROUP = (
    "SELECT g.id, g.name, g.created_at,"
    " (SELECT count(*) FROM membership m WHERE m.group_id = g.id) AS members FROM group_ g"
)


@dataclass(frozen=True, slots=True)
class Group:
    """People who are granted things together."""

    id: str
    name: str
    created_at: datetime
    members: int


class GroupTable:
    """Keep and find groups."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[Group]:
        """Every group, by name."""
        rows = self._database.connection().execute(f"{_GROUP} ORDER BY g.name_key")
        return [_group(row) for row in rows]

    def get(self, group_id: str) -> Group:
        """The group of that id. Raises ``NotFound``."""
        row = self._database.connection().execute(f"{_GROUP} WHERE g.id = ?", (group_id,)).fetchone()
        if row is None:
            raise NotFound("the group does not exist")
        return _group(row)

    def find(self, name_key: str) -> Group | None:
        """The group of that key."""
        row = self._database.connection().execute(f"{_GROUP} WHERE g.name_key = ?", (name_key,)).fetchone()
        return None if row is None else _group(row)

    def add(self, name: str, name_key: str) -> Group:
        """Keep a new group. Raises ``Conflict`` where the key is taken."""
        group_id = uuid.uuid4().hex
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO group_ (id, name, name_key, created_at) VALUES (?, ?, ?, ?)",
                    (group_id, name, name_key, self._now().isoformat()),
                )
        except IntegrityError as error:
            raise Conflict(f"group {name!r} is there already; choose another name") from error
        return self.get(group_id)

    def delete(self, group_id: str) -> None:
        """Delete a group with its memberships and grants."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM group_ WHERE id = ?", (group_id,))

    def members(self, group_id: str) -> list[str]:
        """The ids of the users in a group, by their names."""
        rows = self._database.connection().execute(
            "SELECT u.id FROM membership m JOIN user u ON u.id = m.user_id WHERE m.group_id = ?"
            " ORDER BY u.name_key",
            (group_id,),
        )
        return [row["id"] for row in rows]

    def of_user(self, user_id: str) -> list[Group]:
        """The groups a user is in, by name."""
        rows = self._database.connection().execute(
            f"{_GROUP} JOIN membership o ON o.group_id = g.id WHERE o.user_id = ? ORDER BY g.name_key",
            (user_id,),
        )
        return [_group(row) for row in rows]

    def add_member(self, group_id: str, user_id: str) -> bool:
        """Put a user into a group; False where he was in it."""
        with self._database.transaction() as connection:
            made = connection.execute(
                "INSERT INTO membership (user_id, group_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                (user_id, group_id),
            )
        return bool(made.rowcount)

    def remove_member(self, group_id: str, user_id: str) -> bool:
        """Take a user out of a group; False where he was not in it."""
        with self._database.transaction() as connection:
            gone = connection.execute(
                "DELETE FROM membership WHERE user_id = ? AND group_id = ?", (user_id, group_id)
            )
        return bool(gone.rowcount)


def _group(row: Row) -> Group:
    return Group(row["id"], row["name"], datetime.fromisoformat(row["created_at"]), row["members"])
