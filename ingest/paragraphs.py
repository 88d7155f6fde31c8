"""From lines to running text: what a paragraph is, and where each of its lines is drawn.

A sentence of a PDF runs over line ends, columns and pages; the text that is cited should not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from ingest.clean import is_han
from ingest.geometry import Rect, from_frame
from ingest.headings import Heading, Headings
from ingest.lines import Line, Part, join
from ingest.types import Block, BlockKind, LineBox, PageSpan
from ingest.words import OBLIQUE
from retrieval.types import Box

_SAME_SIZE = 0.15  # share by which font sizes inside a paragraph differ at most
_LOOSEST = 2.6  # em from line to line; wider set lines are separate paragraphs
_USUAL = 1.5  # em, where a page has no two lines to measure
_PITCH_SLACK = 1.3  # times the usual line pitch of the page
_INDENT = 0.8  # em
_HANG = 4.0  # em; continuation lines of a list item stand at most so far to the right of its marker
_HAN_ROOM = 2.2  # em; Chinese lines end up to two characters early to keep punctuation off line starts
_WIDE_ROOM = 0.3  # of the column; so much room means a new paragraph even without a full stop
_MARKER = re.compile(
    r"(?:[•●○■□◆◇▪▶►‣➢➤✓✔]|[-*–](?=\s)|[(（]?(?:\d{1,3}|[一二三四五六七八九十]{1,3})(?:[)）、．]|\.(?!\d))"
    r"|[a-zA-Z][.)]\s|第[0-9一二三四五六七八九十百]+[章节條条款])"
)
_LEADER = re.compile(r"(?:…|\.{4,}|·{4,}|(?:\. ){4,}).{0,40}$")
_TERMINAL = re.compile(r"[。！？.!?:：；;…][”’」』）)\"']*$")
_TOKEN = re.compile(r"[^\s\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+|.")
_WORD = re.compile(r"[A-Za-z]+(?:-[A-Za-z]+)*")


@dataclass(frozen=True, slots=True)
class PageLines:
    """A page as displayed, with its size in points and the lines that are content."""

    number: int
    width: float
    height: float
    lines: tuple[Line, ...]

    @property
    def main_lines(self) -> tuple[Line, ...]:
        """The lines turned as most of the page is, and oblique ones."""
        return tuple(line for line in self.lines if line.turned in (self.lines[0].turned, OBLIQUE))

    @property
    def frame_height(self) -> float:
        """The height of the frame in which these lines stand."""
        turned = self.lines[0].turned if self.lines else 0
        return self.width if turned in (90, 270) else self.height


@dataclass(frozen=True, slots=True)
class Layout:
    """The text of a document with its blocks, pages and line boxes, all by offsets into the text."""

    text: str
    blocks: tuple[Block, ...]
    pages: tuple[PageSpan, ...]
    lines: tuple[LineBox, ...]


@dataclass(slots=True)
class _Group:
    """Lines that are one block."""

    kind: BlockKind
    lines: list[Line] = field(default_factory=list)
    heading: Heading | None = None


@dataclass(slots=True)
class _Run:
    """Lines of one size that stand below each other at an even pitch: (part of) a column."""

    left: float
    right: float
    count: int = 1


def lay_out(pages: Sequence[PageLines], headings: Headings) -> Layout:
    """Put the lines of all pages together to one text.

    Lines of a paragraph are joined, also over columns and pages. Table rows and list items keep lines of
    their own; blocks are set apart by an empty line.
    """
    runs: dict[int, _Run] = {}
    for page in pages:
        runs |= _runs(page.lines)
    groups: list[_Group] = []
    for page in pages:
        for line in page.lines:
            _place(line, groups, headings, runs)
    words = {word for page in pages for line in page.lines for word in _WORD.findall(line.text)}
    return _Writer(pages, headings, frozenset(words)).write(groups)


def _runs(lines: Sequence[Line]) -> dict[int, _Run]:
    limit = _pitch_limit(lines)
    runs: dict[int, _Run] = {}
    for before, line in zip([None, *lines], lines, strict=False):
        if before is not None and _below(before, line, limit):
            run = runs[id(before)]
            run.left, run.right = min(run.left, line.left), max(run.right, line.right)
            run.count += 1
        else:
            run = _Run(line.left, line.right)
        runs[id(line)] = run
    return runs


def _pitch_limit(lines: Sequence[Line]) -> float:
    pitches = [(b.top - a.top) / b.size for a, b in pairwise(lines) if a.size == b.size and b.size > 0]
    usual = [pitch for pitch in pitches if 0.8 <= pitch <= _LOOSEST]
    return min(_LOOSEST, _PITCH_SLACK * (median(usual) if usual else _USUAL))


def _below(before: Line, line: Line, limit: float) -> bool:
    """Whether a line is set directly below another, in the same size."""
    pitch = line.top - before.top
    overlap = min(before.right, line.right) - max(before.left, line.left)
    return (
        before.kind == line.kind == "text"
        and before.page == line.page
        and before.turned == line.turned != OBLIQUE
        and abs(line.size - before.size) <= _SAME_SIZE * max(line.size, before.size)
        and 0.4 * line.size <= pitch <= limit * line.size
        and overlap > 0
    )


def _place(line: Line, groups: list[_Group], headings: Headings, runs: dict[int, _Run]) -> None:
    """Add a line to the last group, or open a new one."""
    heading = headings.of_line.get(id(line))
    last = groups[-1] if groups else None
    if heading is not None:
        if last is None or last.heading is not heading:
            groups.append(_Group("heading", [], heading))
    elif line.kind == "row":
        if last is None or (last.lines[-1].page, last.lines[-1].table) != (line.page, line.table):
            groups.append(_Group("table"))
    elif last is None or last.kind not in ("paragraph", "list") or not _continues(last, line, runs):
        groups.append(_Group("list" if _MARKER.match(line.text) else "paragraph"))
    groups[-1].lines.append(line)


def _continues(group: _Group, line: Line, runs: dict[int, _Run]) -> bool:
    before = group.lines[-1]
    if _MARKER.match(line.text) or _LEADER.search(line.text) or _LEADER.search(before.text):
        return False
    if before.broken:
        return True
    run = runs[id(before)]
    if run is not runs[id(line)]:
        return _continues_elsewhere(before, line, run, runs[id(line)])
    step = (line.left - before.left) / line.size
    if step > _INDENT and not (len(group.lines) == 1 and group.kind == "list" and step <= _HANG):
        return False
    if step < -_INDENT and len(group.lines) > 1:
        return False
    return not _ends_early(before, line, run)


def _ends_early(before: Line, line: Line, run: _Run) -> bool:
    """Whether the line leaves room that the next one would have used, had the paragraph gone on."""
    room = run.right - before.right
    token = _TOKEN.match(line.text)
    share = len(token[0]) / len(line.text) if token else 0.0
    need = max(share * (line.right - line.left) + line.size / 2, 0.0)
    if is_han(line.text[0]):
        need = max(need, _HAN_ROOM * line.size)
    ended = _TERMINAL.search(before.text) is not None
    return room > need and (ended or room > _WIDE_ROOM * (run.right - run.left))


def _continues_elsewhere(before: Line, line: Line, run: _Run, other: _Run) -> bool:
    """Whether a paragraph goes on at the top of the next column or page."""
    moved = (before.page != line.page or line.top < before.top) and before.turned == line.turned != OBLIQUE
    alike = abs(line.size - before.size) <= 0.05 * line.size and run.count > 1 and other.count > 1
    indented = line.left - other.left > _INDENT * line.size / 2
    if not moved or not alike or indented or _TERMINAL.search(before.text):
        return False
    first = line.text[0]
    goes_on = is_han(first) or first.islower() or (is_han(before.text[-1]) and first.isalnum())
    return goes_on and run.right - before.right <= _HAN_ROOM * line.size


class _Writer:
    def __init__(self, pages: Sequence[PageLines], headings: Headings, words: frozenset[str]) -> None:
        self._sizes = {page.number: (page.width, page.height) for page in pages}
        self._unplaced = list(headings.unplaced)
        self._words = words
        self._text: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._boxes: list[LineBox] = []
        self._spans: dict[int, tuple[int, int]] = {}

    def write(self, groups: Sequence[_Group]) -> Layout:
        before: _Group | None = None
        for group in groups:
            if before is not None:
                self._append("\n" if before.kind == group.kind == "list" else "\n\n")
            self._place_headings(group.lines[0].page)
            self._write_group(group)
            before = group
        self._place_headings(max(self._sizes, default=0))
        text = "".join(self._text)
        spans: list[PageSpan] = []
        for number in self._sizes:
            at = spans[-1].end if spans else 0
            spans.append(PageSpan(number, *self._spans.get(number, (at, at))))
        return Layout(text, tuple(self._blocks), tuple(spans), tuple(self._boxes))

    def _append(self, text: str) -> None:
        self._text.append(text)
        self._length += len(text)

    def _place_headings(self, page: int) -> None:
        """Outline entries found on no line stand, without text, before the first text of their page."""
        while self._unplaced and self._unplaced[0].page <= page:
            entry = self._unplaced.pop(0)
            at = self._length
            self._blocks.append(Block("heading", at, at, entry.page, entry.level, entry.title))

    def _write_group(self, group: _Group) -> None:
        start = self._length
        for index, line in enumerate(group.lines):
            if index:
                before = group.lines[index - 1]
                self._append("\n" if group.kind == "table" else self._between(before, line))
            at = self._length
            self._append(line.text)
            whole = (Part(0, len(line.text), (line.left, line.top, line.right, line.bottom)),)
            for part in line.parts or whole:
                box = self._box(line, part.rect)
                self._boxes.append(LineBox(at + part.start, at + part.end, box))
            first, _ = self._spans.get(line.page, (at, at))
            self._spans[line.page] = (first, self._length)
        level, title = (group.heading.level, group.heading.title) if group.heading else (0, "")
        block = Block(group.kind, start, self._length, group.lines[0].page, level, title)
        merge = self._blocks and group.kind == "list" == self._blocks[-1].kind
        if merge and self._blocks[-1].end + 1 == start:
            first_item = self._blocks.pop()
            block = replace(first_item, end=block.end)
        self._blocks.append(block)

    def _between(self, before: Line, line: Line) -> str:
        """What stands between two lines: nothing, a space, or a hyphen the document writes elsewhere."""
        ends, begins = _WORD.findall(before.text)[-1:], _WORD.match(line.text)
        if before.broken and ends and begins:
            plain, dashed = ends[0] + begins[0], f"{ends[0]}-{begins[0]}"
            if dashed in self._words and plain not in self._words:
                return "-"
        joined = join(before.text, line.text, broken=before.broken)
        return joined[len(before.text) : len(joined) - len(line.text)]

    def _box(self, line: Line, rect: Rect) -> Box:
        width, height = self._sizes[line.page]
        if line.turned != OBLIQUE:
            rect = from_frame(line.turned, width, height, rect)
        left, right = (min(max(x / width, 0.0), 1.0) for x in (rect[0], rect[2]))
        top, bottom = (min(max(y / height, 0.0), 1.0) for y in (rect[1], rect[3]))
        return Box(line.page, round(left, 4), round(top, 4), round(right, 4), round(bottom, 4))
