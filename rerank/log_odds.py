"""Relevance as log-odds, for callers who want scores without the logistic function."""

import math

MOST = 36.0
"""Beyond it 1 - relevance is lost in double precision (2**-53 is e**-36.7), and infinity is no JSON."""


def log_odds(relevance: float) -> float:
    """log(p / (1 - p)) of a relevance in 0..1, within ±``MOST``."""
    if relevance <= 0:
        return -MOST
    if relevance >= 1:
        return MOST
    return max(-MOST, min(MOST, math.log(relevance) - math.log1p(-relevance)))
