"""The body of a Word document, block by block."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ingest.blocks import Writer, row, without_empty_columns
from ingest.headings import MAX_TITLE
from ingest.namespaces import CHOICE, W
from ingest.package import Element
from ingest.word_numbering import Numbering
from ingest.word_styles import Styles
from ingest.word_text import Drawing, Tally, TextReader, paragraph_is_deleted, row_is_left_out

_WRAPPERS = frozenset(W + tag for tag in ("sdtContent", "customXml", "ins", "moveTo", "smartTag"))
_MAX_COLUMNS = 500  # a span in the file may claim any width; Word allows 63 columns
_LONGEST_HEADING = 2 * MAX_TITLE  # a longer one is a paragraph that somebody gave a heading style


@dataclass(slots=True)
class _Held:
    """What a table cell holds besides text on its line: written after the table."""

    tables: list[Element] = field(default_factory=list)
    boxes: list[Element] = field(default_factory=list)
    drawings: list[Drawing] = field(default_factory=list)


class Body:
    """Writes the blocks of a document. ``draw`` writes a chart or diagram by its relationship."""

    def __init__(
        self,
        writer: Writer,
        *,
        styles: Styles,
        numbering: Numbering,
        tally: Tally,
        draw: Callable[[Drawing], None],
    ) -> None:
        self._writer = writer
        self._styles = styles
        self._numbering = numbering
        self._tally = tally
        self._draw = draw
        self._reader = TextReader(styles, tally)
        self._below_title = 0
        self.title = ""
        self.contents = 0  # lines of tables of contents that were left out
        self.notes: list[tuple[str, str]] = []  # (tag, id) of foot- and endnotes in the order they are named

    def write(self, parent: Element) -> None:
        """The blocks below an element: the body, a text box, a note, the cell of a frame."""
        for child in parent:
            self.write_one(child)

    def write_one(self, element: Element) -> None:
        """The blocks of one paragraph, table or wrapper."""
        tag = element.tag
        if tag == W + "p":
            self._paragraph(element)
        elif tag == W + "tbl":
            self._table(element)
        elif tag == W + "sdt":
            self._control(element)
        elif tag in _WRAPPERS:
            self.write(element)
        elif tag == CHOICE + "AlternateContent":
            chosen = element.find(CHOICE + "Choice")
            if chosen is not None:
                self.write(chosen)

    def _control(self, element: Element) -> None:
        gallery = element.find(f"{W}sdtPr/{W}docPartObj/{W}docPartGallery")
        content = element.find(W + "sdtContent")
        if content is None:
            return
        if gallery is not None and gallery.get(W + "val") == "Table of Contents":
            self.contents += sum(1 for each in content.iter(W + "p") if self._reader.read(each).text.strip())
        else:
            self.write(content)

    def _paragraph(self, element: Element) -> None:
        found = self._reader.read(element)
        marker, depth = self._marker(element, found.text)
        text = found.text.strip()
        role = self._styles.role(element)
        level = self._styles.heading_level(element)
        writer = self._writer
        if not text:
            pass
        elif role == "contents":
            self.contents += 1
        elif role == "title" and not self.title and len(text) <= _LONGEST_HEADING:
            self.title, self._below_title = " ".join(text.split()), 1
            writer.heading(1, self.title)
        elif level and len(text) <= _LONGEST_HEADING:
            writer.heading(level + self._below_title, " ".join((marker + text).split()))
        elif marker:
            writer.add("list", "  " * depth + marker + text, together=True)
        elif role == "code":
            writer.add("code", found.text, together=True)
        else:
            writer.add("quote" if role == "quote" else "paragraph", text)
        self.notes += found.notes
        self._write_held(_Held(boxes=found.boxes, drawings=found.drawings))

    def _marker(self, element: Element, text: str) -> tuple[str, int]:
        """The number or bullet of a paragraph with the space after it, and the depth of its list from 0.

        "" where there is none, and where somebody has typed the same number into the text.
        """
        numbered = self._styles.numbering(element)
        if numbered is None or (paragraph_is_deleted(element) and not text.strip()):
            return "", 0
        number, level, style = numbered
        at = self._numbering.level_of(number, style) if level is None else level
        marker = self._numbering.marker(number, at)
        typed = bool(marker) and text.strip().startswith(marker.strip())
        return ("" if typed else marker), at

    def _table(self, table: Element) -> None:
        held = _Held()
        rows: list[Sequence[Element]] = []
        for each in _children(table, W + "tr"):
            deleted, hidden = row_is_left_out(each)
            length = sum(len(text.text or "") for text in each.iter(W + "t")) if deleted or hidden else 0
            self._tally.deleted += length if deleted else 0
            self._tally.hidden += length if hidden and not deleted else 0
            if not deleted and not hidden:
                rows.append(list(_children(each, W + "tc")))
        if all(len(cells) <= 1 for cells in rows):
            for cells in rows:  # a frame around paragraphs, not a table
                for cell in cells:
                    self.write(cell)
            return
        lines = [self._cells(cells, held) for cells in rows]
        self._writer.rows([row(cells) for cells in without_empty_columns(lines)])
        self._write_held(held)

    def _cells(self, cells: Sequence[Element], held: _Held) -> list[str]:
        """The texts of a row, one a column; a merged cell stands once, and is blank where it goes on."""
        texts: list[str] = []
        for cell in cells:
            properties = cell.find(W + "tcPr")
            merge = properties.find(W + "vMerge") if properties is not None else None
            goes_on = merge is not None and merge.get(W + "val", "continue") == "continue"
            texts.append("" if goes_on else " ".join(self._cell(cell, held)))
            texts += [""] * (min(_span(properties), _MAX_COLUMNS) - 1)
        return texts

    def _cell(self, parent: Element, held: _Held) -> Iterator[str]:
        for child in parent:
            tag = child.tag
            if tag == W + "p":
                found = self._reader.read(child)
                marker, _ = self._marker(child, found.text)
                held.boxes += found.boxes
                held.drawings += found.drawings
                self.notes += found.notes
                if found.text.strip():
                    yield marker + found.text
            elif tag == W + "tbl":
                held.tables.append(child)
            elif tag in _WRAPPERS or tag == W + "sdt":
                yield from self._cell(child, held)

    def _write_held(self, held: _Held) -> None:
        for table in held.tables:
            self._table(table)
        for box in held.boxes:
            self.write(box)
        for drawing in held.drawings:
            self._draw(drawing)


def _children(parent: Element, tag: str) -> Iterable[Element]:
    """Rows or cells, also inside content controls."""
    for child in parent:
        if child.tag == tag:
            yield child
        elif child.tag == W + "sdt" or child.tag in _WRAPPERS:
            yield from _children(child, tag)


def _span(properties: Element | None) -> int:
    span = properties.find(W + "gridSpan") if properties is not None else None
    value = span.get(W + "val", "1") if span is not None else "1"
    return max(int(value), 1) if value.isdecimal() else 1
