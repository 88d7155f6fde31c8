"""From words on a page to the lines a reader sees: words side by side become lines, ruled tables become rows.

Pure geometry, in points of the page as displayed, from its top left corner. The order of the words is the
order in which PDFium gives them; it was right on all two-column pages that were tried.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from ingest.clean import fold, is_han

CELL = " | "
"""Stands between the cells of a table row."""
_SAME_LINE_OVERLAP = 0.5  # share of the smaller height; superscripts overlap their line by more
_BACK_STEP = 0.6  # em; kerning and overlapping accents step back less
_WIDE_GAP = 1.5  # em; justified text stays below
_SPLIT_GAP = 4.0  # em; words this far apart, with no table around, do not read as one line
_MAX_ROW_SHARE = 0.35  # of the page height; taller "rows" are page frames
_TURNED = 1.6  # height of a word of two characters or more, to its font size and to its width
_RULE_SLACK = 2.0  # points by which a rule may miss its corner
_MAX_RULES = 1500  # more are a drawing, not a table


@dataclass(frozen=True, slots=True)
class Word:
    """Characters without white space between them. ``spaced``: white space stands before it on its line.

    ``broken``: it ends in a soft hyphen, so the next word continues it.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    spaced: bool = False
    broken: bool = False

    @property
    def middle(self) -> tuple[float, float]:
        """The centre, (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    @property
    def turned(self) -> bool:
        """Whether it runs up or down the page: vertical writing or rotated text."""
        height = self.bottom - self.top
        return len(self.text) > 1 and height > _TURNED * max(self.size, self.right - self.left)


@dataclass(frozen=True, slots=True)
class Rule:
    """A straight line of a drawing: at ``position``, from ``start`` to ``end`` along the other axis."""

    position: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Page:
    """What a page shows. ``drawn``: it holds images or paths, so that missing text may be a scan."""

    number: int
    width: float
    height: float
    words: tuple[Word, ...] = ()
    vertical: tuple[Rule, ...] = ()
    horizontal: tuple[Rule, ...] = ()
    drawn: bool = False
    hidden: int = 0
    ocr: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A visual line, or a whole table row. ``size`` is the font size of most of its characters."""

    page: int
    text: str
    left: float
    top: float
    right: float
    bottom: float
    size: float
    kind: Literal["text", "row"] = "text"
    broken: bool = False


def to_lines(page: Page) -> list[Line]:
    """The lines of a page in reading order; a row stands where its first word stood. None is blank."""
    rows = _ruled_rows(page)
    row_of = {id(word): index for index, row in enumerate(rows) for cell in row for word in cell}
    lines: list[Line] = []
    open_words: list[Word] = []
    visual: list[list[Word] | Line] = []
    done: set[int] = set()
    for word in page.words:
        index = row_of.get(id(word))
        if index is not None:
            if index not in done:
                done.add(index)
                open_words = []
                visual.append(_row_line(page.number, rows[index]))
        elif open_words and _same_line(open_words[-1], word):
            open_words.append(word)
        else:
            open_words = [word]
            visual.append(open_words)
    gapped = [not isinstance(entry, Line) and _gaps(entry) for entry in visual]
    for i, entry in enumerate(visual):
        if isinstance(entry, Line):
            lines.append(entry)
        else:
            neighbours = (j for j in (i - 1, i + 1) if 0 <= j < len(visual) and gapped[j])
            lines.extend(_text_lines(page.number, entry, any(_aligned(entry, visual[j]) for j in neighbours)))
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


def _same_line(before: Word, word: Word) -> bool:
    if before.broken and word.top > before.bottom - (before.bottom - before.top) / 2:
        return False
    if before.turned:
        gap = max(word.top - before.bottom, before.top - word.bottom)
        return abs(word.middle[0] - before.middle[0]) <= before.size / 2 and gap <= before.size
    overlap = min(before.bottom, word.bottom) - max(before.top, word.top)
    height = min(before.bottom - before.top, word.bottom - word.top)
    return overlap >= _SAME_LINE_OVERLAP * height and word.left >= before.right - _BACK_STEP * before.size


