"""The words of a page with their boxes, and the text that a reader cannot see.

Runs only inside the parser subprocess. A run is a stretch of characters of one text object without white
space; its characters share font, size, colour and direction, so two boxes say where all of them are.
"""

import math
import re
from collections.abc import Iterator
from ctypes import c_double, c_float, c_ushort
from dataclasses import dataclass

from ingest import pdfium_calls as call
from ingest.geometry import Affine, Rect, holder, turn, union
from ingest.pdfium_objects import Backdrop, Walker
from ingest.words import OBLIQUE, RIGHT_TO_LEFT, Word, WordBuilder

_TINY = 2.0  # points; smaller text cannot be read on paper or screen
_TINY_SHARE = 1 / 300  # of the page height: pages drawn at a small scale have small fonts that can be read
_OUTSIDE = 0.01  # of the page size beyond its edge
_LEAST_SIZE = 0.1  # points, where a broken matrix says 0
_WILD_BOX = 4.0  # em; a font that claims to be larger has a wrong bounding box
_FLAT_BOX = 0.6  # em; a font that claims to be lower says nothing about its height
_ASCENT, _DESCENT = 0.85, 0.2  # em; of such a font
_ASKEW = 10.0  # degrees; text turned further off a right angle is oblique
_HYPHEN = "\x02"
_PARTS = re.compile("[^\x00\x02\ufffe\t\n\r \xa0\u2002\u2003\u3000]+")
_UNKNOWN = 0x110000  # and above: no code points
_HIDDEN, _VISIBLE, _OCR = "hidden", "", "ocr"


@dataclass(frozen=True, slots=True)
class Ink:
    """How a text object is painted; ``size`` in points as displayed, 0 where unknown."""

    size: float
    turned: int = 0
    invisible: bool = False
    pale: bool = False


@dataclass(frozen=True, slots=True)
class PageText:
    """``hidden`` and ``ocr`` count characters; hidden ones are not among the words."""

    words: list[Word]
    hidden: int
    ocr: int


