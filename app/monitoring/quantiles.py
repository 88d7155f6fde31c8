"""Quantiles of histograms."""

from collections.abc import Mapping


def quantile(buckets: Mapping[float, float], q: float) -> float | None:
    """The q-quantile of a histogram with cumulative counts by upper bound, None where nothing was counted.

    Linear inside a bucket, as Prometheus' ``histogram_quantile`` has it; in the last bucket, which has no
    end, its beginning.
    """
    bounds = sorted(buckets)
    total = buckets[bounds[-1]] if bounds else 0.0
    if not total:
        return None
    wanted, below, start = q * total, 0.0, 0.0
    for bound in bounds:
        if buckets[bound] >= wanted:
            inside = buckets[bound] - below
            if bound == float("inf") or not inside:
                return start
            return start + (bound - start) * (wanted - below) / inside
        below, start = buckets[bound], bound
    return start
