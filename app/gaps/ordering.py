"""Which gaps come first: those asked often and lately."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

Order = Literal["weight", "asked", "latest"]
HALF_LIFE = timedelta(days=30)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def log_weight(times: Iterable[datetime]) -> float:
    """The base-2 logarithm of how often something was asked, each time halved for every 30 days of age.

    As seen from ``EPOCH``, so that it never changes with the clock: all gaps fade alike, and their order, and
    a cursor in it, stay what they were. Source: exponential decay; log-sum-exp against overflow.
    """
    ages = [(each - EPOCH) / HALF_LIFE for each in times]
    most = max(ages)
    return most + math.log2(sum(2.0 ** (each - most) for each in ages))


def weight(logarithm: float, now: datetime) -> float:
    """The decayed count as of now, from ``log_weight``."""
    return float(2.0 ** (logarithm - (now - EPOCH) / HALF_LIFE))