class TextReader:
    """Reads the text of pages, one after the other."""

    def __init__(self, walker: Walker) -> None:
        self._walker = walker
        self._floats, self._corners = call.Buffer(c_float, 6), call.Buffer(c_float, 4)
        self._doubles = call.Buffer(c_double, 4)

    def read(
        self,
        text_page: int,
        to_display: Affine,
        size: tuple[float, float],
        backdrop: Backdrop,
        only: set[int] | None = None,
    ) -> PageText:
        """All words in the order in which PDFium gives them, or those of some text objects ``only``.

        ``size`` is width and height as displayed. Hidden is what is invisible by render mode (unless it lies
        over an image, which is how OCR stores its text), white or transparent with nothing dark behind it,
        under 2 points, or outside the page. Text covered by a later object is not recognised.
        """
        self._page, self._to_display, self._backdrop = text_page, to_display, backdrop
        self._width, self._height = size
        self._tiny = min(_TINY, self._height * _TINY_SHARE)
        self._inks: dict[int, Ink] = {}
        self._upright = to_display[:4] == (1.0, 0.0, 0.0, -1.0)
        self._builder = WordBuilder(self._width, self._height)
        self._hidden = self._ocr = 0
        characters = self._characters()
        exact = RIGHT_TO_LEFT.search(characters) is not None
        end = 0
        for part in _PARTS.finditer(characters):
            self._separate(characters[end : part.start()], end)
            end = part.end()
            for start, stop, item in self._runs(part.start(), end, exact=exact):
                if only is None or item in only:
                    self._add(characters, start, stop, item)
        return PageText(self._builder.finish(), self._hidden, self._ocr)

    def _characters(self) -> str:
        """The text of the page, one character for each of PDFium's; U+0002 stands for a soft hyphen."""
        count = call.count_characters(self._page)
        if count <= 0:
            return ""
        buffer = (c_ushort * (count + 1))()
        written = call.all_text(self._page, 0, count, buffer) - 1
        text = bytes(buffer)[: 2 * written].decode("utf-16-le", errors="replace")
        if len(text) != count:  # characters are missing, or stand for two
            return "".join(map(self._character, range(count)))
        pieces = text.split("\ufffe")  # broken words, or characters of unknown meaning
        for index, piece in enumerate(pieces[1:], start=1):
            at = sum(map(len, pieces[:index]))
            pieces[index] = self._character(at) + piece
        return "".join(pieces)

    def _character(self, index: int) -> str:
        code = call.character(self._page, index)
        if code in (0x2, 0xFFFE):
            return _HYPHEN
        if code == 0xD and not call.is_generated(self._page, index):
            return "\0"  # a glyph that its font maps to a control character
        return chr(code) if code < _UNKNOWN else "\ufffd"

    def _separate(self, between: str, start: int) -> None:
        """What stands between two parts."""
        if _HYPHEN in between or "\ufffe" in between:
            self._builder.hyphen()
        elif "\n" in between or (
            "\r" in between and call.is_generated(self._page, start + between.index("\r"))
        ):
            self._builder.line_end()
        elif between.strip("\0\r"):
            sure = self._builder.turned == 0 or not call.is_generated(self._page, start)
            self._builder.space(sure=sure)

    def _runs(self, start: int, stop: int, *, exact: bool) -> Iterator[tuple[int, int, int]]:
        """Start, end and text object of each run in a part.

        Objects follow each other; only text from right to left is set in another order, so that there
        (``exact``) every character is looked at.
        """
        item = call.text_object(self._page, start) or 0
        if not exact and (stop - start == 1 or item == (call.text_object(self._page, stop - 1) or 0)):
            yield start, stop, item
            return
        begin = start
        for index in range(start + 1, stop):
            other = call.text_object(self._page, index) or 0
            if other != item or exact:
                yield begin, index, item
                begin, item = index, other
        yield begin, stop, item

    def _add(self, characters: str, start: int, stop: int, item: int) -> None:
        ink = self._ink(start, item)
        first = self._box_of(start, ink)
        last = first if stop - start == 1 else self._box_of(stop - 1, ink)
        why = self._why_hidden(first, last, ink)
        if why is None:  # not the same for all of its characters
            for index in range(start, stop):
                self._add(characters, index, index + 1, item)
        elif why == _HIDDEN:
            self._hidden += stop - start
        else:
            self._ocr += stop - start if why == _OCR else 0
            size = max(ink.size or round(_thickness(first, ink), 1), _LEAST_SIZE)
            self._builder.add(_whole(characters[start:stop]), first, last, size, ink.turned)

    def _ink(self, index: int, item: int) -> Ink:
        """How a character is painted: one look per text object, its characters share font and matrix."""
        ink = self._inks.get(item) if item else None
        if ink is None:
            call.character_matrix(self._page, index, self._floats.at[0])
            a, b, c, d = self._floats.values[:4]
            size = round(call.font_size(self._page, index) * math.sqrt(abs(a * d - b * c)), 1)
            invisible = pale = False
            if item:
                mode = call.render_mode(item)
                invisible = mode == call.INVISIBLE
                pale = mode in (call.FILL, call.FILL_AND_CLIP) and self._walker.is_pale(item)
            ink = Ink(size, self._turned(a, b), invisible, pale)
            if item:
                self._inks[item] = ink
        return ink

    def _turned(self, a: float, b: float) -> int:
        """How far text with this direction in page space is turned clockwise as displayed."""
        across, down = (
            self._to_display[0] * a + self._to_display[2] * b,
            (self._to_display[1] * a + self._to_display[3] * b),
        )
        if down == 0 and across >= 0:
            return 0
        angle = math.degrees(math.atan2(down, across)) % 360
        right_angle = round(angle / 90) * 90
        return right_angle % 360 if abs(angle - right_angle) <= _ASKEW else OBLIQUE

    def _box_of(self, index: int, ink: Ink) -> Rect:
        """The box of a character as displayed: as high as its font, as wide as its step."""
        call.loose_box(self._page, index, self._corners.at[0])
        left, top, right, bottom = self._corners.values[:]
        size = ink.size
        if size and max(right - left, top - bottom) > _WILD_BOX * size:
            call.tight_box(self._page, index, *self._doubles.at)
            left, right, bottom, top = self._doubles.values[:]
        if self._upright:
            box = (
                left + self._to_display[4],
                self._to_display[5] - top,
                right + self._to_display[4],
                (self._to_display[5] - bottom),
            )
        else:
            box = turn(self._to_display, (left, bottom, right, top))
        return self._as_high_as_font(index, box, ink) if _thickness(box, ink) < _FLAT_BOX * size else box

    def _as_high_as_font(self, index: int, box: Rect, ink: Ink) -> Rect:
        """The box stretched from descent to ascent, for fonts that do not say how high they are."""
        if not call.origin(self._page, index, *self._doubles.at[:2]):
            return box
        x, y = self._doubles.values[:2]
        x, y, _, _ = turn(self._to_display, (x, y, x, y))
        up, down = _ASCENT * ink.size, _DESCENT * ink.size
        if ink.turned == 0:
            return union(box, (box[0], y - up, box[2], y + down))
        if ink.turned == 180:
            return union(box, (box[0], y - down, box[2], y + up))
        if ink.turned == 90:
            return union(box, (x - down, box[1], x + up, box[3]))
        if ink.turned == 270:
            return union(box, (x - up, box[1], x + down, box[3]))
        return box

    def _why_hidden(self, first: Rect, last: Rect, ink: Ink) -> str | None:
        """Why a run is not seen; None where that differs between its characters."""
        outside = self._is_outside(first)
        if first is not last and self._is_outside(last) != outside:
            return None
        if outside or (0 < ink.size < self._tiny and _thickness(first, ink) < 2 * self._tiny):
            return _HIDDEN
        if not (ink.invisible or ink.pale):
            return _VISIBLE
        behind = self._backdrop.images if ink.invisible else self._backdrop.fills + self._backdrop.images
        backs = [holder((box[0] + box[2]) / 2, (box[1] + box[3]) / 2, behind) for box in (first, last)]
        if first is not last and backs[0] is not backs[1]:
            return None
        if backs[0] is None:
            return _HIDDEN
        return _OCR if ink.invisible else _VISIBLE

    def _is_outside(self, box: Rect) -> bool:
        margin_x, margin_y = _OUTSIDE * self._width, _OUTSIDE * self._height
        return (
            box[2] < -margin_x
            or box[3] < -margin_y
            or box[0] > self._width + margin_x
            or box[1] > self._height + margin_y
        )


def _thickness(box: Rect, ink: Ink) -> float:
    """How high a box is, seen in the direction of its text."""
    if ink.turned == 0:
        return box[3] - box[1]
    if ink.turned == OBLIQUE:
        return min(box[2] - box[0], box[3] - box[1])
    return box[3] - box[1] if ink.turned == 180 else box[2] - box[0]


def _whole(text: str) -> str:
    """The text with surrogates put together to the characters they stand for."""
    if text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text):
        return text
    return text.encode("utf-16", errors="surrogatepass").decode("utf-16", errors="replace")
