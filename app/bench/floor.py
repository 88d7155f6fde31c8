"""Which relevance in one dtype parts passages as another dtype's floor does."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Floor:
    """``value``: the floor found, and how many passages it parts otherwise than the exact dtype's floor does.

    ``disagreements_unmoved`` counts those which the exact dtype's own floor would.
    """

    value: float
    disagreements: int
    disagreements_unmoved: int


def matching_floor(exact: Sequence[float], other: Sequence[float], *, floor: float) -> Floor:
    """The value from which ``other`` best decides as ``exact`` does from ``floor``: fewest passages differ.

    Both are relevance of the same passages in 0..1; at or above a floor a passage counts. Of equally good
    values the nearest to ``floor``, which is therefore kept where moving it gains nothing.
    """
    above = [value >= floor for value in exact]

    def differing(at: float) -> int:
        return sum((value >= at) != kept for value, kept in zip(other, above, strict=True))

    # Decisions change only at the values themselves: just at one it still counts, just above it no longer.
    tried = {floor, *other, *(math.nextafter(value, math.inf) for value in other)}
    value = min((at for at in tried if at <= 1), key=lambda at: (differing(at), abs(at - floor), at))
    return Floor(value, differing(value), differing(floor))
