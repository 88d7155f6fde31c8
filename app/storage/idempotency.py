"""Rows of requests that were sent with an Idempotency-Key: what they were, and what they were answered."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.storage.database import Database

KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answered:
    """What a request was answered. ``fingerprint``: a digest of method, address and body.

    ``headers``: those that belong to the answer, by name.
    """

    fingerprint: str
    status: int
    headers: Mapping[str, str]
    body: bytes


class IdempotencyKeys:
    """Begin, finish and forget requests by owner and key, for 24 hours."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def begin(self, owner: str, key: str) -> Answered | bool:
        """True where the key is new (and taken now), False where its first request runs; or the answer."""
        now = self._now()
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM idempotency WHERE began_at < ?", ((now - KEPT).isoformat(),))
            row = connection.execute(
                "SELECT fingerprint, status, headers, body FROM idempotency WHERE owner = ? AND key = ?",
                (owner, key),
            ).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO idempotency (owner, key, began_at) VALUES (?, ?, ?)",
                    (owner, key, now.isoformat()),
                )
                return True
        if row["status"] is None:
            return False
        return Answered(row["fingerprint"], row["status"], json.loads(row["headers"]), row["body"])

    def finish(self, owner: str, key: str, answered: Answered) -> None:
        """Keep what the request was answered."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE idempotency SET fingerprint = ?, status = ?, headers = ?, body = ?"
                " WHERE owner = ? AND key = ?",
                (
                    answered.fingerprint,
                    answered.status,
                    json.dumps(dict(answered.headers)),
                    answered.body,
                    owner,
                    key,
                ),
            )

    def forget(self, owner: str, key: str) -> None:
        """Free the key of a request that did nothing."""
        with self._database.transaction() as connection:
            connection.execute(
                "DELETE FROM idempotency WHERE owner = ? AND key = ? AND status IS NULL", (owner, key)
            )

    def forget_interrupted(self) -> None:
        """Free the keys of requests that ran when the process ended; nothing runs when this is called."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM idempotency WHERE status IS NULL")
