"""Rows of API keys."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from sqlite3 import Row
from typing import Literal, cast

from app.storage.database import Database
from app.storage.users import Role

Use = Literal["chat", "search", "rerank", "embed", "ingest", "admin"]
"""What an API key may be used for. A person who has signed in may use everything his role allows."""

_KEY = (
    "SELECT k.*, u.name AS user_name, u.role, u.active,"
    " (SELECT group_concat(c.collection_id) FROM api_key_collection c WHERE c.key_id = k.id) AS collections"
    " FROM api_key k JOIN user u ON u.id = k.user_id"
)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """An API key without its secret, which is not kept.

    ``only``: the ids of the knowledge bases it is for, None for all its owner may see; those that were
    deleted are gone from it. ``expires_at`` None: it does not. ``used_at`` is exact to a minute.
    """

    id: str
    user_id: str
    owner: str
    name: str
    uses: frozenset[Use]
    only: frozenset[str] | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyUser:
    """An API key with the digest of its secret and what its owner is at this moment."""

    key: ApiKey
    digest: bytes
    role: Role
    active: bool


class ApiKeyTable:
    """Keep and find API keys by the part of them that is no secret."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(
        self,
        key_id: str,
        digest: bytes,
        user_id: str,
        name: str,
        uses: frozenset[Use],
        only: frozenset[str] | None,
        lasts: timedelta | None,
    ) -> bool:
        """Keep a new key, which expires after that time (None: never); False where its id is taken."""
        at = self._now()
        expires_at = None if lasts is None else (at + lasts).isoformat()
        with self._database.transaction() as connection:
            made = connection.execute(
                "INSERT INTO api_key (id, secret_sha256, user_id, name, uses, restricted, created_at,"
                " expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING",
                (key_id, digest, user_id, name, " ".join(sorted(uses)), int(only is not None),
                 at.isoformat(), expires_at),
            )  # fmt: skip
            if not made.rowcount:
                return False
            connection.executemany(
                "INSERT INTO api_key_collection (key_id, collection_id) VALUES (?, ?)",
                [(key_id, each) for each in sorted(only or ())],
            )
        return True

    def find(self, key_id: str) -> KeyUser | None:
        """The key of that id, expired or not."""
        row = self._database.connection().execute(f"{_KEY} WHERE k.id = ?", (key_id,)).fetchone()
        if row is None:
            return None
        return KeyUser(_key(row), row["secret_sha256"], row["role"], bool(row["active"]))

    def all(self) -> list[ApiKey]:
        """Every key, by owner, newest first."""
        rows = self._database.connection().execute(f"{_KEY} ORDER BY u.name_key, k.created_at DESC, k.id")
        return [_key(row) for row in rows]

    def of_user(self, user_id: str) -> list[ApiKey]:
        """A user's keys, newest first."""
        rows = self._database.connection().execute(
            f"{_KEY} WHERE k.user_id = ? ORDER BY k.created_at DESC, k.id", (user_id,)
        )
        return [_key(row) for row in rows]

    def used(self, key_id: str) -> None:
        """Note that a key was used now. Raises ``StorageBusy`` at once while others write."""
        with self._database.transaction(wait_s=0) as connection:
            connection.execute(
                "UPDATE api_key SET used_at = ? WHERE id = ?", (self._now().isoformat(), key_id)
            )

    def delete(self, key_id: str) -> None:
        """Forget a key."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM api_key WHERE id = ?", (key_id,))


def _key(row: Row) -> ApiKey:
    only = frozenset(row["collections"].split(",")) if row["collections"] else frozenset()
    return ApiKey(
        row["id"],
        row["user_id"],
        row["user_name"],
        row["name"],
        frozenset(cast(Use, each) for each in row["uses"].split()),
        only if row["restricted"] else None,
        datetime.fromisoformat(row["created_at"]),
        _time(row["expires_at"]),
        _time(row["used_at"]),
    )


def _time(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
