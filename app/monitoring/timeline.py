"""Counters over time: the history of a chosen length, cut into steps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from app.metrics import STAGE_S
from app.monitoring.quantiles import quantile
from app.storage.monitoring import MonitoringRows, Slice

Range = Literal["hour", "day", "week", "month"]


@dataclass(frozen=True, slots=True)
class Window:
    """How far a range goes back, and how long its steps are, in seconds."""

    length_s: int
    step_s: int


WINDOWS: dict[Range, Window] = {
    "hour": Window(3_600, 60),
    "day": Window(86_400, 900),
    "week": Window(7 * 86_400, 3_600),  # older than a day, no shorter step is kept
    "month": Window(30 * 86_400, 6 * 3_600),
}
STAGES = ("understand", "embed", "vector", "lexical", "fuse", "recall", "rerank", "select", "first_token",
          "generate", "total")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Took:
    """How often a stage ran, and estimates of its median and 95th percentile in milliseconds."""

    stage: str
    count: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Step:
    """What happened in one step; see ``Slice`` for names. ``seconds`` of it were served, 0: none."""

    begins_at: int
    seconds: float
    counted: Slice

    @property
    def answers(self) -> int:
        """Questions answered, whatever the outcome."""
        return round(total(self.counted, "answers/"))

    @property
    def per_second(self) -> float | None:
        """Answers a second of the time that was served, None where none was."""
        return self.answers / self.seconds if self.seconds else None

    @property
    def waiting(self) -> int:
        """The most requests that waited for an answer at once, looked at once a second."""
        return round(self.counted.peaks.get("waiting/answer", 0))

    def took(self) -> list[Took]:
        """The stages that ran, in the order in which they do."""
        found = ((stage, histogram(self.counted, stage)) for stage in STAGES)
        return [_took(stage, buckets) for stage, buckets in found if buckets]


def steps(rows: MonitoringRows, range_: Range, now: int) -> list[Step]:
    """The whole steps of the range that ends at ``now`` (Unix time), the one under way last; none is missing.

    Borders are multiples of the step in UTC.
    """
    window = WINDOWS[range_]
    first = -(-(now - window.length_s) // window.step_s) * window.step_s
    by_step: dict[int, Slice] = {}
    for each in rows.since(first):
        begins_at = each.begins_at - each.begins_at % window.step_s
        nothing = Slice(begins_at, 0.0, {}, {})
        by_step[begins_at] = by_step.get(begins_at, nothing).with_(each)
    found = []
    for begins_at in range(first, now + 1, window.step_s):
        counted = by_step.get(begins_at, Slice(begins_at, 0.0, {}, {}))
        found.append(Step(begins_at, counted.seconds, counted))
    return found


def whole(found: Sequence[Step]) -> Slice:
    """Everything of these steps together."""
    sum_ = Slice(found[0].begins_at if found else 0, 0.0, {}, {})
    for each in found:
        sum_ = sum_.with_(each.counted)
    return sum_


def total(counted: Slice, prefix: str) -> float:
    """The sum of all that is named so."""
    return sum(value for name, value in counted.sums.items() if name.startswith(prefix))


def histogram(counted: Slice, stage: str) -> dict[float, float]:
    """Cumulative counts of a stage's seconds by upper bound; empty where it did not run."""
    prefix = f"took/{stage}/"
    single = {
        float(name.removeprefix(prefix)): value
        for name, value in counted.sums.items()
        if name.startswith(prefix)
    }
    return _cumulated(single) if sum(single.values()) else {}


def _cumulated(single: Mapping[float, float]) -> dict[float, float]:
    """Bounds that nothing fell below are not kept, and say where a bucket begins: they are put back."""
    found, sum_ = {}, 0.0
    for bound in sorted({*STAGE_S, float("inf"), *single}):
        sum_ += single.get(bound, 0)
        found[bound] = sum_
    return found


def _took(stage: str, buckets: Mapping[float, float]) -> Took:
    p50, p95 = (quantile(buckets, q) or 0.0 for q in (0.5, 0.95))
    return Took(stage, round(max(buckets.values())), round(p50 * 1000, 2), round(p95 * 1000, 2))
