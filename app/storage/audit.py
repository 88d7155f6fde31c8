"""Rows of the audit log: appended, never changed, each bound to the one before it by a digest."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from sqlite3 import Row
from typing import Literal

from app.storage.database import Database

Outcome = Literal["ok", "refused", "failed"]
FIRST = bytes(32)  # what stands before the first entry


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What somebody did. ``seq`` counts from 1 without a gap.

    ``actor`` and ``target`` are ids, ``via`` is "session", "key:<id>" or "local", ``details`` a few plain
    values. ``digest``: SHA-256 over the digest before and the canonical JSON of all the rest, in hex.
    """

    seq: int
    at: datetime
    actor: str
    actor_name: str
    via: str
    address: str
    action: str
    target: str
    result: Outcome
    details: Mapping[str, str]
    digest: str


@dataclass(frozen=True, slots=True)
class Verified:
    """What reading the whole chain found.

    ``entries`` that fit, up to the first that does not, whose place is ``broken_at`` (0: none). ``digest`` of
    the last that fits, in hex. ``reason`` is "" where all fit.
    """

    entries: int
    digest: str
    broken_at: int = 0
    reason: str = ""


class AuditTable:
    """Append to the log and read it. Triggers refuse every change of a row, and every deletion."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now

    def append(
        self,
        *,
        actor: str,
        actor_name: str,
        via: str,
        address: str,
        action: str,
        target: str,
        result: Outcome,
        details: Mapping[str, str],
    ) -> None:
        """Add an entry, in the transaction that is open where there is one."""
        with self._database.transaction() as connection:
            last = connection.execute("SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
            seq, before = (1, FIRST) if last is None else (last["seq"] + 1, last["digest"])
            at, told = self._now().isoformat(), json.dumps(dict(details), sort_keys=True, ensure_ascii=False)
            values = (seq, at, actor, actor_name, via, address, action, target, result, told)
            connection.execute(
                "INSERT INTO audit (seq, at, actor, actor_name, via, address, action, target, result,"
                " details, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, _digest(before, values)),
            )

    def page(
        self, *, before: int = 0, limit: int = 50, actor: str = "", action: str = ""
    ) -> list[AuditEntry]:
        """Entries, newest first, those with a ``seq`` below ``before`` (0: from the newest).

        ``actor``: only his, by id; ``action``: only that. "": all.
        """
        rows = self._database.connection().execute(
            "SELECT * FROM audit WHERE (?1 = 0 OR seq < ?1) AND (?2 = '' OR actor = ?2)"
            " AND (?3 = '' OR action = ?3) ORDER BY seq DESC LIMIT ?4",
            (before, actor, action, limit),
        )
        return [_entry(row) for row in rows]

    def verify(self) -> Verified:
        """Read the chain from its beginning.

        Finds a changed entry, one that is missing or put in between, and entries cut off at the end where
        SQLite's own count of them was left alone. Who may write the file may compute a whole new chain:
        compare a digest that was noted elsewhere, see ``holds``.
        """
        before, entries = FIRST, 0
        for row in self._rows():
            seq, due = row["seq"], entries + 1
            if seq != due:
                return Verified(entries, before.hex(), due, f"entry {due} is missing")
            if _digest(before, _values(row)) != row["digest"]:
                return Verified(entries, before.hex(), due, f"entry {due} was changed, or one before it")
            before, entries = row["digest"], due
        counted = self._counted()
        if counted != entries:
            gone = f"entries {entries + 1} to {counted} are cut off"
            return Verified(entries, before.hex(), entries + 1, gone)
        return Verified(entries, before.hex())

    def holds(self, digest: str) -> bool:
        """Whether an entry has that digest (hex)."""
        try:
            value = bytes.fromhex(digest)
        except ValueError:
            return False
        return any(row["digest"] == value for row in self._rows())

    def _rows(self) -> Iterator[Row]:
        yield from self._database.connection().execute("SELECT * FROM audit ORDER BY seq")

    def _counted(self) -> int:
        counted = self._database.connection().execute(
            "SELECT seq FROM sqlite_sequence WHERE name = 'audit'"
        )
        row = counted.fetchone()
        return 0 if row is None else int(row["seq"])


def _values(row: Row) -> tuple[object, ...]:
    return tuple(row)[:-1]  # all but the digest, in the order of the table


def _digest(before: bytes, values: tuple[object, ...]) -> bytes:
    canonical = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return sha256(before + canonical.encode("utf-8", "surrogatepass")).digest()


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        row["seq"],
        datetime.fromisoformat(row["at"]),
        row["actor"],
        row["actor_name"],
        row["via"],
        row["address"],
        row["action"],
        row["target"],
        row["result"],
        json.loads(row["details"]),
        row["digest"].hex(),
    )
