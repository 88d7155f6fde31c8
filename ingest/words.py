"""Puts runs of characters together to words, in the order in which PDFium gives them.

Text may be turned. Each word stands in the frame in which it reads from left to right
(``geometry.to_frame``); writing that runs down the page with upright characters (vertical Chinese and
Japanese) reads in the frame of text turned by 90 degrees.
"""

import re
from typing import NamedTuple

from ingest.geometry import Rect, to_frame, union

_UPRIGHT = "\u2e7f"  # characters after this one stand upright in vertical writing (Chinese, Japanese)
OBLIQUE = -1
"""``Word.turned`` of text at no right angle (a watermark); it keeps the coordinates of the page."""
RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufefc]")
"""Hebrew and Arabic letters, and their neighbours in Unicode."""
_LEAST_OVERLAP = 0.3  # of the smaller height; superscripts stay with their word
_LETTER_GAP = 0.9  # em; a wider gap ends a word even where PDFium reports no space
_BACK_STEP = 0.6  # em; kerning steps back less, a new line or column more
_AGAIN = 0.2  # em; a word moved by no more is the same one
_LOOK_BACK = 50  # places of the same word that are compared
_SPACE = 0.1  # em; a gap that a space which is not sure has to leave
_STACK_STEP = 1.15  # em from one character of vertical writing to the next; lines are set further apart


