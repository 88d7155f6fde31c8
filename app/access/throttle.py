"""Guessing made slow: each failed sign-in makes the next wait longer, of its name and of its address."""

import ipaddress
import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from app.access.audit import Audit
from app.errors import TooManyAttempts
from app.settings import AccessSettings
from app.storage.attempts import AttemptTable, Failures
from app.storage.database import Database


@dataclass(frozen=True, slots=True)
class Subject:
    """What failures are counted for: a name or an address, of which only the digest is kept."""

    kind: Literal["name", "address"]
    digest: bytes
    free: int
    forgive_s: float


@dataclass(frozen=True, slots=True)
class Counted:
    """A failure that was counted: what was kept of its subject before and after."""

    subject: Subject
    before: Failures | None
    after: Failures


@dataclass(frozen=True, slots=True)
class Attempt:
    """A sign-in that is under way: counted as failed until it is said otherwise."""

    counted: tuple[Counted, ...]
    address: str


class Throttle:
    """Counts failures in SQLite, so that a restart forgives nothing.

    The first few are free; then a wait doubles from ``first_wait_s`` to ``longest_wait_s`` with each further
    failure. One failure is forgiven for each ``forgive_…_s`` that passes, so a hundred people behind one
    address do not add up, and a guesser gets ever less. While it waits, a sign-in is refused without a look
    at its password and counts nothing: knocking neither helps nor prolongs. Names nobody has are counted
    alike, or the wait would tell which there are.

    A clock set forward forgives early, which nobody outside can bring about. One set back must neither lock
    out nor let in: a failure from the future counts as one of now, so what is left to wait is at most the
    whole wait once more, and never less than before.
    """

    def __init__(
        self, database: Database, audit: Audit, *, settings: AccessSettings, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._audit = audit
        self._settings = settings
        self._now = now
        self._table = AttemptTable(database)
        self._doublings = math.ceil(math.log2(max(settings.longest_wait_s / settings.first_wait_s, 1)))

    def begin(self, key: str | None, address: str) -> Attempt:
        """Begin a sign-in. Raises ``TooManyAttempts`` while its name or its address must wait.

        It is counted as failed at once and taken back if it succeeds: of a hundred at the same moment, no
        more get through than of a hundred in a row. ``key`` is that of the name, None where none is asked
        for; ``address`` "" is none.
        """
        named = () if key is None else (self._name(key),)
        subjects = (*named, self._address(address)) if address else named
        with self._database.transaction():
            wait_s = max((self._left_s(each) for each in subjects), default=0.0)
            if wait_s <= 0:
                return Attempt(tuple(self._count(each) for each in subjects), address)
        seconds = math.ceil(wait_s)
        raise TooManyAttempts(
            f"too many sign-ins failed for this name or from this address; wait {seconds} s", seconds
        )

    def succeeded(self, attempt: Attempt) -> None:
        """It was the right password: its name is forgiven everything.

        The address is forgiven this one only, or a guesser with an account of his own would start anew with
        every sign-in of it.
        """
        with self._database.transaction():
            for each in attempt.counted:
                if each.subject.kind == "name":
                    self._table.forget(each.subject.digest)
                else:
                    self._take_back(each)

    def withdrawn(self, attempt: Attempt) -> None:
        """Nobody has looked at its password: it does not count."""
        with self._database.transaction():
            for each in attempt.counted:
                self._take_back(each)

    def failed(self, attempt: Attempt, target: str = "") -> None:
        """It stays counted; where a wait begins, that is written down. ``target``: the user's id."""
        for each in attempt.counted:
            wait_s = self._wait_s(each.subject, each.after)
            if wait_s > 0:
                told = {"of": each.subject.kind, "wait_s": f"{wait_s:g}"}
                self._audit.note(
                    None, "throttled", target, result="refused", address=attempt.address, details=told
                )

    def unlock(self, key: str) -> bool:
        """Forgive a name; False where there was nothing to forgive."""
        return self._table.forget(self._name(key).digest)

    def unlock_address(self, address: str) -> bool:
        """Forgive an address; False where there was nothing to forgive."""
        return self._table.forget(self._address(address).digest)

    def _name(self, key: str) -> Subject:
        settings = self._settings
        return Subject("name", _digest("name", key), settings.free_failures, settings.forgive_name_s)

    def _address(self, address: str) -> Subject:
        settings = self._settings
        digest = _digest("address", network(address))
        return Subject("address", digest, settings.free_address_failures, settings.forgive_address_s)

    def _left_s(self, subject: Subject) -> float:
        found = self._table.of(subject.digest)
        if found is None:
            return 0.0
        now = self._now()
        if found.last_at > now:  # the clock was set back: kept, or the wait would begin anew with every try
            found = Failures(found.count, now)
            self._table.put(subject.digest, found)
        return self._wait_s(subject, found) - (now - found.last_at).total_seconds()

    def _wait_s(self, subject: Subject, failures: Failures) -> float:
        beyond = math.ceil(failures.count) - subject.free
        if beyond < 0:
            return 0.0
        doubled_s = self._settings.first_wait_s * 2.0 ** min(beyond, self._doublings)
        return min(self._settings.longest_wait_s, doubled_s)

    def _count(self, subject: Subject) -> Counted:
        """One failure more, after what time has forgiven."""
        now, before = self._now(), self._table.of(subject.digest)
        left = 0.0
        if before is not None:
            passed_s = max((now - before.last_at).total_seconds(), 0.0)
            left = max(before.count - passed_s / subject.forgive_s, 0.0)
        most = float(subject.free + self._doublings)  # more would only take longer to be forgiven
        after = Failures(min(left + 1, most), now)
        self._table.put(subject.digest, after)
        longest_s = most * max(self._settings.forgive_name_s, self._settings.forgive_address_s)
        self._table.forget_before(now - timedelta(seconds=longest_s + self._settings.longest_wait_s))
        return Counted(subject, before, after)

    def _take_back(self, counted: Counted) -> None:
        """As if it had not been counted; others that were counted meanwhile stay."""
        digest, found = counted.subject.digest, self._table.of(counted.subject.digest)
        if found == counted.after:
            if counted.before is None:
                self._table.forget(digest)
            else:
                self._table.put(digest, counted.before)
        elif found is not None:
            self._table.put(digest, Failures(found.count - 1, found.last_at))


def network(address: str) -> str:
    """What an address is counted as: an IPv6 address as its /64, for one person has all of that."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))


def _digest(kind: str, value: str) -> bytes:
    return sha256(f"{kind}:{value}".encode("utf-8", "replace")).digest()
