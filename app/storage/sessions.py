"""Rows of sign-ins that last."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from sqlite3 import Row

from app.storage.database import Database
from app.storage.users import Role


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in that lasts. ``agent`` is what the browser called itself. Its token is not kept."""

    id: str
    user_id: str
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str


@dataclass(frozen=True, slots=True)
class SessionUser:
    """A session with what its active user is at this moment."""

    session: Session
    name: str
    role: Role


class SessionTable:
    """Keep and find sessions by the SHA-256 digest of their token."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, session_id: str, digest: bytes, user_id: str, address: str, agent: str) -> Session:
        """Keep a session that begins now."""
        at = self._now()
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO session (id, token_sha256, user_id, created_at, seen_at, address, agent)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (session_id, digest, user_id, at.isoformat(), at.isoformat(), address, agent),
            )
        return Session(session_id, user_id, at, at, address, agent)

    def by_digest(self, digest: bytes) -> SessionUser | None:
        """The session of that digest, where its user is active. However old it is."""
        return self._active("token_sha256 = ?", digest)

    def by_id(self, session_id: str) -> SessionUser | None:
        """The session of that id, where its user is active. However old it is."""
        return self._active("s.id = ?", session_id)

    def of_user(self, user_id: str) -> list[Session]:
        """A user's sessions, the one seen last first. However old they are."""
        rows = self._database.connection().execute(
            "SELECT * FROM session WHERE user_id = ? ORDER BY seen_at DESC, id", (user_id,)
        )
        return [_session(row) for row in rows]

    def saw(self, session_id: str) -> None:
        """Note that a session was used now. Raises ``StorageBusy`` at once while others write."""
        with self._database.transaction(wait_s=0) as connection:
            connection.execute(
                "UPDATE session SET seen_at = ? WHERE id = ?", (self._now().isoformat(), session_id)
            )

    def delete(self, session_id: str) -> None:
        """End a session."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM session WHERE id = ?", (session_id,))

    def delete_of(self, user_id: str) -> int:
        """End a user's sessions; how many there were."""
        with self._database.transaction() as connection:
            return connection.execute("DELETE FROM session WHERE user_id = ?", (user_id,)).rowcount

    def delete_unseen(self, since: datetime) -> None:
        """Forget sessions that were not used since then."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM session WHERE seen_at < ?", (since.isoformat(),))

    def _active(self, where: str, value: str | bytes) -> SessionUser | None:
        row = (
            self._database.connection()
            .execute(
                "SELECT s.*, u.name AS user_name, u.role FROM session s JOIN user u ON u.id = s.user_id"  # noqa: S608 - where is a literal of this file
                f" WHERE u.active = 1 AND {where}",
                (value,),
            )
            .fetchone()
        )
        return None if row is None else SessionUser(_session(row), row["user_name"], row["role"])


def _session(row: Row) -> Session:
    return Session(
        row["id"],
        row["user_id"],
        datetime.fromisoformat(row["created_at"]),
        datetime.fromisoformat(row["seen_at"]),
        row["address"],
        row["agent"],
    )
