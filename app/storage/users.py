"""Rows of people who may sign in."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import IntegrityError, Row
from typing import Literal

from app.errors import Conflict, NotFound
from app.storage.database import Database

Role = Literal["viewer", "editor", "admin"]
"""What a person may be granted at most: read; also write and manage, and new knowledge bases; everything."""


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in. ``active``: False once disabled. ``password_at``: when it was last set."""

    id: str
    name: str
    role: Role
    active: bool
    created_at: datetime
    password_at: datetime
    signed_in_at: datetime | None


class UserTable:
    """Keep and find people. Names are found by their key, see ``app.access.names``."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def empty(self) -> bool:
        """Whether there is nobody yet."""
        return self._database.connection().execute("SELECT 1 FROM user LIMIT 1").fetchone() is None

    def all(self) -> list[User]:
        """Everybody, by name."""
        rows = self._database.connection().execute("SELECT * FROM user ORDER BY name_key")
        return [_user(row) for row in rows]

    def get(self, user_id: str) -> User:
        """The user of that id. Raises ``NotFound``."""
        row = self._one("SELECT * FROM user WHERE id = ?", user_id)
        if row is None:
            raise NotFound("the user does not exist")
        return _user(row)

    def find(self, name_key: str) -> User | None:
        """The user of that key."""
        row = self._one("SELECT * FROM user WHERE name_key = ?", name_key)
        return None if row is None else _user(row)

    def password_hash(self, user_id: str) -> str:
        """The hash of the password. Raises ``NotFound``."""
        row = self._one("SELECT password_hash FROM user WHERE id = ?", user_id)
        if row is None:
            raise NotFound("the user does not exist")
        return str(row["password_hash"])

    def add(self, name: str, name_key: str, role: Role, password_hash: str) -> User:
        """Keep a new user. Raises ``Conflict`` where the key is taken."""
        user_id, at = uuid.uuid4().hex, self._now().isoformat()
        try:
            with self._database.transaction() as connection:
                connection.execute(
                    "INSERT INTO user (id, name, name_key, role, password_hash, created_at, password_at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (user_id, name, name_key, role, password_hash, at, at),
                )
        except IntegrityError as error:
            raise Conflict(f"user {name!r} is there already; choose another name") from error
        return self.get(user_id)

    def add_first(self, name: str, name_key: str, password_hash: str) -> User | None:
        """Keep the first user, an admin; None where somebody is there. Of several callers one succeeds."""
        user_id, at = uuid.uuid4().hex, self._now().isoformat()
        with self._database.transaction() as connection:
            made = connection.execute(
                "INSERT INTO user (id, name, name_key, role, password_hash, created_at, password_at)"
                " SELECT ?, ?, ?, 'admin', ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM user)",
                (user_id, name, name_key, password_hash, at, at),
            )
            return self.get(user_id) if made.rowcount else None

    def set_role(self, user_id: str, role: Role) -> None:
        """Give a user a role."""
        self._change("UPDATE user SET role = ? WHERE id = ?", role, user_id)

    def set_active(self, user_id: str, active: bool) -> None:
        """Let a user in, or not."""
        self._change("UPDATE user SET active = ? WHERE id = ?", int(active), user_id)

    def set_password(self, user_id: str, password_hash: str) -> None:
        """Give a user another password."""
        self._change(
            "UPDATE user SET password_hash = ?, password_at = ? WHERE id = ?",
            password_hash,
            self._now().isoformat(),
            user_id,
        )

    def set_hash(self, user_id: str, password_hash: str) -> None:
        """Give the same password another hash."""
        self._change("UPDATE user SET password_hash = ? WHERE id = ?", password_hash, user_id)

    def signed_in(self, user_id: str) -> None:
        """Note that a user has signed in now."""
        self._change("UPDATE user SET signed_in_at = ? WHERE id = ?", self._now().isoformat(), user_id)

    def other_admins(self, user_id: str) -> int:
        """How many active admins there are beside that user."""
        row = self._one("SELECT count(*) AS n FROM user WHERE role = 'admin' AND active AND id <> ?", user_id)
        return 0 if row is None else int(row["n"])

    def delete(self, user_id: str) -> None:
        """Delete a user with his sessions, keys, memberships and grants."""
        self._change("DELETE FROM user WHERE id = ?", user_id)

    def _one(self, sql: str, *values: str) -> Row | None:
        row: Row | None = self._database.connection().execute(sql, values).fetchone()
        return row

    def _change(self, sql: str, *values: str | int) -> None:
        with self._database.transaction() as connection:
            connection.execute(sql, values)


def _user(row: Row) -> User:
    return User(
        row["id"],
        row["name"],
        row["role"],
        bool(row["active"]),
        datetime.fromisoformat(row["created_at"]),
        datetime.fromisoformat(row["password_at"]),
        None if row["signed_in_at"] is None else datetime.fromisoformat(row["signed_in_at"]),
    )
