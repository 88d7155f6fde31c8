"""Charts as SVG, made on the server: no script, colours of the page they stand in, words for screen readers.

Each has ``<title>`` and ``<desc>``; the page shows the same numbers as a table below. Lengths are units of
the view box, about pixels of a phone, so that words stay readable there.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

WIDTH = 420.0
LABELS = 128.0
NUMBERS = 66.0
ROW = 26.0
PLOT = WIDTH - LABELS - NUMBERS


@dataclass(frozen=True, slots=True)
class Span:
    """A bar from ``start`` of a length, in one unit; ``inside``: a part of the one above it that is not."""

    label: str
    start: float
    length: float
    number: str
    inside: bool = False


def waterfall(title: str, about: str, spans: Sequence[Span]) -> str:
    """Bars below each other along one axis that begins at 0; the longest end is the right edge."""
    most = max((span.start + span.length for span in spans), default=0.0) or 1.0
    drawn = []
    for row, span in enumerate(spans):
        y = row * ROW
        x = LABELS + PLOT * span.start / most
        width = max(1.5, PLOT * span.length / most)
        indent = 12 if span.inside else 0
        drawn += [
            text(indent, y + 17, span.label, "chart-label"),
            shape("rect", x=LABELS, y=y + 6, width=PLOT, height=14, rx=3, klass="chart-track"),
            shape("rect", x=x, y=y + 6, width=width, height=14, rx=3,
                   klass="chart-part" if span.inside else "chart-bar"),
            text(WIDTH, y + 17, span.number, "chart-number", anchor="end"),
        ]  # fmt: skip
    return svg(title, about, len(spans) * ROW, drawn)


def bars(title: str, about: str, rows: Iterable[tuple[str, float, str]]) -> str:
    """A bar from 0 for each (label, value, number as words)."""
    return waterfall(title, about, [Span(label, 0.0, value, words) for label, value, words in rows])


def curve(title: str, about: str, points: Sequence[tuple[float, float]], axes: tuple[str, str]) -> str:
    """A line through points of the unit square, against the diagonal; ``axes``: what x and y measure."""
    left, top, side = 48.0, 10.0, 300.0

    def at(x: float, y: float) -> tuple[float, float]:
        return left + side * x, top + side * (1 - y)

    drawn = [shape("rect", x=left, y=top, width=side, height=side, klass="chart-frame")]
    for tick in (0.0, 0.25, 0.5, 0.75, 1.0):
        x, y = at(tick, tick)
        drawn += [
            shape("line", x1=left, y1=y, x2=left + side, y2=y, klass="chart-grid"),
            text(left - 6, y + 4, f"{tick:g}", "chart-number", anchor="end"),
            text(x, top + side + 18, f"{tick:g}", "chart-number", anchor="middle"),
        ]
    (x1, y1), (x2, y2) = at(0, 0), at(1, 1)
    drawn.append(shape("line", x1=x1, y1=y1, x2=x2, y2=y2, klass="chart-diagonal"))
    placed = [at(x, y) for x, y in points]
    line = " ".join(f"{round(x, 2):g},{round(y, 2):g}" for x, y in placed)
    drawn.append(f'<polyline class="chart-line" points="{line}"/>')
    drawn += [shape("circle", cx=x, cy=y, r=4, klass="chart-dot") for x, y in placed]
    drawn += [
        text(left + side / 2, top + side + 40, axes[0], "chart-label", anchor="middle"),
        text(left, top + side + 62, axes[1], "chart-label"),
    ]
    return svg(title, about, top + side + 72, drawn)


def svg(title: str, about: str, height: float, drawn: Iterable[str]) -> str:
    """The whole chart; its height in units of the view box."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" '
        f'viewBox="0 0 {WIDTH:g} {max(height, 1.0):g}" aria-label={quoteattr(title)}>'
    )
    return f"{head}{_tag('title', title)}{_tag('desc', about)}{''.join(drawn)}</svg>"


def shape(name: str, *, klass: str, **lengths: float) -> str:
    """An element without words."""
    written = " ".join(f'{key}="{round(value, 2):g}"' for key, value in lengths.items())
    return f'<{name} class="{klass}" {written}/>'


def text(x: float, y: float, words: str, klass: str, anchor: str = "start") -> str:
    """Words, escaped."""
    return f'<text class="{klass}" x="{x:g}" y="{y:g}" text-anchor="{anchor}">{escape(words)}</text>'


def _tag(name: str, words: str) -> str:
    return f"<{name}>{escape(words)}</{name}>"
