"""What a job is: its states, the steps between them, and a row of it."""

import json
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from app.storage.notices import unpack_notices
from retrieval.types import Notice

Kind = Literal["ingest", "reindex"]
Duplicates = Literal["skip", "replace", "keep"]
Outcome = Literal["", "added", "replaced", "unchanged", "skipped", "renamed", "reindexed", "gone"]
Step = Literal["stored", "parsing", "chunking", "embedding", "indexing", "publishing"]
State = Literal[
    "stored", "parsing", "chunking", "embedding", "indexing", "publishing",
    "ready", "failed", "cancelling", "cancelled",
]  # fmt: skip
Queue = Literal["parse", "index"]
STEPS: tuple[Step, ...] = get_args(Step)
TERMINAL: frozenset[State] = frozenset(("ready", "failed", "cancelled"))


def may_follow(before: State, after: State) -> bool:
    """Whether a job may go from one state to the other.

    Steps only go forward, but for a reindex, which finds that documents came while it was building.
    """
    if before in ("ready", "cancelled"):
        return False
    if before == "failed":
        return after in STEPS or after == "cancelled"
    if before == "cancelling":
        return after == "cancelled"
    if after in ("failed", "cancelling", "cancelled", "ready"):
        return True
    if (before, after) == ("publishing", "indexing"):
        return True
    return after in STEPS and STEPS.index(after) > STEPS.index(before)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be. ``batch`` joins what was handed in together; ``parent`` is the reindex it belongs to.

    ``document_id``: of a document whose kept bytes are read again, "" for bytes that are handed in.
    """

    kind: Kind
    collection_id: str
    name: str
    sha256: str = ""
    size_bytes: int = 0
    duplicates: Duplicates = "keep"
    batch: str = ""
    owner: str = ""
    parent: str = ""
    document_id: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it stands.

    ``turn`` is its place in the line: the order of handing in, but a retried job stands at the end again.
    ``step`` is the step it is at, was at when it failed, or was cancelled in. ``attempt`` counts the tries of
    this step from 1 (0: none yet). ``lease`` names the worker that runs it, None while it waits. ``held``:
    its bytes and its unpublished version are kept. ``code`` and ``message`` say why it failed or waits,
    ``retry_at`` until when. ``seconds`` by step.
    """

    seq: int
    turn: int
    id: str
    kind: Kind
    batch: str
    owner: str
    parent: str
    collection_id: str
    name: str
    sha256: str
    size_bytes: int
    duplicates: Duplicates
    document_id: str
    version: int
    state: State
    step: Step
    held: bool
    outcome: Outcome
    attempt: int
    code: str
    message: str
    notices: tuple[Notice, ...]
    seconds: tuple[tuple[str, float], ...]
    pages: int
    chunks: int
    tokens: int
    reused: int
    lease: str | None
    lease_until: float
    due: float
    retry_at: datetime | None
    created_at: datetime
    started_at: datetime | None
    updated_at: datetime
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in TERMINAL


@dataclass(frozen=True, slots=True)
class Unread:
    """A waiting job whose file is to be read, and what reading it takes."""

    job_id: str
    name: str
    collection_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A change of a job's state, or a milestone inside one; ``id`` only grows."""

    id: int
    job_id: str
    at: datetime
    state: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class JobAttempt:
    """One worker's try: from which step, by whom, how it ended ("" while it runs)."""

    number: int
    step: Step
    worker: str
    started_at: datetime
    ended_at: datetime | None
    outcome: str
    message: str


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to work on a job: every write names it, so a worker that lost it can change nothing."""

    job_id: str
    token: str


def job_of(row: sqlite3.Row) -> Job:
    """The job in a row with all columns."""
    return Job(
        seq=row["seq"],
        turn=row["turn"],
        id=row["id"],
        kind=row["kind"],
        batch=row["batch"],
        owner=row["owner"],
        parent=row["parent"],
        collection_id=row["collection_id"],
        name=row["name"],
        sha256=row["sha256"],
        size_bytes=row["size_bytes"],
        duplicates=row["duplicates"],
        document_id=row["document_id"],
        version=row["version"],
        state=row["state"],
        step=row["step"],
        held=bool(row["held"]),
        outcome=row["outcome"],
        attempt=row["attempt"],
        code=row["code"],
        message=row["message"],
        notices=unpack_notices(row["notices"]),
        seconds=tuple(json.loads(row["seconds"]).items()),
        pages=row["pages"],
        chunks=row["chunks"],
        tokens=row["tokens"],
        reused=row["reused"],
        lease=row["lease"],
        lease_until=row["lease_until"],
        due=row["due"],
        retry_at=_time(row["retry_at"]),
        created_at=datetime.fromisoformat(row["created_at"]),
        started_at=_time(row["started_at"]),
        updated_at=datetime.fromisoformat(row["updated_at"]),
        ended_at=_time(row["ended_at"]),
    )


def event_of(row: sqlite3.Row) -> JobEvent:
    """The event in a row."""
    at = datetime.fromisoformat(row["at"])
    return JobEvent(row["id"], row["job_id"], at, row["state"], row["code"], row["message"])


def attempt_of(row: sqlite3.Row) -> JobAttempt:
    """The attempt in a row."""
    return JobAttempt(
        row["number"],
        row["step"],
        row["worker"],
        datetime.fromisoformat(row["started_at"]),
        _time(row["ended_at"]),
        row["outcome"],
        row["message"],
    )


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
