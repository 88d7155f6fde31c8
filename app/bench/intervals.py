"""How far a mean may be off: percentile bootstrap over questions (Efron and Tibshirani 1993, chapter 13)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ROUNDS = 2_000
SEED = 20_250_101


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float


def interval(values: Sequence[float]) -> Interval:
    """The mean of at least one value. The same values give the same interval.

    For two systems on the same questions, give the differences question by question: the interval is paired.
    """
    if not values:
        raise ValueError("no value to average over")
    drawn = np.random.default_rng(SEED).integers(0, len(values), (ROUNDS, len(values)))
    means = np.asarray(values, dtype=np.float64)[drawn].mean(axis=1)  # (ROUNDS, n) -> (ROUNDS,)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(round(float(np.mean(values)), 4), round(float(low), 4), round(float(high), 4))
