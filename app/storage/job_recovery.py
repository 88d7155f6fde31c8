"""Jobs whose worker is gone, or that are to end: taken back, counted, cancelled."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from app.storage.database import Database
from app.storage.job_types import Job, Lease, job_of
from app.storage.jobs import close_attempt, record

CRASHED = "crashed"
CANCEL_S = 1.0  # seconds a worker has to let go of a cancelled job before it is taken away
_OPEN = "state NOT IN ('ready', 'failed', 'cancelled')"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a job whose worker died or hung."""

    job: Job
    failed: bool


class JobRecovery:
    """Takes jobs from workers: those of dead processes, those that hang, and those nobody wants any more."""

    def __init__(
        self,
        database: Database,
        *,
        instance: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        lease_s: float,
        max_attempts: int,
    ) -> None:
        self._database = database
        self._instance = instance
        self._now = now
        self._monotonic = monotonic
        self._lease_s = lease_s
        self._max_attempts = max_attempts

    def cancel(self, job_id: str, *, at_once: bool = False) -> list[Job]:
        """End a job that has not succeeded, and those of its family; the jobs as they now are.

        A job that a worker runs becomes ``cancelling``, and cancelled when the worker lets go
        (``end_cancelled``); ``at_once`` takes it away from the worker. A job that has ended well, or was
        cancelled before, is left as it is.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM job WHERE (id = ?1 OR (parent = ?1 AND parent <> ''))"
                " AND (state NOT IN ('ready', 'cancelled') OR (parent <> '' AND held = 1)) ORDER BY seq",
                (job_id,),
            ).fetchall()
            return [self._cancel(connection, job_of(row), at_once) for row in rows]

    def cancel_of(self, collection_id: str, name: str | None = None) -> list[Job]:
        """End every job of a collection, or of one name in it, taking them away from their workers."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                f"SELECT * FROM job WHERE collection_id = ? AND ({_OPEN} OR held = 1)"  # noqa: S608 - a literal of this file
                " AND (?2 IS NULL OR name = ?2) ORDER BY seq",
                (collection_id, name),
            ).fetchall()
            return [self._cancel(connection, job_of(row), at_once=True) for row in rows]

    def let_go(self, lease: Lease) -> None:
        """A worker that was told to stop has stopped."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE job SET lease = NULL WHERE id = ? AND lease = ?", (lease.job_id, lease.token)
            )

    def end_cancelled(self) -> list[Job]:
        """End cancelling jobs: those no worker has, and those whose worker had its time; the jobs."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM job WHERE state = 'cancelling' AND (lease IS NULL OR due <= ?) ORDER BY seq",
                (self._monotonic(),),
            ).fetchall()
            return [self._cancel(connection, job_of(row), at_once=True) for row in rows]

    def release_all(self) -> int:
        """Give back every lease of this process, as if none of its tries had begun; how many."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "UPDATE job SET lease = NULL, attempt = max(attempt - 1, 0) WHERE lease LIKE ? || ':%'"
                " RETURNING id",
                (self._instance,),
            ).fetchall()
            for row in rows:
                close_attempt(
                    connection, row["id"], self._now().isoformat(), "put back", "the program was stopped"
                )
        return len(rows)

    def reclaim_foreign(self) -> list[Taken]:
        """Take the jobs of processes that are gone; call once, before any worker starts.

        What was to be published is indexed again: the vector index is compared with what is shown, and may
        have been refilled, in between.
        """
        with self._database.transaction() as connection:
            connection.execute(f"UPDATE job SET due = 0, retry_at = NULL WHERE due > 0 AND {_OPEN}")  # noqa: S608 - a literal of this file
            connection.execute(
                "UPDATE job SET state = 'indexing', step = 'indexing'"
                " WHERE kind = 'ingest' AND state = 'publishing'"
            )
            rows = connection.execute(
                "SELECT * FROM job WHERE lease IS NOT NULL AND lease NOT LIKE ? || ':%' ORDER BY seq",
                (self._instance,),
            ).fetchall()
            return [self._take(connection, job_of(row), "the program stopped") for row in rows]

    def abandoned(self) -> list[Job]:
        """Jobs with a lease of another process, or one that ran out a whole lease ago."""
        rows = self._database.connection().execute(
            "SELECT * FROM job WHERE lease IS NOT NULL AND (lease NOT LIKE ? || ':%' OR lease_until <= ?)"
            " ORDER BY seq",
            (self._instance, self._monotonic() - self._lease_s),
        )
        return [job_of(row) for row in rows]

    def reclaim_abandoned(self) -> list[Taken]:
        """Take the jobs of ``abandoned``, while this process's own workers go on."""
        with self._database.transaction():
            return [self._take_publishing(job) for job in self.abandoned()]

    def _take_publishing(self, job: Job) -> Taken:
        """Take a job; what was to be published is indexed again, for the index may have been filled anew."""
        connection = self._database.connection()
        connection.execute(
            "UPDATE job SET state = 'indexing', step = 'indexing'"
            " WHERE id = ? AND kind = 'ingest' AND state = 'publishing'",
            (job.id,),
        )
        found = connection.execute("SELECT * FROM job WHERE id = ?", (job.id,)).fetchone()
        return self._take(connection, job_of(found), "its worker is gone")

    def reclaim_expired(self) -> list[Taken]:
        """Take the jobs of workers that gave no sign of life for the length of a lease."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT * FROM job WHERE lease IS NOT NULL AND lease_until <= ? ORDER BY seq",
                (self._monotonic(),),
            ).fetchall()
            why = f"no sign of life for {self._lease_s:g} s"
            return [self._take(connection, job_of(row), why) for row in rows]

    def wake_parents(self) -> int:
        """Let reindexes go on whose documents are all prepared, or failed; how many."""
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE job SET state = 'publishing', step = 'publishing' WHERE kind = 'reindex'"
                " AND state = 'indexing' AND NOT EXISTS (SELECT 1 FROM job c WHERE c.parent = job.id"
                "  AND c.state NOT IN ('ready', 'failed', 'cancelled'))"
            ).rowcount

    def embed_again(self, collection_id: str) -> None:
        """Send unpublished jobs of a collection back to embedding: its vectors lie elsewhere from now on."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE job SET state = 'embedding', step = 'embedding', lease = NULL, attempt = 0"
                " WHERE collection_id = ? AND kind = 'ingest' AND parent = '' AND version > 0 AND held = 1"
                " AND step IN ('indexing', 'publishing') AND state NOT IN ('cancelling', 'failed')",
                (collection_id,),
            )

    def come_due(self, *, all_of_them: bool = False) -> int:
        """Let jobs whose waiting time is over, or all that wait, be claimed from now on; how many."""
        with self._database.transaction() as connection:
            return connection.execute(
                "UPDATE job SET due = 0 WHERE due > 0 AND state NOT IN ('ready', 'failed', 'cancelled')"
                " AND (due <= ? OR (? AND state <> 'cancelling'))",
                (self._monotonic(), all_of_them),
            ).rowcount

    def next_timer(self) -> float | None:
        """Monotonic time of the next lease end or due time; None where nothing is timed."""
        row = self._database.connection().execute(
            "SELECT min(t) FROM (SELECT min(lease_until) AS t FROM job WHERE lease IS NOT NULL UNION ALL"
            " SELECT min(due) FROM job WHERE due > 0 AND state NOT IN ('ready', 'failed', 'cancelled'))"
        )
        found = row.fetchone()[0]
        return None if found is None else float(found)

    def _cancel(self, connection: sqlite3.Connection, job: Job, at_once: bool) -> Job:
        now = self._now().isoformat()
        if job.lease is not None and not at_once:
            connection.execute(
                "UPDATE job SET state = 'cancelling', due = ?, updated_at = ? WHERE id = ?",
                (self._monotonic() + CANCEL_S, now, job.id),
            )
            if job.state != "cancelling":
                record(connection, job.id, now, "cancelling")
        else:
            connection.execute(
                "UPDATE job SET state = 'cancelled', lease = NULL, held = 0, code = '', message = '',"
                " ended_at = ?, updated_at = ? WHERE id = ?",
                (now, now, job.id),
            )
            close_attempt(connection, job.id, now, "cancelled")
            record(connection, job.id, now, "cancelled")
        return job_of(connection.execute("SELECT * FROM job WHERE id = ?", (job.id,)).fetchone())

    def _take(self, connection: sqlite3.Connection, job: Job, why: str) -> Taken:
        now = self._now().isoformat()
        close_attempt(connection, job.id, now, CRASHED, why)
        if job.state == "cancelling" or job.attempt < self._max_attempts:
            connection.execute("UPDATE job SET lease = NULL, updated_at = ? WHERE id = ?", (now, job.id))
            if job.state != "cancelling":
                record(connection, job.id, now, job.state, "resumed", why)
            return Taken(job, failed=False)
        message = (
            f"{job.name}: {why} {job.attempt} times while it was {job.state}; try it again alone, and report "
            "the file if it fails again"
        )
        connection.execute(
            "UPDATE job SET lease = NULL, state = 'failed', code = ?, message = ?, ended_at = ?,"
            " updated_at = ? WHERE id = ?",
            (CRASHED, message, now, now, job.id),
        )
        record(connection, job.id, now, "failed", CRASHED, message)
        return Taken(job, failed=True)
