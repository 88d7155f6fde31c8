"""Where a stretch of a document's text stands: its pages, and the rectangles to draw on them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import replace

from ingest.clean import is_han
from ingest.types import Document, LineBox, PageSpan
from retrieval.types import Box

_FLUSH = 0.01  # of the page width; lines whose ends differ by no more become one box
_LEVEL = 0.002  # of the page height; parts of one line
_CELL = " | "  # a row of a table has no even width


class Pages:
    """Finds the pages of a stretch of text."""

    def __init__(self, spans: Iterable[PageSpan]) -> None:
        self._pages = [page for page in spans if page.start < page.end]
        self._starts = [page.start for page in self._pages]

    def of(self, start: int, end: int) -> tuple[int, ...]:
        """The pages on which ``text[start:end]`` stands, in order."""
        first = max(bisect_right(self._starts, start) - 1, 0)
        last = bisect_left(self._starts, end)
        return tuple(page.page for page in self._pages[first:last] if page.end > start)


class Locator:
    """Finds the pages and boxes of a stretch of text."""

    def __init__(self, document: Document) -> None:
        self._text = document.text
        self._pages = Pages(document.pages)
        self._lines = document.lines
        self._line_starts = [line.start for line in self._lines]

    def pages(self, start: int, end: int) -> tuple[int, ...]:
        """The pages on which ``text[start:end]`` stands, in order."""
        return self._pages.of(start, end)

    def boxes(self, start: int, end: int) -> tuple[Box, ...]:
        """The boxes of the lines of ``text[start:end]``, cut where it begins or ends inside one.

        Lines of one width below each other become one box, and so do parts of a line. How far a line is cut
        is estimated from its characters, full-width ones counting twice.
        """
        first = max(bisect_right(self._line_starts, start) - 1, 0)
        stop = bisect_left(self._line_starts, end)
        boxes: list[Box] = []
        for line in self._lines[first:stop]:
            if line.end <= start:
                continue
            box = self._cut(line, start, end)
            if boxes and _join(boxes[-1], box):
                last = boxes[-1]
                boxes[-1] = replace(
                    last,
                    left=min(last.left, box.left),
                    top=min(last.top, box.top),
                    right=max(last.right, box.right),
                    bottom=max(last.bottom, box.bottom),
                )
            else:
                boxes.append(box)
        return tuple(boxes)

    def _cut(self, line: LineBox, start: int, end: int) -> Box:
        """The part of a line's box that holds ``text[start:end]``, a character more at a cut."""
        box = line.box
        if start <= line.start and line.end <= end:
            return box
        text = self._text[line.start : line.end]
        if _CELL in text:
            return box
        whole = _width(text)
        before = max(_width(text[: max(start - line.start, 0)]) - 1, 0) / whole
        after = max(_width(text[max(end - line.start, 0) :]) - 1, 0) / whole
        if box.right - box.left < box.bottom - box.top:  # turned; its parts have boxes of their own
            return box
        width = box.right - box.left
        return replace(
            box, left=round(box.left + before * width, 4), right=round(box.right - after * width, 4)
        )


def _width(text: str) -> int:
    return sum(2 if is_han(character) else 1 for character in text)


def _join(one: Box, other: Box) -> bool:
    """Whether two boxes are parts of one: as wide and one below the other, or as high and side by side."""
    if one.page != other.page:
        return False
    high, wide = (
        min(one.bottom - one.top, other.bottom - other.top),
        min(one.right - one.left, other.right - other.left),
    )
    below = max(other.top - one.bottom, one.top - other.bottom)
    beside = max(other.left - one.right, one.left - other.right)
    flush_x = abs(one.left - other.left) <= _FLUSH and abs(one.right - other.right) <= _FLUSH
    flush_y = abs(one.top - other.top) <= _LEVEL and abs(one.bottom - other.bottom) <= _LEVEL
    return (flush_x and below <= high) or (flush_y and beside <= wide)
