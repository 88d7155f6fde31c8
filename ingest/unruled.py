"""Tables without ruling lines: lines whose words leave the same strips of the page empty."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from ingest.page import Rule
from ingest.table import Cell, Table, ended_on_purpose, is_number, table_of, wide_gaps
from ingest.words import Word

_STRIP = 0.7  # em; what is left of a gap when all lines of a table are laid over each other
_CROSSED = 0.2  # share of the lines that may run across a strip (titles, long cells)
_SPLIT_GAP = 4.0  # em; words this far apart, with no table around, do not read as one line
_ROW_CELLS = 3  # so many pieces of one line are a row, fewer are lines of their own
_FEW = 3  # lines; more lines with the same gaps are no accident of justified text
_AROUND = 12  # lines that are looked at for the edge of the column
_FLUSH = 0.5  # em
_EVEN = 0.6  # of the widest space of a line; justified text stretches all of them
_COLUMN_LINES = 6  # so many lines at least are columns of text rather than a table
_FULL = 0.8  # of the column width
_FULL_SHARE = 0.6  # of the lines of a column of text
_LABELLED = 0.6  # of the columns, in the line above a table that is its header
_MARK = 3  # characters: "(1)", "12."
_TIGHT = 1.9  # em from line to line; the next row of a table may stand further away


class _Line:
    """A visual line with its edges in points, its font size, and where its wide gaps begin and end."""

    __slots__ = ("bottom", "em", "gaps", "left", "right", "top", "words")

    def __init__(self, words: list[Word]) -> None:
        self.words, self.gaps = words, wide_gaps(words)
        self.left, self.em = words[0].left, words[0].size
        self.right = max(word.right for word in words)
        self.top, self.bottom = min(word.top for word in words), max(word.bottom for word in words)


def unruled_tables(
    visual: Sequence[list[Word] | Table], horizontal: Sequence[Rule]
) -> list[list[Word] | Table]:
    """The same lines with tables in place of those that are one; text set in columns goes column by column.

    ``horizontal``: ruling lines, which part rows.
    """
    found: list[list[Word] | Table] = []
    lines: list[_Line] = []
    for entry in [*visual, None]:
        if isinstance(entry, list):
            lines.append(_Line(entry))
            continue
        found.extend(_read(lines, horizontal))
        lines = []
        if entry is not None:
            found.append(entry)
    return found


def _read(lines: Sequence[_Line], horizontal: Sequence[Rule]) -> list[list[Word] | Table]:
    found: list[list[Word] | Table] = []
    index = 0
    while index < len(lines):
        stop = _table_end(lines, index) if lines[index].gaps else index
        group = lines[index:stop]
        by_chance = len(group) <= _FEW and _is_justified(lines, index, stop)
        strips = [] if by_chance or not group else _strips(group)
        if not strips:
            stop = max(stop, index + 1)
            for line in range(index, stop):
                found.extend(_pieces(lines, line))
        elif _are_items(group, strips):
            found.extend(line.words for line in group)
        elif _are_columns(group, strips):
            found.extend(_by_column(group, strips))
        else:
            head = _head(lines[index - 1], group, strips) if index else []
            if head and found and found[-1] is lines[index - 1].words:
                found.pop()
            else:
                head = []
            found.append(_table(head, group, strips, horizontal))
        index = stop
    return found


def _pieces(lines: Sequence[_Line], index: int) -> list[list[Word] | Table]:
    """A line by itself, cut where words stand too far apart to read as one; three pieces are a row."""
    line = lines[index]
    cuts = [
        at
        for at, (a, b) in enumerate(pairwise(line.words), start=1)
        if line.gaps and b.left - a.right >= _SPLIT_GAP * max(a.size, b.size)
    ]
    if not cuts or _is_justified(lines, index, index + 1):
        return [line.words]
    pieces = [line.words[a:b] for a, b in pairwise([0, *cuts, len(line.words)])]
    return (
        list(pieces) if len(pieces) < _ROW_CELLS else [table_of([[Cell(tuple(piece)) for piece in pieces]])]
    )


def _table_end(lines: Sequence[_Line], start: int) -> int:
    """Where the lines end that share a gap with the one at ``start``; ``start`` where it shares none."""
    strips = lines[start].gaps
    stop = start
    for index in range(start + 1, len(lines)):
        line = lines[index]
        if line.words[0].turned != lines[start].words[0].turned or not _near(lines[index - 1], line):
            break
        left = [_uncrossed(strip, line) for strip in strips]
        supports = [strip for strip in left if strip and line.left <= strip[0] and line.right >= strip[1]]
        if supports:
            strips = [kept or strip for kept, strip in zip(left, strips, strict=True)]
            stop = index + 1
        elif not all(left) or line.gaps or not _is_tight(lines[index - 1], line):
            break  # it runs across the strips, has others, or stands apart
    return stop if stop > start + 1 else start


def _near(before: _Line, line: _Line) -> bool:
    """Whether a line stands below another, and not far away."""
    return before.top < line.top <= before.bottom + 3 * max(before.em, line.em)


def _is_tight(before: _Line, line: _Line) -> bool:
    """Whether a line is set as close below another, and as large, as the rows of a table are."""
    return line.em == before.em and line.top - before.top <= _TIGHT * line.em


def _uncrossed(strip: tuple[float, float], line: _Line) -> tuple[float, float] | None:
    """The widest part of a strip that no word of the line stands in; None where it is too narrow."""
    start, end = strip
    edges = [start]
    for word in line.words:
        if word.right > start and word.left < end:
            edges += [max(word.left, start), min(word.right, end)]
    edges.append(end)
    free = max(zip(edges[::2], edges[1::2], strict=True), key=lambda pair: pair[1] - pair[0])
    return free if free[1] - free[0] >= _STRIP * line.em else None


def _strips(group: Sequence[_Line]) -> list[tuple[float, float]]:
    """The strips of the page that (nearly) all lines of a group leave empty, with words on both sides."""
    em = max(line.em for line in group)
    events: list[tuple[float, int]] = []
    for line in group:
        for word in line.words:
            events += [(word.left, 1), (word.right, -1)]
    events.sort(key=lambda event: (event[0], -event[1]))
    allowed = int(_CROSSED * len(group))
    strips: list[tuple[float, float]] = []
    depth = 0
    since: float | None = None
    for at, step in events:
        before, depth = depth, depth + step
        if before > allowed >= depth:
            since = at
        elif before <= allowed < depth and since is not None and at - since >= _STRIP * em:
            strips.append((since, at))
    return [
        strip
        for strip in strips
        if sum(line.left < strip[0] and line.right > strip[1] for line in group) >= 2
    ]


def _is_justified(lines: Sequence[_Line], start: int, stop: int) -> bool:
    """Whether lines are text stretched to the right edge of the lines around them, by equal spaces."""
    for line in lines[start:stop]:
        spaces = [b.left - a.right for a, b in pairwise(line.words)]
        if not spaces or min(spaces) < _EVEN * max(spaces):
            return False
    if start == stop:
        return False
    last = lines[stop - 1]
    around = (*lines[max(start - _AROUND, 0) : start], *lines[stop : stop + _AROUND])
    return any(
        not line.gaps
        and abs(line.right - last.right) <= _FLUSH * last.em
        and abs(line.left - last.left) <= 3 * last.em
        for line in around
    )


def _cells(line: _Line, strips: Sequence[tuple[float, float]]) -> list[list[Word]]:
    """The words of a line by column; what runs across a strip stays in its first column."""
    cells: list[list[Word]] = [[] for _ in range(len(strips) + 1)]
    middles = [(start + end) / 2 for start, end in strips]
    column, before = 0, None
    for word in line.words:
        place = bisect_left(middles, word.middle[0])
        if before is None or word.left - before.right >= _STRIP * word.size / 2:
            column = place
        cells[column].append(word)
        before = word
    return cells


def _are_columns(group: Sequence[_Line], strips: Sequence[tuple[float, float]]) -> bool:
    """Whether the lines are columns of running text side by side: most lines fill their column."""
    if len(group) < _COLUMN_LINES or len(strips) > 2:
        return False
    rows = [_cells(line, strips) for line in group]
    for column in range(len(strips) + 1):
        cells = [row[column] for row in rows if row[column]]
        left = min(cell[0].left for cell in cells)
        width = max(cell[-1].right for cell in cells) - left
        full = sum(cell[-1].right - left >= _FULL * width for cell in cells)
        long = sum(sum(len(word.text) for word in cell) for cell in cells) >= 8 * len(cells)
        if full < _FULL_SHARE * len(cells) or not long:
            return False
    return True


def _are_items(group: Sequence[_Line], strips: Sequence[tuple[float, float]]) -> bool:
    """Whether the lines are items of a list, whose marks (or line numbers) stand far to their left."""
    marks = [_cells(line, strips)[0] for line in group]
    return len(strips) == 1 and all(sum(len(word.text) for word in mark) <= _MARK for mark in marks)


def _by_column(group: Sequence[_Line], strips: Sequence[tuple[float, float]]) -> list[list[Word]]:
    rows = [_cells(line, strips) for line in group]
    return [row[column] for column in range(len(strips) + 1) for row in rows if row[column]]


def _head(line: _Line, group: Sequence[_Line], strips: Sequence[tuple[float, float]]) -> list[list[Word]]:
    """The cells of a line right above a table whose words stand over most of its columns; none else.

    Labels of narrow columns stand as close to each other as words do.
    """
    below = group[0]
    alike = abs(line.em - below.em) <= _FLUSH * below.em / 2 and line.words[0].turned == below.words[0].turned
    near = 0 < below.top - line.top <= _TIGHT * max(line.em, below.em)
    columns = len(strips) + 1
    if columns < _ROW_CELLS or not alike or not near or len(line.words) > 2 * columns:
        return []
    edges = [min(each.left for each in group), *(x for strip in strips for x in strip)]
    edges.append(max(each.right for each in group))
    middles = [(left + right) / 2 for left, right in zip(edges[::2], edges[1::2], strict=True)]
    cells: list[list[Word]] = [[] for _ in range(columns)]
    for word in line.words:
        cells[min(range(columns), key=lambda column: abs(middles[column] - word.middle[0]))].append(word)
    filled = sum(map(bool, cells))
    return cells if filled >= _LABELLED * columns else []


def _table(
    head: list[list[Word]],
    group: Sequence[_Line],
    strips: Sequence[tuple[float, float]],
    horizontal: Sequence[Rule],
) -> Table:
    edges = [min(line.left for line in group), *(x for strip in strips for x in strip)]
    edges.append(max(line.right for line in group))
    widths = [right - left for left, right in zip(edges[::2], edges[1::2], strict=True)]
    rows = [head] if head else []
    last: _Line | None = None
    for line in group:
        cells = _cells(line, strips)
        if last is not None and _goes_on(rows[-1], cells, last, line, widths, horizontal):
            for cell, more in zip(rows[-1], cells, strict=True):
                cell.extend(more)
        else:
            rows.append(cells)
        last = line
    return table_of([[Cell(tuple(cell)) for cell in row] for row in rows])


def _goes_on(
    row: Sequence[Sequence[Word]],
    cells: Sequence[Sequence[Word]],
    before: _Line,
    line: _Line,
    widths: Sequence[float],
    horizontal: Sequence[Rule],
) -> bool:
    """Whether a line holds nothing but the rest of cells that wrap: none of its own first column."""
    filled = [index for index, cell in enumerate(cells) if cell]
    if cells[0] or not _is_tight(before, line) or 2 * len(filled) > len(cells):
        return False
    ruled = any(
        before.top < rule.position < line.bottom - line.em / 2 and rule.start <= line.left <= rule.end
        for rule in horizontal
    )
    if ruled:
        return False
    if len(filled) == 1 and row[0] and row[filled[0]] and not is_number(cells[filled[0]]):
        return True
    for index in filled:
        above, cell = row[index], cells[index]
        if not above or is_number(cell) or ended_on_purpose(above, cell, widths[index]):
            return False
    return True
