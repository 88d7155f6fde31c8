"""Rows of grants: who may do how much with which knowledge base."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row
from typing import Literal

from app.storage.database import Database

Level = Literal["read", "write", "manage"]
"""What a grant allows: ask and look; also add and delete documents; also settings, grants and deletion."""

_GRANT = (
    "SELECT a.collection_id, c.name AS collection, a.user_id, a.group_id,"
    " coalesce(u.name, g.name) AS name, a.level, a.granted_at FROM grant_ a"
    " JOIN collection c ON c.id = a.collection_id"
    " LEFT JOIN user u ON u.id = a.user_id LEFT JOIN group_ g ON g.id = a.group_id"
)


@dataclass(frozen=True, slots=True)
class Grantee:
    """Who holds a grant."""

    kind: Literal["user", "group"]
    id: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a user or a group may do with a knowledge base; a role may allow its holder less."""

    collection_id: str
    collection: str
    grantee: Grantee
    name: str
    level: Level
    granted_at: datetime


class GrantTable:
    """Keep and find grants: at most one for a knowledge base and a user, or a group."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def all(self) -> list[Grant]:
        """Every grant, by knowledge base and name."""
        rows = self._database.connection().execute(f"{_GRANT} ORDER BY c.name, name, a.rowid")
        return [_grant(row) for row in rows]

    def of_collection(self, collection_id: str) -> list[Grant]:
        """The grants on a knowledge base, by name."""
        rows = self._database.connection().execute(
            f"{_GRANT} WHERE a.collection_id = ? ORDER BY name, a.rowid", (collection_id,)
        )
        return [_grant(row) for row in rows]

    def levels(self, user_id: str) -> list[tuple[str, Level]]:
        """Collection id and level of each grant a user has, himself or by a group."""
        rows = self._database.connection().execute(
            "SELECT collection_id, level FROM grant_ WHERE user_id = ?1 UNION ALL"
            " SELECT a.collection_id, a.level FROM membership m JOIN grant_ a ON a.group_id = m.group_id"
            " WHERE m.user_id = ?1",
            (user_id,),
        )
        return [(row["collection_id"], row["level"]) for row in rows]

    def set(self, collection_id: str, grantee: Grantee, level: Level) -> None:
        """Grant a level in place of an earlier one."""
        user_id, group_id = _columns(grantee)
        with self._database.transaction() as connection:
            self._delete(collection_id, grantee)
            connection.execute(
                "INSERT INTO grant_ (collection_id, user_id, group_id, level, granted_at)"
                " VALUES (?, ?, ?, ?, ?)",
                (collection_id, user_id, group_id, level, self._now().isoformat()),
            )

    def remove(self, collection_id: str, grantee: Grantee) -> bool:
        """Take a grant back; False where there was none."""
        with self._database.transaction():
            return self._delete(collection_id, grantee)

    def _delete(self, collection_id: str, grantee: Grantee) -> bool:
        user_id, group_id = _columns(grantee)
        gone = self._database.connection().execute(
            "DELETE FROM grant_ WHERE collection_id = ? AND user_id IS ? AND group_id IS ?",
            (collection_id, user_id, group_id),
        )
        return bool(gone.rowcount)


def _columns(grantee: Grantee) -> tuple[str | None, str | None]:
    return (grantee.id, None) if grantee.kind == "user" else (None, grantee.id)


def _grant(row: Row) -> Grant:
    grantee = Grantee("group", row["group_id"]) if row["user_id"] is None else Grantee("user", row["user_id"])
    at = datetime.fromisoformat(row["granted_at"])
    return Grant(row["collection_id"], row["collection"], grantee, row["name"], row["level"], at)
