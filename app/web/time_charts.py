"""Charts of something over time, as SVG made on the server; see ``app.web.charts`` for what they share."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.web.charts import WIDTH, shape, svg, text

LEFT, RIGHT, TOP, HEIGHT = 52.0, 10.0, 10.0, 170.0
KINDS = ("one", "two")  # the second is dashed, and its points are squares
ASIDE = 5.0  # by which the second of two intervals at one time stands beside the first
HOUR_S, DAY_S = 3_600, 86_400


@dataclass(frozen=True, slots=True)
class Dot:
    """A value at a time (Unix), where known with the ends of its interval."""

    at: float
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """Points in order of time; None is a gap. ``joined``: neighbours are joined by a line."""

    label: str
    dots: Sequence[Dot | None]
    joined: bool = True


def over_time(
    title: str,
    about: str,
    lines: Sequence[Line],
    *,
    between: tuple[float, float],
    offset_min: int,
    words: Callable[[float], str],
    most: float = 0.0,
) -> str:
    """Up to two lines over a stretch of time, from 0 to ``most`` or to the highest value.

    ``offset_min``: how far the reader's clock is ahead of UTC; ``words``: a value as it stands at the axis.
    """
    top = most or nice(max((_top(dot) for line in lines for dot in line.dots if dot), default=0.0))
    start, end = between

    def at(time: float, value: float) -> tuple[float, float]:
        across = (time - start) / max(end - start, 1.0)
        return LEFT + (WIDTH - LEFT - RIGHT) * across, TOP + HEIGHT * (1 - value / top)

    drawn = []
    for part in (0.0, 0.5, 1.0):
        _, y = at(start, top * part)
        drawn += [
            shape("line", x1=LEFT, y1=y, x2=WIDTH - RIGHT, y2=y, klass="chart-grid"),
            text(LEFT - 6, y + 4, words(top * part) if part else "0", "chart-number", anchor="end"),
        ]
    for time, label in ticks(start, end, offset_min):
        x, _ = at(time, 0.0)
        drawn += [
            shape("line", x1=x, y1=TOP + HEIGHT, x2=x, y2=TOP + HEIGHT + 5, klass="chart-grid"),
            text(x, TOP + HEIGHT + 20, label, "chart-number", anchor="middle"),
        ]
    for kind, line in zip(KINDS, lines, strict=False):
        drawn += _drawn(line, kind, at)
    below = TOP + HEIGHT + 44
    for kind, line in zip(KINDS, lines, strict=False):
        drawn += [
            shape("line", x1=LEFT, y1=below - 4, x2=LEFT + 22, y2=below - 4, klass=f"chart-line {kind}"),
            text(LEFT + 30, below, line.label, "chart-label"),
        ]
        below += 20
    return svg(title, about, below - 8, drawn)


def nice(most: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below; 1 for nothing."""
    if most <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= most * 0.999999)


def ticks(start: float, end: float, offset_min: int) -> list[tuple[float, str]]:
    """At most eight times on borders of the reader's hours and days, with what is written below them."""
    shift = offset_min * 60
    length = end - start
    step = next(
        (each for each in (900, HOUR_S, 3 * HOUR_S, 6 * HOUR_S, 12 * HOUR_S, DAY_S, 2 * DAY_S, 7 * DAY_S,
                           30 * DAY_S, 90 * DAY_S, 365 * DAY_S) if length / each <= 7),
        (int(length / 7 / DAY_S) + 1) * DAY_S,
    )  # fmt: skip
    pattern = "%H:%M" if step < DAY_S else "%m-%d" if step < 30 * DAY_S else "%Y-%m-%d"
    first = -(-(start + shift) // step) * step
    found = []
    while first - shift <= end:
        local = datetime.fromtimestamp(first, UTC)
        found.append((first - shift, local.strftime(pattern)))
        first += step
    return found


def _top(dot: Dot) -> float:
    return dot.value if dot.high is None else max(dot.value, dot.high)


def _drawn(line: Line, kind: str, place: Callable[[float, float], tuple[float, float]]) -> Iterable[str]:
    drawn = []
    aside = ASIDE if kind == "two" and any(dot and dot.low is not None for dot in line.dots) else 0.0

    def at(time: float, value: float) -> tuple[float, float]:
        x, y = place(time, value)
        return x + aside, y

    for run in _runs(line.dots) if line.joined else []:
        points = " ".join(f"{x:.6g},{y:.6g}" for x, y in (at(dot.at, dot.value) for dot in run))
        drawn.append(f'<polyline class="chart-line {kind}" points="{points}"/>')
    crowded = len(line.dots) > 40
    alone = {id(run[0]) for run in _runs(line.dots) if len(run) == 1}
    for dot in line.dots:
        if dot is None:
            continue
        x, y = at(dot.at, dot.value)
        if dot.low is not None and dot.high is not None:
            (_, low), (_, high) = at(dot.at, dot.low), at(dot.at, dot.high)
            drawn.append(shape("line", x1=x, y1=low, x2=x, y2=high, klass=f"chart-whisker {kind}"))
        if crowded and id(dot) not in alone:
            continue
        if kind == "one":
            drawn.append(shape("circle", cx=x, cy=y, r=3.5, klass="chart-dot"))
        else:
            drawn.append(shape("rect", x=x - 3, y=y - 3, width=6, height=6, klass="chart-dot two"))
    return drawn


def _runs(dots: Sequence[Dot | None]) -> list[list[Dot]]:
    """Neighbours without a gap between them."""
    found: list[list[Dot]] = [[]]
    for dot in dots:
        if dot is None:
            found.append([])
        else:
            found[-1].append(dot)
    return [run for run in found if run]
