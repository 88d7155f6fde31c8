"""Builds the text of a document block by block, so that every offset is right by construction.

For formats whose text is not one string in the file (Office, HTML, CSV). An empty line sets
blocks apart.
"""

import re
from collections.abc import Sequence

from ingest.clean import clean
from ingest.errors import IngestError
from ingest.headings import clip, is_title
from ingest.readers import Limits
from ingest.types import Block, BlockKind, PageSpan
from ingest.wire import Parsed
from retrieval.types import Notice

CELL_GAP = " | "  # between the cells of a row, as in the tables of PDFs
_NUMBER = re.compile(r"[-+(]?[¥￥$€£]?\d[\d,.:/年月日 -]*[%)]?[元天个万亿]?")
_YEAR = re.compile(r"(?:19|20)\d\d年?")
_ROWS_LOOKED_AT = 50
_HAN = re.compile("[\u4e00-\u9fff]")


class Writer:
    """The text so far, with its blocks and pages. Raises ``IngestError`` (too_much_text) at the limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._parts: list[str] = []
        self._length = 0
        self._blocks: list[Block] = []
        self._labels: list[tuple[int, str]] = []  # (level, title) of labels that wait for what they label
        self._pages: list[PageSpan] = []
        self._page = 0
        self._page_start = -1  # where the first block of the open page begins
        self._invisible = 0

    @property
    def blocks(self) -> Sequence[Block]:
        """What has been written."""
        return self._blocks

    @property
    def invisible(self) -> int:
        """How many invisible characters were removed."""
        return self._invisible

    def heading(self, level: int, text: str) -> None:
        """A heading of level 1 to 6 (a deeper one counts as 6). Nothing where the text is blank."""
        shown = self._cleaned(text)
        if shown:
            self._add("heading", shown, min(level, 6), clip(shown))

    def label(self, level: int, title: str) -> None:
        """A heading that is not in the text: it says where what follows stands, and is never quoted.

        Without a title it only ends the section before it. A label that nothing follows is left out.
        """
        self._labels.append((min(level, 6), clip(self._cleaned(title))))

    def add(self, kind: BlockKind, text: str, *, together: bool = False) -> None:
        """A block. With ``together`` it goes on with the block before it where that is of the same kind.

        White space around the text goes, except in front of the first line of code.
        """
        shown = self._cleaned(text, keep_indent=kind == "code" or together)
        if shown.strip():
            self._add(kind, shown, together=together)

    def rows(self, rows: Sequence[str], *, header: bool = True) -> None:
        """A table, its header first; without a header a list. Rows are lines; blank ones are left out.

        The chunker repeats the first line of a long table above each of its parts, so it must be a header.
        """
        shown = [row for row in map(self._cleaned, rows) if row]
        if shown:
            self._add("table" if header else "list", "\n".join(shown))

    def page(self, number: int) -> None:
        """What follows stands on this page, the one after the page before."""
        self._close_page()
        self._page, self._page_start, self._labels = number, -1, []

    def expect(self, more: int) -> None:
        """Raise ``IngestError`` (too_much_text) where so many more characters would pass the limit."""
        if self._length + more > self._limits.max_characters:
            raise IngestError(
                "too_much_text",
                f"it holds more than {self._limits.max_characters:,} characters of text; split the file, or "
                "raise ingest.max_characters",
            )

    def parsed(self, title: str, notices: Sequence[Notice]) -> Parsed:
        """The document, with a notice where invisible characters were removed."""
        self._close_page()
        removed = Notice.of("invisible_characters_removed", count=self._invisible)
        shown, _ = clean(title)
        return Parsed(
            title=clip(shown) if is_title(shown) else "",
            text="".join(self._parts),
            blocks=tuple(self._blocks),
            pages=tuple(self._pages),
            notices=(*notices, removed) if self._invisible else tuple(notices),
        )

    def _cleaned(self, text: str, *, keep_indent: bool = False) -> str:
        self.expect(len(text))
        shown, removed = clean(text)
        self._invisible += removed
        lines = "\n".join(line.rstrip() for line in shown.split("\n"))
        return lines.strip("\n") if keep_indent else lines.strip()

    def _add(
        self, kind: BlockKind, text: str, level: int = 0, title: str = "", *, together: bool = False
    ) -> None:
        last = self._blocks[-1] if self._blocks else None
        joined = together and not self._labels and last is not None and last.kind == kind
        text = text if joined or kind == "code" else text.lstrip()
        gap = "" if not self._length else "\n" if joined else "\n\n"
        self.expect(len(gap) + len(text))
        start = self._length + len(gap)
        self._parts += [gap, text]
        self._length = start + len(text)
        if self._page_start < 0:
            self._page_start = start
        self._blocks += [Block("heading", start, start, self._page, *label) for label in self._labels]
        self._labels = []
        if joined and last is not None:
            self._blocks[-1] = Block(kind, last.start, self._length, last.page)
        else:
            self._blocks.append(Block(kind, start, self._length, self._page, level, title))

    def _close_page(self) -> None:
        if self._page:
            start = self._length if self._page_start < 0 else self._page_start
            self._pages.append(PageSpan(self._page, start, self._length))


def row(cells: Sequence[str]) -> str:
    """A table row as one line; empty cells at its end are left out, a blank row is "".

    White space inside a cell becomes single spaces, so that a row stays one line.
    """
    shown = [" ".join(cell.split()) for cell in cells]
    while shown and not shown[-1]:
        shown.pop()
    return CELL_GAP.join(shown)


def without_empty_columns(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """The rows, short ones filled up, without the columns in which every cell is blank."""
    width = max(map(len, rows), default=0)
    used = [False] * width
    for cells in rows:
        for index, cell in enumerate(cells):
            used[index] = used[index] or bool(cell.strip())
    return [
        [cells[index] if index < len(cells) else "" for index in range(width) if used[index]]
        for cells in rows
    ]


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first of these rows names the columns; words above words count as names.

    It does not where the table is one column wide, or where the row itself holds a number other than a year
    while no column has a word above nothing but numbers.
    """
    if max(map(len, rows), default=0) < 2:
        return False
    first, below = rows[0], rows[1:_ROWS_LOOKED_AT]
    if not any(_is_number(cell) for cell in first):
        return True
    columns = (
        [cells[at].strip() for cells in below if at < len(cells) and cells[at].strip()]
        for at, name in enumerate(first)
        if name.strip() and not _is_number(name)
    )
    return any(column and all(map(_is_number, column)) for column in columns)


def _is_number(cell: str) -> bool:
    shown = cell.strip()
    return _NUMBER.fullmatch(shown) is not None and _YEAR.fullmatch(shown) is None


def reads_chinese(text: str) -> bool:
    """Whether a label beside this text should be Chinese."""
    return _HAN.search(text) is not None


def ranges(numbers: Sequence[int]) -> str:
    """Numbers in order as ranges: 1–3, 5."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in found)
