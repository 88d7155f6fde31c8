"""Reads the pages of a PDF that have no text of their own: renders them and recognises what they show.

Runs only inside the parser process of ``pdf_ocr``.
"""

import re
import time
from collections.abc import Sequence
from dataclasses import replace

from ingest.clean import clean
from ingest.columns import in_reading_order
from ingest.geometry import Rect, from_frame
from ingest.ocr import PageTimeoutError, Reading, Recogniser
from ingest.page import Page, Rule
from ingest.pdf_pages import Scans
from ingest.pdfium import Document
from ingest.words import Word

DOTS_PER_INCH = 200
_LONGEST_SIDE = 3_000  # pixels
_SHORTEST_SIDE = 32  # pixels; nothing can be read from less
# Measured on poor scans of known text: of the characters in lines scored below .6 one in five is right, from
# .6 to .9 seven in ten, above 98 in 100 (``app/docs/experiments.md``).
WRONG = 0.6  # a line the machine is less sure of is left out
UNSURE = 0.9  # ... is kept, and counted
_HEIGHT = 1.2  # em; how high the box of a line is
_ALIKE = 0.3  # share by which the boxes of lines of one size differ in height
_BROKEN = re.compile("[A-Za-z]-$")
_OVERLAP = 0.5  # of a line that text of the page already covers


class Scanner:
    """Reads pages as pictures. ``page_timeout_s`` is what one of them may take."""

    def __init__(self, document: Document, page_timeout_s: float) -> None:
        self._document, self._page_timeout_s = document, page_timeout_s
        self._recogniser = Recogniser()
        self.scans = Scans(page_timeout_s)

    def scan(self, page: Page) -> Page:
        """The page with its lines in reading order, a word each, and its ruling lines.

        Lines that cover text the page has anyway are left out. What came of it is noted in ``scans``.
        """
        scale = min(DOTS_PER_INCH / 72, _LONGEST_SIDE / max(page.width, page.height))
        if scale * min(page.width, page.height) < _SHORTEST_SIDE:
            return page
        deadline = time.monotonic() + self._page_timeout_s
        try:
            readings = self._recogniser.read(self._document.picture(page.number, scale), deadline)
        except PageTimeoutError:
            self.scans.late.append(page.number)
            return page
        lines = [line for line in readings.lines if line.score >= WRONG]
        self.scans.left_out.add(page.number, len(readings.lines) - len(lines))
        self.scans.unsure.add(page.number, sum(line.score < UNSURE for line in lines))
        if lines:
            weight = sum(len(line.text) for line in lines)
            self.scans.read[page.number] = sum(line.score * len(line.text) for line in lines) / weight
        turned = (360 - readings.turned) % 360
        kept = (*page.words, *page.notes)
        words = [word for word in _words(lines, page, turned) if not _covers(word, kept)]
        rules = [_on_page(rule, page, turned) for rule in readings.rules]
        return replace(
            page,
            words=(*page.words, *in_reading_order(words)),
            vertical=(
                *page.vertical,
                *(Rule(x, top, bottom) for x, top, right, bottom in rules if x == right),
            ),
            horizontal=(
                *page.horizontal,
                *(Rule(y, left, right) for left, y, right, bottom in rules if y == bottom),
            ),
        )


def _on_page(rule: Rect, page: Page, turned: int) -> Rect:
    """Where a line of the upright picture stands on the page as displayed, in points."""
    width, height = (page.height, page.width) if turned in (90, 270) else (page.width, page.height)
    left, top, right, bottom = rule
    framed = (left * width, top * height, right * width, bottom * height)
    return from_frame(turned, page.width, page.height, framed)


def _words(lines: Sequence[Reading], page: Page, turned: int) -> list[Word]:
    width, height = (page.height, page.width) if turned in (90, 270) else (page.width, page.height)
    heights = [height * line.height for line in lines]
    sizes = _sizes(lines, heights)
    words = []
    for line, tall in zip(lines, heights, strict=True):
        text = clean(line.text)[0].strip()
        broken = (
            _BROKEN.search(text) is not None
        )  # a hyphen that the document writes is put back (``paragraphs``)
        box = (width * line.left, height * line.top, width * line.right, height * line.bottom)
        if text:
            words.append(Word(text[:-1] if broken else text, *box, sizes[tall], True, broken, turned))
    return words


def _sizes(lines: Sequence[Reading], heights: Sequence[float]) -> dict[float, float]:
    """The font size for each height; heights near that of most of the text are of one size."""
    weights = sorted(zip(heights, (len(line.text) for line in lines), strict=True))
    half, body = sum(weight for _, weight in weights) / 2, 0.0
    for height, weight in weights:
        half -= weight
        body = height
        if half <= 0:
            break
    return {
        height: round((body if abs(height - body) <= _ALIKE * body else height) / _HEIGHT, 1)
        for height in heights
    }


def _covers(word: Word, kept: Sequence[Word]) -> bool:
    """Whether a line lies over text that the page has anyway."""
    left, top, right, bottom = word.left, word.top, word.right, word.bottom
    covered = 0.0
    for other in kept:
        if other.turned == word.turned:
            across = min(right, other.right) - max(left, other.left)
            down = min(bottom, other.bottom) - max(top, other.top)
            covered += max(across, 0.0) * max(down, 0.0)
    return covered >= _OVERLAP * (right - left) * (bottom - top)
