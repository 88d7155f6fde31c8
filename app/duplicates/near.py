"""Pairs of near-equal texts among many: locality-sensitive hashing of MinHash signatures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from app.duplicates.signatures import PLACES, Signature

NEAR = 0.8  # Jaccard similarity from which texts count as near-duplicates
# 32 bands of 8: a pair of similarity 0.8 meets with probability 0.997, of 0.15 with 0.000008.
_ROWS = 8
_CROWD = 40  # members of a bucket beyond which only neighbours in it, and its first, are compared
_AT_ONCE = 20_000
_FACTOR = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Near:
    """Pairs (i < j) of rows with their estimated similarity; ``crowded``: buckets not compared whole."""

    pairs: tuple[tuple[int, int], ...]
    similarities: tuple[float, ...]
    crowded: int


def near_pairs(signatures: npt.NDArray[np.uint32], *, least: float = NEAR) -> Near:
    """Pairs of rows (shape (n, 256)) whose estimated similarity is at least ``least``."""
    count = len(signatures)
    found: list[npt.NDArray[np.int64]] = []
    crowded = 0
    for at in range(0, PLACES, _ROWS):
        keys = np.zeros(count, dtype=np.uint64)
        for column in range(at, at + _ROWS):
            keys = (keys ^ signatures[:, column]) * _FACTOR
        order = np.argsort(keys, kind="stable")
        borders = np.flatnonzero(np.diff(keys[order])) + 1
        for bucket in _buckets(order, borders):
            crowded += len(bucket) > _CROWD
            found.append(_meetings(bucket, count))
    if not found:
        return Near((), (), crowded)
    encoded = np.unique(np.concatenate(found))
    one, other = encoded // count, encoded % count
    parts = [
        (signatures[one[i : i + _AT_ONCE]] == signatures[other[i : i + _AT_ONCE]]).mean(axis=1)
        for i in range(0, len(encoded), _AT_ONCE)
    ]
    similar = np.concatenate(parts)
    kept = np.flatnonzero(similar >= least)
    return Near(
        tuple(zip(one[kept].tolist(), other[kept].tolist(), strict=True)),
        tuple(float(each) for each in similar[kept]),
        crowded,
    )


def groups(count: int, pairs: Sequence[tuple[int, int]]) -> list[list[int]]:
    """What hangs together by pairs, as ascending lists of more than one, ordered by their first."""
    leader = list(range(count))

    def lead(of: int) -> int:
        while leader[of] != of:
            leader[of] = leader[leader[of]]
            of = leader[of]
        return of

    for one, other in pairs:
        a, b = sorted((lead(one), lead(other)))
        leader[b] = a
    together: dict[int, list[int]] = {}
    for each in range(count):
        together.setdefault(lead(each), []).append(each)
    return [members for members in together.values() if len(members) > 1]


def stacked(signatures: Sequence[Signature]) -> npt.NDArray[np.uint32]:
    """Signatures as rows, shape (n, 256)."""
    return np.stack(signatures) if signatures else np.zeros((0, PLACES), np.uint32)


def _buckets(order: npt.NDArray[np.int64], borders: npt.NDArray[np.int64]) -> list[npt.NDArray[np.int64]]:
    """The runs of more than one row with the same key."""
    starts = np.concatenate(([0], borders))
    ends = np.concatenate((borders, [len(order)]))
    several = np.flatnonzero(ends - starts > 1)
    return [np.sort(order[starts[i] : ends[i]]) for i in several]


def _meetings(bucket: npt.NDArray[np.int64], count: int) -> npt.NDArray[np.int64]:
    """The pairs of a bucket as ``i * count + j``."""
    if len(bucket) <= _CROWD:
        return np.array([i * count + j for i, j in combinations(bucket.tolist(), 2)], dtype=np.int64)
    first = bucket[0] * count + bucket[1:]
    return np.concatenate((first, bucket[:-1] * count + bucket[1:])).astype(np.int64)
