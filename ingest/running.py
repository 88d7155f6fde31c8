"""Running headers and footers: lines that stand at the same place of many pages and say the same."""

import re
from collections.abc import Sequence
from itertools import pairwise, takewhile

from ingest.lines import Line
from ingest.words import OBLIQUE

_EDGE_LINES = 2  # lines looked at from the top and from the bottom of each page
_EDGE_SHARE = 0.12  # of the page height; running lines stand in the margins
_SHARE = 0.6  # of the pages that have text
_LEAST_PAGES = 3
_LOCAL_SHARE = 0.3  # of the pages from its first to its last; left and right pages may differ
_LEAST_LOCAL = 4  # pages
_SAME_PLACE = 0.01  # of the page height
# A page number stands alone; digits inside identifiers (KB-0150, v2.1, 3.5%) are content.
_NUMBER = re.compile(r"(?<![A-Za-z0-9_.\-])(?!0\d)\d{1,4}(?![A-Za-z0-9_.%\-])")
_FOLLOWS = 0.85  # share of the pages on which a number counts the pages


def running_lines(pages: Sequence[tuple[float, Sequence[Line]]]) -> set[int]:
    """The ids (``id(line)``) of the running lines. Each page: its height in points, its lines.

    A line runs when, page numbers aside, the same text stands at the same height within the top or
    bottom margin (or obliquely) of at least 60 % of the pages with text, and of three at least. Where that
    is so only in a part of the document (a chapter, the left pages), it runs from its second page on, unless
    other text stands further out. Nothing runs if no other text would be left.
    """
    places: dict[tuple[str, int], list[tuple[int, Line]]] = {}
    edges = [_edges(height, lines) for height, lines in pages]
    for index, (height, _) in enumerate(pages):
        for line in (line for edge in edges[index] for line in edge):
            text = _NUMBER.sub("#", line.text).replace(" ", "")
            band = round(line.top / height / _SAME_PLACE)
            for near in (band - 1, band, band + 1):
                places.setdefault((text, near), []).append((index, line))
    running: set[int] = set()
    local: set[int] = set()
    needed = max(_LEAST_PAGES, _SHARE * sum(bool(lines) for _, lines in pages))
    for found in places.values():
        numbers = {index for index, _ in found}
        if len(numbers) < _LEAST_PAGES or not _counts_pages(found):
            continue
        if len(numbers) >= needed:
            running.update(id(line) for _, line in found)
        elif len(numbers) >= max(_LEAST_LOCAL, _LOCAL_SHARE * (max(numbers) - min(numbers) + 1)):
            first = min(numbers)
            local.update(id(line) for index, line in found if index != first)
    for edge in (edge for page in edges for edge in page):
        outer = takewhile(lambda line: id(line) in running or id(line) in local, edge)
        running.update(map(id, outer))
    return running if len(running) < sum(len(lines) for _, lines in pages) else set()


def _edges(height: float, lines: Sequence[Line]) -> tuple[list[Line], list[Line], list[Line]]:
    """The lines in the top margin and in the bottom margin, the outermost first, and oblique ones."""
    oblique = [line for line in lines if line.turned == OBLIQUE]
    by_top = sorted((line for line in lines if line.turned != OBLIQUE), key=lambda line: line.top)
    top = [line for line in by_top[:_EDGE_LINES] if line.bottom <= _EDGE_SHARE * height]
    bottom = [line for line in by_top[-_EDGE_LINES:] if line.top >= (1 - _EDGE_SHARE) * height]
    return top, bottom[::-1], oblique


def _counts_pages(found: Sequence[tuple[int, Line]]) -> bool:
    """Whether each number in these lines is the same on all pages or counts them.

    It may begin anew in each part of a document.
    """
    rows = [[int(number) for number in _NUMBER.findall(line.text)] for _, line in found]
    pages = [index for index, _ in found]
    for numbers in zip(*rows, strict=False):
        same = max(map(numbers.count, set(numbers)))
        steps = [
            (b - a) == (after - before)
            for (a, b), (before, after) in zip(pairwise(numbers), pairwise(pages), strict=True)
        ]
        if same < _FOLLOWS * len(found) and sum(steps) < _FOLLOWS * len(steps):
            return False
    return True
