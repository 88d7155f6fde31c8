"""Running headers and footers: lines that stand at the same place of most pages and say the same."""

import re
from collections.abc import Sequence

from ingest.lines import Line

_EDGE_LINES = 2  # lines looked at from the top and from the bottom of each page
_EDGE_SHARE = 0.12  # of the page height; running lines stand in the margins
_SHARE = 0.6  # of the pages that have text
_LEAST_PAGES = 3
_SAME_PLACE = 0.01  # of the page height
# A page number stands alone; digits inside identifiers (KB-0150, v2.1, 3.5%) are content.
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.\-])(?!0\d)\d{1,4}(?![A-Za-z0-9_.%\-])")
_FOLLOWS = 0.9  # share of the pages on which a number counts the pages


def running_lines(pages: Sequence[tuple[float, Sequence[Line]]]) -> set[int]:
    """The ids (``id(line)``) of the running lines. Each page: its height in points, its lines.

    A line runs when, page numbers aside, the same text stands at the same height within the top or
    bottom margin of at least 60 % of the pages with text, and of three at least. Nothing runs if no
    other text would be left.
    """
    with_text = [(height, lines) for height, lines in pages if lines]
    places: dict[tuple[str, int], list[tuple[int, Line]]] = {}
    for index, (height, lines) in enumerate(with_text):
        for line in _edge_lines(height, lines):
            text = _NUMBER.sub("#", line.text).replace(" ", "")
            band = round(line.top / height / _SAME_PLACE)
            for near in (band - 1, band, band + 1):
                places.setdefault((text, near), []).append((index, line))
    needed = max(_LEAST_PAGES, _SHARE * len(with_text))
    running = {
        id(line)
        for found in places.values()
        if len({index for index, _ in found}) >= needed and _counts_pages(found)
        for _, line in found
    }
    total = sum(len(lines) for _, lines in with_text)
    return running if len(running) < total else set()


def _edge_lines(height: float, lines: Sequence[Line]) -> list[Line]:
    by_top = sorted(lines, key=lambda line: line.top)
    top = [line for line in by_top[:_EDGE_LINES] if line.bottom <= _EDGE_SHARE * height]
    bottom = [line for line in by_top[-_EDGE_LINES:] if line.top >= (1 - _EDGE_SHARE) * height]
    return top + bottom


def _counts_pages(found: Sequence[tuple[int, Line]]) -> bool:
    """Whether each number in these lines is the same on all pages or counts them."""
    rows = [[int(number) for number in _NUMBER.findall(line.text)] for _, line in found]
    for numbers in zip(*rows, strict=False):
        steps = [number - index for number, (index, _) in zip(numbers, found, strict=True)]
        common = max(max(map(values.count, set(values))) for values in (numbers, steps))
        if common < _FOLLOWS * len(found):
            return False
    return True
