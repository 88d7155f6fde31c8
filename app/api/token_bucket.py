"""How often one caller may ask: token buckets in memory.

Source: the token bucket of traffic shaping (RFC 2697 section 3 for the arithmetic).
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

MINUTE_S = 60.0
MOST_CALLERS = 10_000  # of the latest; some 2 MB


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a caller stands: whether he may go on, ``left`` requests at once, ``wait_s`` until there is one.

    ``full_s``: seconds until nothing of what he used counts any more.
    """

    allowed: bool
    left: int
    wait_s: float
    full_s: float


class Buckets:
    """A bucket for each caller: ``per_minute`` requests at once at most, refilled evenly within a minute.

    The callers that asked longest ago are forgotten beyond ``most``; a forgotten one begins anew. Used from
    the event loop only.
    """

    def __init__(
        self, per_minute: int, *, most: int = MOST_CALLERS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.per_minute = per_minute
        self._most = most
        self._clock = clock
        self._rate = per_minute / MINUTE_S
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()  # level, and when it was that

    def __len__(self) -> int:
        return len(self._buckets)

    def look(self, caller: str) -> Standing:
        """Where he stands, without using anything."""
        return self._standing(self._level(caller))

    def take(self, caller: str) -> Standing:
        """Where he stands after one request, which is counted only where it is allowed."""
        level = self._level(caller)
        if level < 1:
            return self._standing(level)
        self._buckets[caller] = (level - 1, self._clock())
        self._buckets.move_to_end(caller)
        while len(self._buckets) > self._most:
            self._buckets.popitem(last=False)
        return Standing(True, math.floor(level - 1), 0.0, (self.per_minute - level + 1) / self._rate)

    def _level(self, caller: str) -> float:
        level, at = self._buckets.get(caller, (float(self.per_minute), self._clock()))
        return min(float(self.per_minute), level + max(0.0, self._clock() - at) * self._rate)

    def _standing(self, level: float) -> Standing:
        wait_s = max(0.0, 1 - level) / self._rate
        return Standing(level >= 1, math.floor(level), wait_s, (self.per_minute - level) / self._rate)
