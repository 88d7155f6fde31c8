"""How far a mean may be off: percentile bootstrap over questions (Efron and Tibshirani 1993, chapter 13)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

ROUNDS = 2_000
SEED = 20_250_101
Drawn = NDArray[np.int64]


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
    means = np.asarray(values, dtype=np.float64)[_draws(len(values))].mean(axis=1)  # (ROUNDS, n) -> (ROUNDS,)
    return _rounded(float(np.mean(values)), means)


def statistic_interval(statistic: Callable[[Drawn], float], n: int) -> Interval | None:
    """The interval of any statistic of n questions, given their indices; None where it is NaN.

    Draws for which it is NaN (nothing to divide by) are left out.
    """
    if not n or np.isnan(value := statistic(np.arange(n))):
        return None
    drawn = np.array([statistic(each) for each in _draws(n)])
    return _rounded(value, drawn[~np.isnan(drawn)])


@lru_cache(maxsize=2)  # many measures over the same questions
def _draws(n: int) -> Drawn:
    return np.random.default_rng(SEED).integers(0, n, (ROUNDS, n))


def _rounded(value: float, drawn: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(drawn, (2.5, 97.5))
    return Interval(round(value, 6), round(float(low), 6), round(float(high), 6))
