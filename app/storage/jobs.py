"""Rows of jobs, their attempts and events: handed in, listed, retried, pruned (``job_leases`` runs them)."""

import json
import sqlite3
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.errors import BadRequest, NotFound
from app.storage.database import Database
from app.storage.job_types import (
    Job,
    JobAttempt,
    JobEvent,
    NewJob,
    State,
    Unread,
    attempt_of,
    event_of,
    job_of,
)

KEPT_ENDED = 10_000  # ended jobs that are listed; older ones are forgotten first
RECENT = 50  # finished jobs whose speed tells how long the next will take


class Jobs:
    """Every job that is known, by id or page by page, and what happened to it."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def add(self, new: NewJob) -> Job:
        """A job in state stored; committed, and on the disk, when this returns outside a transaction.

        Raises ``NotFound`` for a collection that is gone.
        """
        job_id, now = uuid.uuid4().hex, self._now().isoformat()
        with self._database.transaction() as connection:
            there = connection.execute("SELECT 1 FROM collection WHERE id = ?", (new.collection_id,))
            if there.fetchone() is None:
                raise NotFound(f"the collection was deleted before {new.name!r} was in it")
            connection.execute(
                "INSERT INTO job (id, kind, batch, owner, parent, collection_id, name, sha256, size_bytes,"
                " duplicates, document_id, state, step, created_at, updated_at, turn) SELECT ?, ?, ?, ?, ?,"
                " ?, ?, ?, ?, ?, ?, 'stored', 'stored', ?, ?, coalesce(max(turn), 0) + 1 FROM job",
                (
                    job_id,
                    new.kind,
                    new.batch,
                    new.owner,
                    new.parent,
                    new.collection_id,
                    new.name,
                    new.sha256,
                    new.size_bytes,
                    new.duplicates,
                    new.document_id,
                    now,
                    now,
                ),
            )
            for state in ("received", "stored"):
                record(connection, job_id, now, state)
        return self.get(job_id)

    def get(self, job_id: str) -> Job:
        """The job. Raises ``NotFound``."""
        row = self._database.connection().execute("SELECT * FROM job WHERE id = ?", (job_id,)).fetchone()
        if row is None:
            raise NotFound(missing(job_id))
        return job_of(row)

    def page(
        self,
        *,
        collections: frozenset[str] | None = None,
        states: Sequence[State] = (),
        batch: str = "",
        parent: str | None = "",
        before: int = 0,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs that fit, newest first, those with a ``seq`` below ``before`` (0: from the newest).

        ``collections``: ids, None for all. ``parent``: the jobs of that reindex, "" those of none, None both.
        """
        where, values = _filter(collections, states, batch, parent)
        rows = self._database.connection().execute(
            f"SELECT * FROM job WHERE {where} AND (? = 0 OR seq < ?) ORDER BY seq DESC LIMIT ?",  # noqa: S608 - where is made of literals of this file
            (*values, before, before, limit),
        )
        return [job_of(row) for row in rows]

    def counts(
        self, *, collections: frozenset[str] | None = None, batch: str = ""
    ) -> dict[State, int]:
        """How many jobs of these collections (None: of all) are in each state."""
        where, values = _filter(collections, (), batch, "")
        rows = self._database.connection().execute(
            f"SELECT state, count(*) AS n FROM job WHERE {where} GROUP BY state",  # noqa: S608 - as above
            values,
        )
        return {row["state"]: row["n"] for row in rows}

    def family(self, parent: str) -> list[Job]:
        """The jobs of a reindex, oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM job WHERE parent = ? AND parent <> '' ORDER BY seq", (parent,)
        )
        return [job_of(row) for row in rows]

    def open(self, *, collection_id: str = "", name: str = "", kind: str = "") -> list[Job]:
        """Jobs that have not ended, oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM job WHERE state NOT IN ('ready', 'failed', 'cancelled')"
            " AND (?1 = '' OR collection_id = ?1) AND (?2 = '' OR name = ?2) AND (?3 = '' OR kind = ?3)"
            " ORDER BY seq",
            (collection_id, name, kind),
        )
        return [job_of(row) for row in rows]

    def running(self) -> list[Job]:
        """Jobs that a worker has, and reindexes that wait for theirs, oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM job WHERE lease IS NOT NULL UNION SELECT * FROM job WHERE kind = 'reindex'"
            " AND state NOT IN ('ready', 'failed', 'cancelled') ORDER BY seq"
        )
        return [job_of(row) for row in rows]

    def unread(self) -> list[Unread]:
        """The files of waiting jobs that must be read, first in line first.

        Left out: what the collection holds already, as far as that job would not keep it twice, and the
        second job of a name, whose result depends on the first.
        """
        rows = self._database.connection().execute(
            "SELECT id, name, collection_id, sha256 FROM (SELECT id, name, collection_id, sha256, turn,"
            "  duplicates = 'keep' AS twice,"
            "  row_number() OVER (PARTITION BY collection_id, name ORDER BY turn) AS nth_of_name,"
            "  row_number() OVER (PARTITION BY collection_id, sha256 ORDER BY turn) AS nth_of_bytes"
            "  FROM job WHERE queue = 'parse' AND lease IS NULL AND parent = '' AND due = 0) AS j"
            " WHERE nth_of_name = 1 AND (twice OR nth_of_bytes = 1) AND NOT EXISTS (SELECT 1 FROM version v"
            "  JOIN document d ON d.id = v.document_id AND d.current_version = v.version"
            "  WHERE v.sha256 = j.sha256 AND d.collection_id = j.collection_id"
            "   AND (d.name = j.name OR NOT twice))"
            " ORDER BY turn"
        )
        return [Unread(row["id"], row["name"], row["collection_id"], row["sha256"]) for row in rows]

    def line(self) -> dict[str, int]:
        """Of every waiting job, by id, how many wait before it in its queue."""
        rows = self._database.connection().execute(
            "SELECT id, row_number() OVER (PARTITION BY queue ORDER BY turn) - 1 AS ahead FROM job"
            " WHERE lease IS NULL AND queue IS NOT NULL"
        )
        return {row["id"]: row["ahead"] for row in rows}

    def retry(self, job_id: str) -> Job:
        """Let a failed job go on at the step that failed. Raises ``BadRequest`` where it cannot.

        What was to be published is indexed again: the vector index may have been filled anew since.
        """
        job, now = self.get(job_id), self._now().isoformat()
        if job.state != "failed":
            raise BadRequest(f"job {job_id!r} is {job.state}; only a failed job can be tried again")
        if not job.held:
            raise BadRequest(
                f"the bytes of {job.name!r} are no longer kept for job {job_id!r}: a newer upload took its "
                "place, or it is too long ago; upload the file again"
            )
        step = "indexing" if job.kind == "ingest" and job.step == "publishing" else job.step
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE job SET state = ?, step = ?, turn = (SELECT max(turn) + 1 FROM job), attempt = 0,"
                " due = 0, code = '', message = '', retry_at = NULL,"
                " ended_at = NULL, updated_at = ? WHERE id = ? AND state = 'failed'",
                (step, step, now, job_id),
            )
            record(connection, job_id, now, step, "retried")
        return self.get(job_id)

    def events(self, *, after: int, limit: int = 500) -> list[JobEvent]:
        """Events with an id above ``after``, oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM job_event WHERE id > ? ORDER BY id LIMIT ?", (after, limit)
        )
        return [event_of(row) for row in rows]

    def collection_of(self, job_id: str) -> str:
        """The id of the collection a job is for; "" where it is gone."""
        row = self._database.connection().execute("SELECT collection_id FROM job WHERE id = ?", (job_id,))
        found = row.fetchone()
        return str(found["collection_id"]) if found else ""

    def last_event(self) -> int:
        """The id of the newest event, 0 where there is none."""
        row = self._database.connection().execute("SELECT coalesce(max(id), 0) FROM job_event").fetchone()
        return int(row[0])

    def history(self, job_id: str) -> list[JobEvent]:
        """What happened to a job, oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM job_event WHERE job_id = ? ORDER BY id", (job_id,)
        )
        return [event_of(row) for row in rows]

    def attempts(self, job_id: str) -> list[JobAttempt]:
        """Every worker's try at a job, oldest first."""
        rows = self._database.connection().execute(
            "SELECT * FROM job_attempt WHERE job_id = ? ORDER BY number", (job_id,)
        )
        return [attempt_of(row) for row in rows]

    def finished(self, limit: int = RECENT) -> list[Job]:
        """The newest jobs that made a version, for how long such work takes here."""
        rows = self._database.connection().execute(
            "SELECT * FROM job WHERE state = 'ready' AND outcome IN ('added', 'replaced')"
            " ORDER BY seq DESC LIMIT ?",
            (limit,),
        )
        return [job_of(row) for row in rows]

    def same_bytes(self, collection_id: str, sha256: str, other_than: str) -> str | None:
        """The name of the first shown document of the collection made from these bytes, but for one name."""
        row = (
            self._database.connection()
            .execute(
                "SELECT d.name FROM document d"
                " JOIN version v ON v.document_id = d.id AND v.version = d.current_version"
                " WHERE d.collection_id = ? AND v.sha256 = ? AND d.name <> ? ORDER BY d.name LIMIT 1",
                (collection_id, sha256, other_than),
            )
            .fetchone()
        )
        return None if row is None else str(row["name"])

    def forget_old(self, *, keep_failed: timedelta, kept: int = KEPT_ENDED) -> list[str]:
        """Let go of what old failed jobs hold, and forget the oldest ended jobs; the hashes let go of."""
        before = (self._now() - keep_failed).isoformat()
        with self._database.transaction() as connection:
            let_go = connection.execute(
                "UPDATE job SET held = 0 WHERE held = 1 AND state = 'failed' AND ended_at < ?"
                " RETURNING sha256",
                (before,),
            ).fetchall()
            connection.execute(
                "UPDATE job SET held = 0 WHERE held = 1 AND parent <> '' AND parent NOT IN"
                " (SELECT id FROM job WHERE held = 1)"
            )
            connection.execute(
                "DELETE FROM job WHERE held = 0 AND state IN ('ready', 'failed', 'cancelled') AND seq <="
                " (SELECT seq FROM job ORDER BY seq DESC LIMIT 1 OFFSET ?)",
                (kept,),
            )
        return [row["sha256"] for row in let_go]