class Word(NamedTuple):  # a document has a hundred thousand; frozen dataclasses take four times as long
    """Characters without white space between them. ``spaced``: white space stands before it on its line.

    ``broken``: it ends in a soft hyphen, so the next word continues it. ``turned``: clockwise as displayed,
    in degrees: 0, 90, 180, 270 or ``OBLIQUE``. ``upright``: its characters stand upright below each other.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    spaced: bool = False
    broken: bool = False
    turned: int = 0
    upright: bool = False

    @property
    def middle(self) -> tuple[float, float]:
        """The centre, (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


class WordBuilder:
    """Collects runs of characters; white space, a soft hyphen or a jump to another place ends a word.

    A word that is drawn again at the same place is left out.
    """

    def __init__(self, width: float, height: float) -> None:
        self._page = (width, height)
        self._words: list[Word] = []
        self._places: dict[str, list[Rect]] = {}
        self._text: list[str] = []
        self._box: Rect = (0.0, 0.0, 0.0, 0.0)
        self._last: Rect = (0.0, 0.0, 0.0, 0.0)
        self._size = 0.0
        self._turned = 0
        self._upright = False
        self._spaced = False
        self._space_follows = False
        self._line_ends = False

    def add(self, text: str, first: Rect, last: Rect, size: float, turned: int = 0) -> None:
        """Characters that follow each other, with the displayed boxes of the first and the last of them.

        ``size`` is the font size in points, ``turned`` how far the letters are turned.
        """
        em = max(size, self._size)
        upright = turned == 0 and (
            _stacked(first, last, size) if len(text) > 1 else self._goes_down(text, first, em)
        )
        turned = 90 if upright else turned
        if turned > 0:
            first, last = (to_frame(turned, *self._page, box) for box in (first, last))
        whole = union(first, last)
        if not self._text or not self._goes_on(first, text[0], em, turned):
            self._end(broken=False)
            self._box, self._size, self._turned, self._upright = whole, size, turned, upright
        else:
            self._box = union(self._box, whole)
            self._upright |= upright
        self._space_follows = self._line_ends = False
        self._text.append(text)
        self._last = last

    @property
    def turned(self) -> int:
        """How far the text of the last word was turned."""
        return self._turned

    def space(self, *, sure: bool = True) -> None:
        """White space follows; in turned text PDFium also reports it (not ``sure``) where letters touch."""
        if sure:
            self._end(broken=False)
            self._spaced = True
        self._space_follows = True

    def line_end(self) -> None:
        """A new line follows, says PDFium."""
        self._end(broken=False)
        self._spaced = False
        self._line_ends = True

    def hyphen(self) -> None:
        """The word is broken here and goes on with the next character."""
        self._end(broken=True)
        self._spaced = False
        self._line_ends = True

    def finish(self) -> list[Word]:
        """All words."""
        self._end(broken=False)
        return self._words

    def _end(self, *, broken: bool) -> None:
        if self._text:
            text = "".join(self._text)
            if not self._is_drawn_again(text):
                self._words.append(self._word(text, broken=broken))
            self._text = []
            self._spaced = self._space_follows

    def _word(self, text: str, *, broken: bool) -> Word:
        return Word(text, *self._box, self._size, self._spaced, broken, self._turned, self._upright)

    def _is_drawn_again(self, text: str) -> bool:
        """Whether the open word stands where the same word stood: bold type and shadows are made that way."""
        left, top, _, _ = self._box
        places = self._places.setdefault(text, [])
        near = _AGAIN * self._size
        if any(
            abs(left - place[0]) <= near and abs(top - place[1]) <= near for place in places[-_LOOK_BACK:]
        ):
            return True
        places.append(self._box)
        return False

    def _goes_on(self, box: Rect, character: str, em: float, turned: int) -> bool:
        """Whether a character, boxed in its frame, belongs to the open word."""
        if turned != self._turned:
            return False
        left, top, right, bottom = self._last
        overlap = min(bottom, box[3]) - max(top, box[1])
        gap = left - box[2] if RIGHT_TO_LEFT.match(character) else box[0] - right
        if self._space_follows and gap > _SPACE * em:
            return False
        near = -_BACK_STEP * em <= gap <= _LETTER_GAP * em
        if turned == OBLIQUE:
            return _distance(self._last, box) <= 2 * em
        return near and overlap >= _LEAST_OVERLAP * min(bottom - top, box[3] - box[1])

    def _goes_down(self, character: str, box: Rect, em: float) -> bool:
        """Whether an upright character stands right below the one before it, on the same line of text."""
        if self._line_ends:
            return False
        if self._text:
            if self._turned == 90:
                return _follows(self._last, to_frame(90, *self._page, box), em)
            one = len(self._text) == 1 and self._text[0] > _UPRIGHT and len(self._text[0]) == 1
            if self._turned == 0 and one and character > _UPRIGHT and _below(self._last, box, em):
                self._box, self._last = (to_frame(90, *self._page, rect) for rect in (self._box, self._last))
                self._turned, self._upright = 90, True
                return True
            return False
        if not self._words:
            return False
        before = self._words[-1]
        corner = (before.left, before.top, before.right, before.bottom)
        upright = len(before.text) == 1 and min(before.text, character) > _UPRIGHT
        if before.turned == 0 and upright and _below(corner, box, em):
            left, top, right, bottom = to_frame(90, *self._page, corner)
            self._words[-1] = before._replace(
                left=left, top=top, right=right, bottom=bottom, turned=90, upright=True
            )
            return True
        return before.turned == 90 and _follows(corner, to_frame(90, *self._page, box), em)


def _stacked(first: Rect, last: Rect, size: float) -> bool:
    """Whether a run of upright characters goes straight down."""
    aside = abs((first[0] + first[2]) - (last[0] + last[2])) / 2
    return aside <= size / 2 and last[1] >= first[1] + size / 2


def _below(before: Rect, box: Rect, em: float) -> bool:
    aside = abs((before[0] + before[2]) - (box[0] + box[2])) / 2
    step = ((box[1] + box[3]) - (before[1] + before[3])) / 2
    return aside <= em / 2 <= step <= _STACK_STEP * em


def _follows(before: Rect, box: Rect, em: float) -> bool:
    """Whether a box stands to the right of another on its line, about a space away at most."""
    overlap = min(before[3], box[3]) - max(before[1], box[1])
    least = _LEAST_OVERLAP * min(before[3] - before[1], box[3] - box[1])
    return -em / 4 <= box[0] - before[2] <= em and overlap >= least


def _distance(one: Rect, other: Rect) -> float:
    across = (one[0] + one[2]) - (other[0] + other[2])
    down = (one[1] + one[3]) - (other[1] + other[3])
    return float((across**2 + down**2) ** 0.5) / 2
