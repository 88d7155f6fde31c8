"""A circuit breaker: a model that keeps failing is left alone for a while instead of being waited for."""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

BreakerState = Literal["closed", "open", "half_open", "off"]


@dataclass(frozen=True, slots=True)
class BreakerStatus:
    """What has happened so far. ``off``: never tried again; ``retry_in_s``: 0 unless open.

    ``calls`` were let in; ``refused`` were not, because the breaker was open; ``failures`` by reason, in
    order of name.
    """

    state: BreakerState
    retry_in_s: float
    calls: int
    failures: tuple[tuple[str, int], ...]
    refused: int
    opens: int


@dataclass(frozen=True, slots=True)
class Permit:
    """Leave to make one call, to be given back by ``succeeded``, ``failed`` or ``abandoned``."""

    probe: bool


class CircuitBreaker:
    """Decides who may call. Thread-safe; it calls nobody itself.

    It opens when, of the calls that ended within ``window_s``, at least ``failures`` failed and they are at
    least half of them: a few failures among many successes do not take a model away. After ``pause_s`` one
    caller is let in to probe: success closes, failure opens again for twice as long, ``longest_pause_s`` at
    most. The states are those of M. Nygard, Release It! (2007), "Circuit Breaker".
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        window_s: float = 60.0,
        pause_s: float = 30.0,
        longest_pause_s: float = 600.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limit = failures
        self._window_s = window_s
        self._first_pause_s = pause_s
        self._longest_pause_s = longest_pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._state: BreakerState = "closed"
        self._until = 0.0
        self._pause_s = pause_s
        self._ended: deque[tuple[float, bool]] = deque()
        self._calls = 0
        self._refused = 0
        self._opens = 0
        self._failures: Counter[str] = Counter()

    def enter(self) -> Permit | None:
        """Leave to call, or None where the model is to be left alone."""
        with self._lock:
            if self._state == "open" and self._clock() >= self._until:
                self._state = "half_open"
                self._calls += 1
                return Permit(probe=True)
            if self._state == "closed":
                self._calls += 1
                return Permit(probe=False)
            self._refused += 1
            return None

    def succeeded(self, permit: Permit) -> None:
        """The call gave what it should."""
        with self._lock:
            if permit.probe and self._state == "half_open":
                self._state = "closed"
                self._pause_s = self._first_pause_s
                self._ended.clear()
            self._note(ok=True)

    def failed(self, permit: Permit, reason: str) -> None:
        """The call gave nothing; ``reason`` is a short word to count by."""
        with self._lock:
            self._failures[reason] += 1
            self._note(ok=False)
            if permit.probe and self._state == "half_open":
                self._pause_s = min(self._longest_pause_s, 2 * self._pause_s)
                self._open()
            elif self._state == "closed":
                failed = sum(not ok for _, ok in self._ended)
                if failed >= self._limit and 2 * failed >= len(self._ended):
                    self._open()

    def abandoned(self, permit: Permit) -> None:
        """The call was stopped by its caller, which says nothing about the model; the next one may probe."""
        with self._lock:
            if permit.probe and self._state == "half_open":
                self._state = "open"

    def trip(self, *, forever: bool) -> None:
        """Open now; with ``forever`` nobody is let in again."""
        with self._lock:
            self._open()
            if forever:
                self._state = "off"

    def status(self) -> BreakerStatus:
        """State and counts at this moment."""
        with self._lock:
            waiting = max(0.0, self._until - self._clock()) if self._state == "open" else 0.0
            return BreakerStatus(
                state=self._state,
                retry_in_s=waiting,
                calls=self._calls,
                failures=tuple(sorted(self._failures.items())),
                refused=self._refused,
                opens=self._opens,
            )

    def _note(self, *, ok: bool) -> None:
        now = self._clock()
        self._ended.append((now, ok))
        while self._ended[0][0] <= now - self._window_s:
            self._ended.popleft()

    def _open(self) -> None:
        self._state = "open"
        self._until = self._clock() + self._pause_s
        self._opens += 1