def record(
    connection: sqlite3.Connection, job_id: str, at: str, state: str, code: str = "", message: str = ""
) -> None:
    """Append an event, inside the transaction the connection is in."""
    connection.execute(
        "INSERT INTO job_event (job_id, at, state, code, message) VALUES (?, ?, ?, ?, ?)",
        (job_id, at, state, code, message),
    )


def close_attempt(
    connection: sqlite3.Connection, job_id: str, at: str, outcome: str, message: str = ""
) -> None:
    """End the try that is open, inside the transaction the connection is in."""
    connection.execute(
        "UPDATE job_attempt SET ended_at = ?, outcome = ?, message = ? WHERE job_id = ? AND ended_at IS NULL",
        (at, outcome, message, job_id),
    )


def _filter(
    collections: frozenset[str] | None, states: Sequence[State], batch: str, parent: str | None
) -> tuple[str, tuple[str, ...]]:
    parts: list[tuple[str, tuple[str, ...]]] = [("1 = 1", ())]
    if collections is not None:
        listed = json.dumps(sorted(collections))
        parts.append(("collection_id IN (SELECT value FROM json_each(?))", (listed,)))
    if states:
        parts.append((f"state IN ({','.join('?' * len(states))})", tuple(states)))
    if batch:
        parts.append(("batch = ?", (batch,)))
    if parent is not None:
        parts.append(("parent = ?", (parent,)))
    return " AND ".join(part for part, _ in parts), tuple(v for _, values in parts for v in values)


def missing(job_id: str) -> str:
    """What is said of a job that is not there, or not the asker's to see."""
    return f"job {job_id!r} does not exist; `touchstone jobs` lists what there is"
