"""Puts lines that were found in no order into the order in which people read them."""

from collections.abc import Sequence

from ingest.table import is_same_line
from ingest.words import Word

_STRIP = 0.6  # em; columns of text are set further apart than words
_LEAST_LINES = 4  # in each column
_FILLED = 0.6  # of the column width, by half of its lines; the cells of tables are shorter
_LEAST_CHARACTERS = 8  # of half of the lines
_MOST_LINES = 1_000  # more are a large table, or a drawing


def in_reading_order(lines: Sequence[Word]) -> list[Word]:
    """Lines of one frame: from top to bottom, columns of running text one after the other.

    Cells of a table stay in their rows.
    """
    by_top = _by_top(lines)
    if len(by_top) > _MOST_LINES:
        return _rows(by_top)
    ordered: list[Word] = []
    start = 0
    while start < len(by_top):
        stop, cut = _columns(by_top, start)
        part = by_top[start:stop]
        if cut is None:
            ordered.extend(_rows(part))
        else:
            ordered.extend(in_reading_order([line for line in part if line.middle[0] < cut]))
            ordered.extend(in_reading_order([line for line in part if line.middle[0] >= cut]))
        start = stop
    return ordered


def in_rows(words: Sequence[Word]) -> list[Word]:
    """Words of one frame: from top to bottom, those on one line from left to right."""
    return _rows(_by_top(words))


def _by_top(words: Sequence[Word]) -> list[Word]:
    return sorted(words, key=lambda word: (word.top + word.bottom, word.left))


def _columns(words: Sequence[Word], start: int) -> tuple[int, float | None]:
    """Up to where the words from ``start`` on stand in columns, and where to cut them.

    Without columns: up to where columns begin, and None.
    """
    edges = min(word.left for word in words), max(word.right for word in words)
    for first in range(start, len(words)):
        stop, cut = _longest(words, first, edges)
        if cut is not None:
            return (stop, cut) if first == start else (first, None)
    return len(words), None


def _longest(words: Sequence[Word], first: int, edges: tuple[float, float]) -> tuple[int, float | None]:
    """The longest stretch from ``first`` on that leaves a strip empty, if that parts two columns of text.

    Gives back where the stretch ends and the middle of the strip, or ``first`` and None.
    """
    left, right = edges
    free, stop = [edges], first
    for word in words[first:]:
        least = _STRIP * word.size
        narrower = [
            piece
            for start, end in free
            for piece in ((start, min(end, word.left)), (max(start, word.right), end))
            if piece[1] - piece[0] >= least
        ]
        inner = [strip for strip in narrower if strip[0] > left and strip[1] < right]
        if stop - first >= 2 * _LEAST_LINES and not inner:
            break
        if not narrower:
            return first, None
        free, stop = narrower, stop + 1
    part = words[first:stop]
    for start, end in free:
        cut = (start + end) / 2
        if start > left and end < right and all(_is_text(side) for side in _sides(part, cut)):
            return stop, cut
    return first, None


def _sides(words: Sequence[Word], cut: float) -> tuple[list[Word], list[Word]]:
    return [word for word in words if word.right <= cut], [word for word in words if word.left >= cut]


def _is_text(side: Sequence[Word]) -> bool:
    """Whether lines fill their column, mostly."""
    if len(side) < _LEAST_LINES:
        return False
    width = max(word.right for word in side) - min(word.left for word in side)
    filled = sum(word.right - word.left >= _FILLED * width for word in side)
    long = sum(len(word.text) >= _LEAST_CHARACTERS for word in side)
    return 2 * filled >= len(side) and 2 * long >= len(side)


def _rows(words: Sequence[Word]) -> list[Word]:
    """Words side by side become one row, from left to right."""
    rows: list[list[Word]] = []
    for word in words:
        if rows and any(is_beside(other, word) for other in reversed(rows[-1])):
            rows[-1].append(word)
        else:
            rows.append([word])
    return [word for row in rows for stack in _stacks(row) for word in stack]


def _stacks(row: Sequence[Word]) -> list[list[Word]]:
    """The words of a row from left to right; those above each other (in one cell) from top to bottom."""
    stacks: list[list[Word]] = []
    for word in sorted(row, key=lambda word: word.left):
        other = stacks[-1][-1] if stacks else word
        overlap = min(word.right, other.right) - max(word.left, other.left)
        if stacks and 2 * overlap >= min(word.right - word.left, other.right - other.left):
            stacks[-1].append(word)
        else:
            stacks.append([word])
    return [sorted(stack, key=lambda word: word.top) for stack in stacks]


def is_beside(one: Word, other: Word) -> bool:
    """Whether two words stand on one line, whichever comes first."""
    first, second = (one, other) if one.left <= other.left else (other, one)
    return is_same_line(first, second)
