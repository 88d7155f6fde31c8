"""Who works on which job: claimed fairly, kept alive, led from step to step, given back.

Lease ends and due times are seconds of the process's own monotonic clock, so a wall clock that is set back
or leaps changes nothing; they mean nothing to the next process, which takes every foreign lease at once
(``job_recovery``).
"""

import itertools
import json
import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import TypedDict, Unpack

from app.errors import TouchstoneError
from app.storage.database import Database
from app.storage.job_types import Job, Lease, Outcome, Queue, State, Step, job_of, may_follow
from app.storage.jobs import close_attempt, record
from app.storage.notices import pack_notices
from retrieval.types import Notice


class LeaseLost(TouchstoneError):
    """The job was cancelled, deleted or given to another worker; this worker must leave it alone."""

    code = "lease_lost"


class Facts(TypedDict, total=False):
    """What a step found out about its job."""

    document_id: str
    version: int
    name: str
    notices: tuple[Notice, ...]
    seconds: dict[str, float]
    pages: int
    chunks: int
    tokens: int
    reused: int


class JobLeases:
    """The workers' side of the jobs, for one process (``instance``)."""

    def __init__(
        self,
        database: Database,
        *,
        instance: str,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        lease_s: float,
    ) -> None:
        self._database = database
        self._instance = instance
        self._now = now
        self._monotonic = monotonic
        self._lease_s = lease_s
        self._numbers = itertools.count(1)
        self._served: dict[str, int] = {}

    def claim(
        self, queue: Queue, worker: str, *, at_most_chunks: int | None = None, job_id: str = ""
    ) -> tuple[Job, Lease] | None:
        """The next job of the queue, or the one of that id, leased; None where none waits that may run.

        The owner with the fewest running jobs is next, then the one served longest ago; of an owner's jobs
        the first in line. A job waits for earlier jobs of its collection with the same name or bytes. With
        ``at_most_chunks``, only a job that was never tried in this step and has no more.
        """
        now, number = self._now().isoformat(), next(self._numbers)
        token = f"{self._instance}:{number}"
        with self._database.transaction() as connection:
            if job_id:
                found = self._first(connection, queue, "j.id = ?", (job_id,))
            else:
                found = self._next(connection, queue, at_most_chunks)
            if found is None:
                return None
            state: State = "parsing" if found.state == "stored" and found.kind == "ingest" else found.state
            connection.execute(
                "UPDATE job SET lease = ?, lease_until = ?, attempt = attempt + 1, state = ?, step = ?,"
                " started_at = coalesce(started_at, ?), updated_at = ?, retry_at = NULL WHERE seq = ?",
                (token, self._monotonic() + self._lease_s, state, state, now, now, found.seq),
            )
            connection.execute(
                "INSERT INTO job_attempt (job_id, number, step, worker, started_at) SELECT ?1,"
                " coalesce(max(number), 0) + 1, ?2, ?3, ?4 FROM job_attempt WHERE job_id = ?1",
                (found.id, state, worker, now),
            )
            if state != found.state:
                record(connection, found.id, now, state)
            row = connection.execute("SELECT * FROM job WHERE seq = ?", (found.seq,)).fetchone()
        self._served[found.owner] = number
        return job_of(row), Lease(found.id, token)

    def extend(self, lease: Lease) -> None:
        """A sign of life: the lease lasts from now. Raises ``LeaseLost``."""
        with self._database.transaction() as connection:
            self._change(connection, lease, "lease_until = ?", (self._monotonic() + self._lease_s,))

    def check(self, lease: Lease) -> None:
        """Raise ``LeaseLost`` where the worker should stop: its lease was taken, or its job is to end."""
        row = self._database.connection().execute(
            "SELECT 1 FROM job WHERE id = ? AND lease = ? AND state <> 'cancelling'",
            (lease.job_id, lease.token),
        )
        if row.fetchone() is None:
            raise LeaseLost(f"job {lease.job_id} is no longer this worker's")

    def leased(self, lease: Lease) -> Job | None:
        """The job, as long as the lease is its; None where it has ended or is in other hands."""
        row = (
            self._database.connection()
            .execute("SELECT * FROM job WHERE id = ? AND lease = ?", (lease.job_id, lease.token))
            .fetchone()
        )
        return None if row is None else job_of(row)

    def advance(self, lease: Lease, step: Step, *, hand_over: bool = False, **facts: Unpack[Facts]) -> Job:
        """Go to the next step, and give the lease back where another worker does it. Raises ``LeaseLost``."""
        given = "lease = NULL, attempt = 0," if hand_over else "attempt = 1,"
        with self._database.transaction() as connection:
            job = self._change(
                connection,
                lease,
                f"{given} state = ?, step = ?, due = 0, code = '', message = ''",
                (step, step),
                facts,
            )
            record(connection, job.id, self._now().isoformat(), step)
            if hand_over:
                close_attempt(connection, job.id, self._now().isoformat(), "done")
        return job

    def finish(
        self, lease: Lease, outcome: Outcome, *, held: bool = False, **facts: Unpack[Facts]
    ) -> tuple[Job, set[str]]:
        """The job is ready; its family, and older failed jobs of its name, let go of what they hold.

        ``held``: its version stays staged for the reindex it belongs to. Gives back the hashes of the bytes
        that somebody let go of. Raises ``LeaseLost``.
        """
        now = self._now().isoformat()
        with self._database.transaction() as connection:
            job = self._change(
                connection,
                lease,
                "lease = NULL, state = 'ready', outcome = ?, held = ?, code = '', message = '', ended_at = ?",
                (outcome, int(held), now),
                facts,
            )
            let_go = connection.execute(
                "UPDATE job SET held = 0 WHERE held = 1 AND (parent = ?1 OR (collection_id = ?2 AND name = ?3"
                " AND parent = ?4 AND state = 'failed' AND seq < ?5)) RETURNING sha256",
                (job.id, job.collection_id, job.name, job.parent, job.seq),
            ).fetchall()
            record(connection, job.id, now, "ready", outcome)
            close_attempt(connection, job.id, now, "done")
        return job, {job.sha256, *(row["sha256"] for row in let_go)}

    def fail(self, lease: Lease, code: str, message: str, **facts: Unpack[Facts]) -> Job:
        """The job failed for a reason of its own. Raises ``LeaseLost``."""
        with self._database.transaction() as connection:
            job = self._change(
                connection,
                lease,
                "lease = NULL, state = 'failed', code = ?, message = ?, ended_at = ?",
                (code, message, self._now().isoformat()),
                facts,
            )
            record(connection, job.id, self._now().isoformat(), "failed", code, message)
            close_attempt(connection, job.id, self._now().isoformat(), "failed", message)
        return job

    def put_back(
        self, lease: Lease, *, wait_s: float = 0.0, code: str = "", message: str = "", counted: bool = False
    ) -> None:
        """Let the job wait for a worker again, at the same step, not before ``wait_s`` have passed.

        The try counts towards the limit only where ``counted``. Raises ``LeaseLost``.
        """
        now = self._now()
        retry_at = datetime.fromtimestamp(now.timestamp() + wait_s, tz=now.tzinfo).isoformat()
        with self._database.transaction() as connection:
            before = self._held(connection, lease)
            job = self._change(
                connection,
                lease,
                "lease = NULL, due = ?, retry_at = ?, code = ?, message = ?, attempt = attempt - ?",
                (
                    self._monotonic() + wait_s if wait_s else 0.0,
                    retry_at if wait_s else None,
                    code,
                    message,
                    0 if counted else 1,
                ),
            )
            if code and code != before.code:
                record(connection, job.id, now.isoformat(), "waiting", code, message)
            close_attempt(connection, job.id, self._now().isoformat(), "put back", message)

    def _next(self, connection: sqlite3.Connection, queue: Queue, at_most: int | None) -> Job | None:
        waiting = [
            row["owner"]
            for row in connection.execute(  # from owner to owner by the index, however long the line is
                "WITH RECURSIVE waiting (owner) AS ("
                " SELECT min(owner) FROM job WHERE queue = ?1 AND lease IS NULL UNION ALL"
                " SELECT (SELECT min(owner) FROM job WHERE queue = ?1 AND lease IS NULL AND owner > w.owner)"
                "  FROM waiting w WHERE w.owner IS NOT NULL)"
                " SELECT owner FROM waiting WHERE owner IS NOT NULL",
                (queue,),
            )
        ]
        running: dict[str, int] = dict(
            connection.execute(
                "SELECT owner, count(*) FROM job WHERE lease IS NOT NULL GROUP BY owner"
            ).fetchall()
        )
        fresh = "" if at_most is None else " AND j.kind = 'ingest' AND j.attempt = 0 AND j.chunks <= ?"
        most = () if at_most is None else (at_most,)
        for owner in sorted(waiting, key=lambda o: (running.get(o, 0), self._served.get(o, 0), o)):
            found = self._first(connection, queue, f"j.owner = ?{fresh}", (owner, *most))
            if found is not None:
                return found
        return None

    def _first(
        self, connection: sqlite3.Connection, queue: Queue, which: str, values: tuple[str | int, ...]
    ) -> Job | None:
        """The first in line of ``which`` jobs wait in the queue and for no other job."""
        row = connection.execute(
            f"SELECT j.* FROM job j WHERE {which} AND j.queue = ? AND j.lease IS NULL"  # noqa: S608 - literals of this file
            " AND j.due <= ? AND NOT EXISTS (SELECT 1 FROM job e WHERE e.turn < j.turn"
            "  AND e.collection_id = j.collection_id AND e.name = j.name AND e.parent = j.parent"
            "  AND e.state NOT IN ('ready', 'failed', 'cancelled'))"
            " AND NOT EXISTS (SELECT 1 FROM job e WHERE j.sha256 <> '' AND e.held = 1 AND e.turn < j.turn"
            "  AND e.sha256 = j.sha256 AND e.collection_id = j.collection_id AND e.parent = j.parent"
            "  AND e.state NOT IN ('ready', 'failed', 'cancelled'))"
            " ORDER BY j.turn LIMIT 1",
            (*values, queue, self._monotonic()),
        ).fetchone()
        return None if row is None else job_of(row)

    def _held(self, connection: sqlite3.Connection, lease: Lease) -> Job:
        row = connection.execute(
            "SELECT * FROM job WHERE id = ? AND lease = ? AND state <> 'cancelling'",
            (lease.job_id, lease.token),
        ).fetchone()
        if row is None:
            raise LeaseLost(f"job {lease.job_id} is no longer this worker's")
        return job_of(row)

    def _change(
        self,
        connection: sqlite3.Connection,
        lease: Lease,
        assignments: str,
        values: tuple[object, ...],
        facts: Facts | None = None,
    ) -> Job:
        before = self._held(connection, lease)
        known = _columns(facts or {})
        sets = "".join(f"{name} = ?, " for name in known) + assignments
        row = connection.execute(
            f"UPDATE job SET {sets}, updated_at = ? WHERE id = ? RETURNING *",  # noqa: S608 - names are those of Facts
            (*known.values(), *values, self._now().isoformat(), lease.job_id),
        ).fetchone()
        after = job_of(row)
        if after.state != before.state and not may_follow(before.state, after.state):
            raise ValueError(f"a job cannot go from {before.state} to {after.state}")
        return after


def _columns(facts: Facts) -> dict[str, object]:
    packed: dict[str, object] = dict(facts)
    if "notices" in facts:
        packed["notices"] = pack_notices(facts["notices"])
    if "seconds" in facts:
        packed["seconds"] = json.dumps(facts["seconds"])
    return packed