def _gaps(words: Sequence[Word]) -> list[int]:
    """Where a wide gap stands: before words[i]."""
    pairs = enumerate(pairwise(words), start=1)
    return [i for i, (a, b) in pairs if b.left - a.right >= _WIDE_GAP * max(a.size, b.size)]


def _aligned(words: Sequence[Word], other: "Sequence[Word] | Line") -> bool:
    if isinstance(other, Line):
        return False
    ours, theirs = ([row[i] for i in _gaps(row)] for row in (words, other))
    return any(
        min(abs(a.left - b.left), abs(a.right - b.right)) <= a.size / 2 for a in ours for b in theirs
    )


def _text_lines(page: int, words: Sequence[Word], beside_table: bool) -> list[Line]:
    """A table row where wide gaps make it one, else a line, cut at very wide gaps."""
    gaps = _gaps(words)
    cells = [words[a:b] for a, b in pairwise([0, *gaps, len(words)])]
    if gaps and (beside_table or len(gaps) > 1):
        text = CELL.join(_set(cell) for cell in cells)
        return [_line(page, words, text, "row")]
    far = [i for i in gaps if words[i].left - words[i - 1].right >= _SPLIT_GAP * words[i].size]
    parts = [words[a:b] for a, b in pairwise([0, *far, len(words)])]
    return [_line(page, part, _set(part), "text") for part in parts]


def _set(words: Sequence[Word]) -> str:
    """The text of words on one or more lines, as set: spaces where the page has them."""
    text = ""
    for before, word in zip([None, *words], words, strict=False):
        if before is None or _same_line(before, word):
            text += (" " if word.spaced and text else "") + word.text
        else:
            text = join(text, word.text, broken=before.broken)
    return fold(text)


def _line(page: int, words: Sequence[Word], text: str, kind: Literal["text", "row"]) -> Line:
    weight: dict[float, int] = {}
    for word in words:
        weight[word.size] = weight.get(word.size, 0) + len(word.text)
    return Line(
        page=page,
        text=text,
        left=min(word.left for word in words),
        top=min(word.top for word in words),
        right=max(word.right for word in words),
        bottom=max(word.bottom for word in words),
        size=max(weight, key=lambda size: (weight[size], size)),
        kind=kind,
        broken=words[-1].broken,
    )


def _row_line(page: int, cells: Sequence[Sequence[Word]]) -> Line:
    text = fold(CELL.join(_set(cell) for cell in cells))
    return _line(page, [word for cell in cells for word in cell], text, "row")


def _ruled_rows(page: Page) -> list[list[list[Word]]]:
    """Rows of ruled tables: the cells from left to right (empty ones too), for each its words.

    A row lies between two neighbouring horizontal rules and is cut by vertical ones of its full height.
    """
    if not page.vertical or len(page.vertical) + len(page.horizontal) > _MAX_RULES:
        return []
    found: dict[tuple[float, float], dict[int, list[Word]]] = {}
    for word in page.words:
        x, y = word.middle
        above = [rule.position for rule in page.horizontal if rule.position <= y and _crosses(rule, x)]
        below = [rule.position for rule in page.horizontal if rule.position > y and _crosses(rule, x)]
        if not above or not below or min(below) - max(above) > _MAX_ROW_SHARE * page.height:
            continue
        top, bottom = max(above), min(below)
        columns = sorted(rule.position for rule in page.vertical if _spans(rule, top, bottom))
        found.setdefault((round(top), round(bottom)), {}).setdefault(_column(columns, x), []).append(word)
    return [
        [cells.get(column, []) for column in range(min(cells), max(cells) + 1)]
        for cells in found.values()
        if len(cells) > 1
    ]


def _crosses(rule: Rule, at: float) -> bool:
    return rule.start - 1 <= at <= rule.end + 1


def _spans(rule: Rule, top: float, bottom: float) -> bool:
    return rule.start <= top + _RULE_SLACK and rule.end >= bottom - _RULE_SLACK


def _column(positions: Sequence[float], x: float) -> int:
    """How many distinct rules stand left of x; rules closer than 3 points are the two sides of one."""
    distinct = [b for a, b in pairwise([float("-inf"), *positions]) if b - a > 3]
    return bisect_left(distinct, x)
