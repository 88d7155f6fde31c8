"""Rows of failed sign-ins, by whom they concern."""

from dataclasses import dataclass
from datetime import datetime

from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class Failures:
    """How often it failed, less what was forgiven since, and when it did last."""

    count: float
    last_at: datetime


class AttemptTable:
    """Count failures of a subject, which is a digest: what people type is not kept."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of(self, subject: bytes) -> Failures | None:
        """The failures of a subject."""
        row = (
            self._database.connection()
            .execute("SELECT failures, failed_at FROM login_attempt WHERE subject = ?", (subject,))
            .fetchone()
        )
        return None if row is None else Failures(row["failures"], datetime.fromisoformat(row["failed_at"]))

    def put(self, subject: bytes, failures: Failures) -> None:
        """Keep the failures of a subject; none at all are forgotten."""
        if failures.count <= 0:
            self.forget(subject)
            return
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO login_attempt (subject, failures, failed_at) VALUES (?1, ?2, ?3)"
                " ON CONFLICT (subject) DO UPDATE SET failures = ?2, failed_at = ?3",
                (subject, failures.count, failures.last_at.isoformat()),
            )

    def forget(self, subject: bytes) -> bool:
        """Forget the failures of a subject; False where there were none."""
        with self._database.transaction() as connection:
            gone = connection.execute("DELETE FROM login_attempt WHERE subject = ?", (subject,))
        return bool(gone.rowcount)

    def forget_before(self, since: datetime) -> None:
        """Forget failures that are older."""
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM login_attempt WHERE failed_at < ?", (since.isoformat(),))
