"""Rows and cells of a table on a page, and which words stand on one line."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.clean import is_han
from ingest.words import RIGHT_TO_LEFT, Word

_SAME_LINE_OVERLAP = 0.5  # share of the smaller height; superscripts overlap their line by more
_BACK_STEP = 0.6  # em; kerning and overlapping accents step back less
_WIDE_GAP = 1.5  # em; justified text stays below, mostly
_NUMBER = re.compile(r"[\d\s.,%+\-–—/:()$€£¥￥]+")


@dataclass(frozen=True, slots=True)
class Cell:
    """``repeated``: it stands in a row above and reaches down to this one."""

    words: tuple[Word, ...] = ()
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """The cells from left to right, empty ones too."""

    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows from top to bottom; all have the same number of cells."""

    rows: tuple[Row, ...]

    def words(self) -> Iterator[Word]:
        """Every word in it, once."""
        for row in self.rows:
            for cell in row.cells:
                if not cell.repeated:
                    yield from cell.words


def table_of(rows: Sequence[Sequence[Cell]]) -> Table:
    """A table without the rows and columns in which every cell is empty."""
    used = [row for row in rows if any(cell.words and not cell.repeated for cell in row)]
    width = max(map(len, used), default=0)
    columns = [index for index in range(width) if any(index < len(row) and row[index].words for row in used)]
    empty = Cell()
    return Table(
        tuple(Row(tuple(row[index] if index < len(row) else empty for index in columns)) for row in used)
    )


def is_same_line(before: Word, word: Word) -> bool:
    """Whether a word stands after another on one line."""
    if before.broken and word.top > before.bottom - (before.bottom - before.top) / 2:
        return False
    overlap = min(before.bottom, word.bottom) - max(before.top, word.top)
    height = min(before.bottom - before.top, word.bottom - word.top)
    if overlap < _SAME_LINE_OVERLAP * height:
        return False
    if word.left >= before.right - _BACK_STEP * before.size:
        return True
    reads_left = RIGHT_TO_LEFT.match(before.text) is not None
    return reads_left and word.right <= before.left + _BACK_STEP * before.size


def text_lines(words: Sequence[Word]) -> list[list[Word]]:
    """The words of a cell as lines."""
    lines: list[list[Word]] = []
    for word in words:
        if lines and is_same_line(lines[-1][-1], word):
            lines[-1].append(word)
        else:
            lines.append([word])
    return lines


def wide_gaps(words: Sequence[Word]) -> list[tuple[float, float]]:
    """Where the gaps between the words of a line that are too wide for a space begin and end."""
    return [
        (a.right, b.left) for a, b in pairwise(words) if b.left - a.right >= _WIDE_GAP * max(a.size, b.size)
    ]


def is_number(words: Sequence[Word]) -> bool:
    """Whether words are nothing but figures."""
    return _NUMBER.fullmatch("".join(word.text for word in words)) is not None


def ended_on_purpose(line: Sequence[Word], following: Sequence[Word], width: float) -> bool:
    """Whether the first word of the next line had room on this one, or both are numbers.

    ``width`` is that of the column. Chinese may break after every character.
    """
    if is_number(line) and is_number(following):
        return True
    first = following[0]
    need = first.right - first.left
    if is_han(first.text[0]):
        need = min(need, first.size)
    return width - (line[-1].right - line[0].left) >= need + first.size / 2
