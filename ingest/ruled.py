"""Ruled tables: a cell is what ruling lines enclose, across rows or columns where a line is missing."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from ingest.page import Rule
from ingest.table import Cell, Table, ended_on_purpose, is_same_line, table_of, text_lines, wide_gaps
from ingest.words import Word

_TOUCH = 3.0  # points by which rules may miss each other; two rules closer than this are one
_MAX_RULES = 1500  # more are a drawing, not a table
_MAX_UNITS = 20_000  # squares of a grid
_COVERED = 0.6  # share of the side of a square that a rule has to cover to close it
_MAX_ROW_SHARE = 0.35  # of the page height; taller "rows" are page frames
_MAX_LABEL = 40  # characters; only short cells are repeated in the rows that they reach down to
_MAX_LINES_ACROSS = 4  # of a cell across several columns; more are a table without rules inside
_SPLIT_SHARE = 0.6  # of the cells of a row, and of the line ends in them


@dataclass(slots=True)
class _Box:
    """A cell: the squares of the grid it covers (last ones included) and its words."""

    top: int
    left: int
    bottom: int
    right: int
    words: list[Word] = field(default_factory=list)


def ruled_tables(
    words: Sequence[Word], vertical: Sequence[Rule], horizontal: Sequence[Rule], height: float
) -> list[Table]:
    """The ruled tables of a page. ``height`` is that of the page; everything in one frame, in points.

    A table has two filled columns at least. Where a cell reaches down over several rows, a short one of the
    leading columns (a label) is repeated in each of them.
    """
    if not vertical or not horizontal or len(vertical) + len(horizontal) > _MAX_RULES:
        return []
    tables: list[Table] = []
    taken: set[int] = set()
    for ours, theirs in _components(vertical, horizontal):
        grid = _grid(ours, theirs)
        if grid is None:
            continue
        inside = {id(word) for word in words if grid.holds(word) and id(word) not in taken}
        cut = {id(word) for pair in pairwise(words) for word in _cut_apart(*pair, inside)}
        table = grid.table([word for word in words if id(word) in inside], cut, height) if inside else None
        if table is not None:
            tables.append(table)
            taken.update(id(word) for word in table.words())
    return tables


def _cut_apart(before: Word, word: Word, inside: set[int]) -> tuple[Word, ...]:
    """Two words that read as one text, where only one of them stands between the rules."""
    if (id(before) in inside) == (id(word) in inside) or not is_same_line(before, word):
        return ()
    return (before, word) if word.left - before.right < word.size else ()


def _components(vertical: Sequence[Rule], horizontal: Sequence[Rule]) -> list[tuple[list[Rule], list[Rule]]]:
    """Vertical and horizontal rules that touch each other, directly or through others; the smallest first."""
    rows = sorted(horizontal, key=lambda rule: rule.position)
    positions = [rule.position for rule in rows]
    parent = list(range(len(rows) + len(vertical)))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for index, rule in enumerate(vertical, start=len(rows)):
        first = bisect_left(positions, rule.start - _TOUCH)
        for row in range(first, bisect_right(positions, rule.end + _TOUCH)):
            if rows[row].start - _TOUCH <= rule.position <= rows[row].end + _TOUCH:
                parent[root(row)] = root(index)
    found: dict[int, tuple[list[Rule], list[Rule]]] = {}
    for index, rule in enumerate(vertical, start=len(rows)):
        found.setdefault(root(index), ([], []))[0].append(rule)
    for index, rule in enumerate(rows):
        found.setdefault(root(index), ([], []))[1].append(rule)
    joined = [pair for pair in found.values() if pair[0] and len(pair[1]) > 1]
    return sorted(joined, key=lambda pair: (_extent(pair[1]), pair[1][0].position))


def _extent(rules: Sequence[Rule]) -> float:
    width = max(rule.end for rule in rules) - min(rule.start for rule in rules)
    return width * (rules[-1].position - rules[0].position)


def _grid(vertical: Sequence[Rule], horizontal: Sequence[Rule]) -> "_Grid | None":
    xs = _distinct(
        [rule.position for rule in vertical]
        + [min(r.start for r in horizontal), max(r.end for r in horizontal)]
    )
    ys = _distinct(
        [rule.position for rule in horizontal]
        + [min(r.start for r in vertical), max(r.end for r in vertical)]
    )
    if len(xs) < 3 or len(ys) < 2 or len(xs) * len(ys) > _MAX_UNITS:
        return None
    return _Grid(xs, ys, _sides(vertical, xs, ys), _sides(horizontal, ys, xs))


def _distinct(positions: Sequence[float]) -> list[float]:
    """Positions in order; those closer than 3 points are one."""
    groups: list[list[float]] = []
    for position in sorted(positions):
        if groups and position - groups[-1][-1] <= _TOUCH:
            groups[-1].append(position)
        else:
            groups.append([position])
    return [sum(group) / len(group) for group in groups]


def _sides(
    rules: Sequence[Rule], positions: Sequence[float], across: Sequence[float]
) -> set[tuple[int, int]]:
    """The sides of squares that rules close: (index of the position, index of the square along the rule)."""
    spans: dict[int, list[tuple[float, float]]] = {}
    for rule in rules:
        near = min(range(len(positions)), key=lambda i: abs(positions[i] - rule.position))
        spans.setdefault(near, []).append((rule.start, rule.end))
    closed: set[tuple[int, int]] = set()
    for index, pieces in spans.items():
        merged = _merged(pieces)
        for square, (start, end) in enumerate(pairwise(across)):
            covered = sum(max(min(b, end) - max(a, start), 0.0) for a, b in merged)
            if covered >= _COVERED * (end - start):
                closed.add((index, square))
    return closed


def _merged(pieces: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    merged: list[tuple[float, float]] = []
    for start, end in sorted(pieces):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


@dataclass(frozen=True, slots=True)
class _Grid:
    """The positions of the rules, and which sides of the squares between them are closed."""

    xs: list[float]
    ys: list[float]
    closed_x: set[tuple[int, int]]
    closed_y: set[tuple[int, int]]

    def holds(self, word: Word) -> bool:
        """Whether a word stands between the outermost rules."""
        return self.xs[0] <= word.middle[0] <= self.xs[-1] and self.ys[0] <= word.middle[1] <= self.ys[-1]

    def table(self, words: Sequence[Word], cut: set[int], page_height: float) -> Table | None:
        """The table with these words, all of which it holds; None where it is none.

        Words ``cut`` off from what they belong to stand in no cell.
        """
        boxes = self._boxes()
        for word in words:
            x, y = word.middle
            column, row = (
                bisect_right(self.xs, x, hi=len(self.xs) - 1),
                bisect_right(self.ys, y, hi=len(self.ys) - 1),
            )
            boxes[row - 1, column - 1].words.append(word)
        cells = {id(box): box for box in boxes.values() if box.words}
        whole = [box for box in cells.values() if not any(id(word) in cut for word in box.words)]
        filled = [box for box in whole if self._is_cell(box, page_height)]
        if len({box.left for box in filled}) < 2 or 2 * len(filled) < len(cells):
            return None
        rows: list[list[Cell]] = []
        for row in range(len(self.ys) - 1):
            rows.extend(self._rows(row, filled))
        return table_of(rows)

    def _boxes(self) -> dict[tuple[int, int], _Box]:
        """For each square (row, column) its cell: the squares without a closed side between them."""
        boxes: dict[tuple[int, int], _Box] = {}
        for row in range(len(self.ys) - 1):
            for column in range(len(self.xs) - 1):
                if (row, column) not in boxes:
                    self._fill(row, column, boxes)
        return boxes

    def _fill(self, row: int, column: int, boxes: dict[tuple[int, int], _Box]) -> None:
        box = _Box(row, column, row, column)
        boxes[row, column] = box
        todo = [(row, column)]
        while todo:
            y, x = todo.pop()
            box.top, box.left = min(box.top, y), min(box.left, x)
            box.bottom, box.right = max(box.bottom, y), max(box.right, x)
            near = (
                ((y, x - 1), (x, y) in self.closed_x),
                ((y, x + 1), (x + 1, y) in self.closed_x),
                ((y - 1, x), (y, x) in self.closed_y),
                ((y + 1, x), (y + 1, x) in self.closed_y),
            )
            for square, closed in near:
                inside = 0 <= square[0] < len(self.ys) - 1 and 0 <= square[1] < len(self.xs) - 1
                if inside and not closed and square not in boxes:
                    boxes[square] = box
                    todo.append(square)

    def _is_cell(self, box: _Box, page_height: float) -> bool:
        """Whether what a cell holds can be the cell of a table: neither a page nor a table without rules."""
        high = self.ys[box.bottom + 1] - self.ys[box.top]
        if box.bottom == box.top and high > _MAX_ROW_SHARE * page_height:
            return False
        lines = text_lines(box.words)
        if len(lines) > 1 and 2 * sum(bool(wide_gaps(line)) for line in lines) >= len(lines):
            return False
        return box.right == box.left or len(lines) <= _MAX_LINES_ACROSS

    def _rows(self, row: int, boxes: Sequence[_Box]) -> list[list[Cell]]:
        """The row of the grid as one row of the table, or as several where no rule parts its lines."""
        begins = {box.left: box for box in boxes if box.top == row}
        labels = self._labels(row, boxes)
        count = self._lines_that_are_rows([begins[left] for left in sorted(begins)])
        cells = [[Cell() for _ in self.xs[1:]] for _ in range(count)]
        for left, label in labels.items():
            for line in cells:
                line[left] = Cell(tuple(label.words), repeated=True)
        for left, box in begins.items():
            if count == 1:
                cells[0][left] = Cell(tuple(box.words))
                continue
            lines = text_lines(box.words)
            for index, words in enumerate(lines):
                place = index if len(lines) == count else self._nearest(words, begins, count)
                cells[place][left] = Cell((*cells[place][left].words, *words))
        return cells

    def _nearest(self, words: Sequence[Word], begins: dict[int, _Box], count: int) -> int:
        """The row of a line of a cell that has fewer lines than the row has rows."""
        model = next(lines for box in begins.values() if len(lines := text_lines(box.words)) == count)
        middle = words[0].middle[1]
        return min(range(count), key=lambda index: abs(model[index][0].middle[1] - middle))

    def _labels(self, row: int, boxes: Sequence[_Box]) -> dict[int, _Box]:
        """Short cells of the leading columns that reach down to this row from above."""
        spanning = {box.left: box for box in boxes if box.top < row <= box.bottom}
        labels: dict[int, _Box] = {}
        column = 0
        while column in spanning:
            box = spanning[column]
            if sum(len(word.text) for word in box.words) > _MAX_LABEL:
                break
            labels[column] = box
            column = box.right + 1
        return labels

    def _lines_that_are_rows(self, boxes: Sequence[_Box]) -> int:
        """How many rows the lines in these cells are: 1, unless they are aligned and ended on purpose."""
        if len(boxes) < 2 or any(box.bottom != box.top for box in boxes):
            return 1
        lines = [text_lines(box.words) for box in boxes]
        count = max(map(len, lines))
        full = [(box, these) for box, these in zip(boxes, lines, strict=True) if len(these) == count]
        if count < 2 or len(full) < 2 or len(full) < _SPLIT_SHARE * len(boxes) or len(lines[0]) != count:
            return 1
        for _, these in full[1:]:
            for ours, theirs in zip(lines[0], these, strict=True):
                if abs(ours[0].middle[1] - theirs[0].middle[1]) > ours[0].size / 2:
                    return 1
        ends = [
            ended_on_purpose(before, line, self.xs[box.right + 1] - self.xs[box.left])
            for box, these in full
            for before, line in pairwise(these)
        ]
        return count if sum(ends) >= _SPLIT_SHARE * len(ends) else 1
