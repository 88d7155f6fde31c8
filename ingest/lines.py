"""From words on a page to the lines a reader sees: words side by side become lines, tables become rows.

Pure geometry, in points. The order of the words is the order in which PDFium gives them; it was right on all
two-column pages that were tried.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ingest.clean import fold, is_han
from ingest.columns import in_reading_order, in_rows
from ingest.geometry import Rect, to_frame
from ingest.notes import with_notes
from ingest.page import Page, framed_rules
from ingest.ruled import ruled_tables
from ingest.table import Table, is_same_line, text_lines
from ingest.unruled import unruled_tables
from ingest.words import OBLIQUE, Word

CELL = " | "
"""Stands between the cells of a table row."""
BULLET = "• "
"""Stands before a line with a drawn dot in front of it."""
_SPACE = 0.2  # em; so far apart, words are set apart even where PDFium reports no space
_STRETCH = 6  # characters of a turned line that are boxed together
_DOT_SIZE = (0.15, 0.7)  # em
_DOT_GAP = 2.5  # em


@dataclass(frozen=True, slots=True)
class Part:
    """Where a stretch ``text[start:end]`` of a line stands, in the frame of the line."""

    start: int
    end: int
    rect: Rect


@dataclass(frozen=True, slots=True)
class Line:
    """A visual line, or a whole table row, in the frame it is turned to (``geometry.to_frame``).

    ``size`` is the font size of most of its characters. ``table`` tells the tables of a page apart, 0 is
    none. ``parts`` say where its parts stand; without any the line fills its box.
    """

    page: int
    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    kind: Literal["text", "row"] = "text"
    broken: bool = False
    turned: int = 0
    table: int = 0
    parts: tuple[Part, ...] = ()


def to_lines(page: Page) -> list[Line]:
    """The lines of a page in reading order; a table stands where its first word stood. None is blank.

    Text turned as most of the page is comes first, text turned otherwise after it, oblique text last.
    """
    words = with_notes(page.words, page.notes) if page.notes else page.words
    weight: dict[int, int] = {}
    for word in words:
        weight[word.turned] = weight.get(word.turned, 0) + len(word.text)
    first = max(weight, key=lambda turned: (turned != OBLIQUE, weight[turned]), default=0)
    lines: list[Line] = []
    for turned in sorted(weight, key=lambda turned: (turned == OBLIQUE, turned != first)):
        mine = words if len(weight) == 1 else [word for word in words if word.turned == turned]
        if turned > 0:  # PDFium sorts what begins at one height from the left, whichever way it is turned
            upright = sum(len(word.text) for word in mine if word.upright)
            mine = in_reading_order(mine) if 2 * upright > weight[turned] else in_rows(mine)
        if turned == OBLIQUE:
            lines.extend(_oblique_lines(page.number, mine))
        else:
            lines.extend(_frame_lines(page, turned, mine, tables=max((li.table for li in lines), default=0)))
    return [line for line in lines if line.text]


def join(before: str, after: str, *, broken: bool = False) -> str:
    """Two pieces of running text as one: no space beside Han characters, one between Latin words.

    A soft hyphen (``broken``) joins without anything, a hyphen at the end stays and joins.
    """
    if not before or not after:
        return before + after
    if broken or before[-1] in "-\u2010/" or is_han(before[-1]) or is_han(after[0]):
        return before + after
    return f"{before} {after}"


def _frame_lines(page: Page, turned: int, words: Sequence[Word], *, tables: int) -> list[Line]:
    vertical, horizontal, height = framed_rules(page, turned)
    ruled = ruled_tables(words, vertical, horizontal, height)
    table_of = {id(word): table for table in ruled for word in table.words()}
    visual: list[list[Word] | Table] = []
    done: set[int] = set()
    open_words: list[Word] = []
    for word in words:
        table = table_of.get(id(word))
        if table is not None:
            if id(table) not in done:
                done.add(id(table))
                visual.append(table)
                open_words = []
        elif open_words and is_same_line(open_words[-1], word):
            open_words.append(word)
        else:
            open_words = [word]
            visual.append(open_words)
    lines: list[Line] = []
    for entry in unruled_tables(visual, horizontal):
        if isinstance(entry, Table):
            tables += 1
            lines.extend(_rows(page.number, entry, turned, tables))
        else:
            lines.append(_line(page.number, entry, _set(entry)))
    if page.dots:
        lines = _bulleted(lines, [to_frame(turned, page.width, page.height, dot) for dot in page.dots])
    return lines


def _oblique_lines(page: int, words: Sequence[Word]) -> list[Line]:
    """Watermarks and the like: words that follow each other closely are one line."""
    groups: list[list[Word]] = []
    for word in words:
        near = groups and word.size == groups[-1][-1].size and _reach(groups[-1][-1], word) <= 2 * word.size
        if near:
            groups[-1].append(word)
        else:
            groups.append([word])
    return [_line(page, group, fold(" ".join(word.text for word in group))) for group in groups]


def _reach(one: Word, other: Word) -> float:
    """How far two boxes are apart, across or down."""
    across = max(other.left - one.right, one.left - other.right)
    down = max(other.top - one.bottom, one.top - other.bottom)
    return max(across, down)


def _set(words: Sequence[Word]) -> str:
    """The text of words on one line, as set: spaces where the page has them."""
    before = words[0]
    pieces = [before.text]
    for word in words[1:]:
        if word.spaced or abs(word.left - before.right) >= _SPACE * min(word.size, before.size):
            pieces.append(" ")
        pieces.append(word.text)
        before = word
    text = "".join(pieces)
    return text if text.isascii() else fold(text)


def _said(words: Sequence[Word]) -> str:
    """The text of a cell, whose words may stand on several lines."""
    text, broken = "", False
    for line in text_lines(words):
        text = join(text, _set(line), broken=broken)
        broken = line[-1].broken
    return fold(text)


def _line(page: int, words: Sequence[Word], text: str) -> Line:
    left, top, right, bottom = _around(words)
    turned = words[0].turned
    parts = _parts(words, text) if turned > 0 else ()
    return Line(
        page,
        text,
        left,
        top,
        right,
        bottom,
        _size(words),
        broken=words[-1].broken,
        turned=turned,
        parts=parts,
    )


def _parts(words: Sequence[Word], text: str) -> tuple[Part, ...]:
    """Short stretches of a turned line: whoever cuts the line later does not know which way it runs."""
    parts: list[Part] = []
    at = 0
    for word in words:
        start = text.find(word.text, at)
        if start < 0:  # folding has changed it
            return ()
        at = start + len(word.text)
        step = (word.right - word.left) / len(word.text)
        for first in range(0, len(word.text), _STRETCH):
            last = min(first + _STRETCH, len(word.text))
            rect = (word.left + first * step, word.top, word.left + last * step, word.bottom)
            parts.append(Part(start + first, start + last, rect))
    return tuple(parts)


def _around(words: Iterable[Word]) -> Rect:
    boxes = [(word.left, word.top, word.right, word.bottom) for word in words]
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return min(lefts), min(tops), max(rights), max(bottoms)


def _size(words: Sequence[Word]) -> float:
    size = words[0].size
    if all(word.size == size for word in words):
        return size
    weight: dict[float, int] = {}
    for word in words:
        weight[word.size] = weight.get(word.size, 0) + len(word.text)
    return max(weight, key=lambda size: (weight[size], size))


def _rows(page: int, table: Table, turned: int, number: int) -> list[Line]:
    """The rows of a table as lines; a repeated label and the rest of its row are boxed apart.

    Empty cells at the end of a row are left out.
    """
    lines: list[Line] = []
    for row in table.rows:
        text, parts = "", list[Part]()
        own: list[Word] = []
        start = 0
        for index, cell in enumerate(row.cells):
            said = _said(cell.words)
            text += (CELL if index else "") + said
            if said and cell.repeated:
                parts.append(Part(len(text) - len(said), len(text), _around(cell.words)))
            elif said:
                start = start if own else len(text) - len(said)
                own += cell.words
        lead = len(text) - len(text.lstrip())
        text = text.strip()
        while text.endswith(CELL.rstrip()):
            text = text[: -len(CELL.rstrip())].rstrip()
        if own:
            rect = _around(own)
            parts = [Part(part.start - lead, part.end - lead, part.rect) for part in parts]
            parts.append(Part(start - lead, len(text), rect))
            lines.append(
                Line(
                    page,
                    text,
                    *rect,
                    _size(own),
                    "row",
                    False,
                    turned,
                    number,
                    tuple(parts) if len(parts) > 1 else (),
                )
            )
    return lines


def _bulleted(lines: Sequence[Line], dots: Sequence[Rect]) -> list[Line]:
    """The lines with a bullet where a drawn dot stands before them.

    Dots of a list stand below each other; a dot by itself belongs to a drawing.
    """
    found = {id(line): dot for line in lines if line.kind == "text" and (dot := _dot_before(line, dots))}
    lefts = [round(dot[0]) for dot in found.values()]
    bulleted: list[Line] = []
    for line in lines:
        dot = found.get(id(line))
        if dot is not None and sum(abs(round(dot[0]) - left) <= 1 for left in lefts) > 1:
            bulleted.append(replace(line, text=BULLET + line.text, left=dot[0]))
        else:
            bulleted.append(line)
    return bulleted


def _dot_before(line: Line, dots: Sequence[Rect]) -> Rect | None:
    em = line.size
    for left, top, right, bottom in dots:
        near = em / 10 <= line.left - right <= _DOT_GAP * em
        small = _DOT_SIZE[0] * em <= bottom - top <= _DOT_SIZE[1] * em
        if near and small and line.top + em / 5 <= (top + bottom) / 2 <= line.bottom - em / 5:
            return left, top, right, bottom
    return None
