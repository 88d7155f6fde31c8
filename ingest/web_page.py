"""Web pages (.html, .htm) → text with blocks. Runs only inside the parser process (see ``readers``).

Parsed by lexbor as browsers parse. Nothing is run and nothing is fetched.
"""

import re
from collections.abc import Callable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

from ingest.blocks import Writer, row, without_empty_columns
from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.web_decode import decode_page
from ingest.web_lists import Lists
from ingest.web_tables import table_cells
from ingest.web_text import BLOCKS, Tally, cell_text, collapsed, is_left_out, run_text, walk
from ingest.wire import Parsed
from retrieval.types import Notice

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
# Tags that are never closed, or need not be: they do not nest however many there are.
_FLAT = frozenset((
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track",
    "wbr", "p", "li", "dt", "dd", "tr", "td", "th", "thead", "tbody", "tfoot", "option", "optgroup",
    "colgroup", "html", "head", "body", "rt", "rp",
))  # fmt: skip
_DEEPEST = 20_000  # nested elements; lexbor needs seconds for these and minutes for ten times as many


def read(data: bytes, limits: Limits, password: str, progress: Callable[[int, int], None]) -> Parsed:
    """The document: what a reader of the page sees, in its order, without navigation, side bars and footers.

    Left out with a notice: scripts, styles and templates; hidden elements (``hidden``, ``display: none`` and
    ``visibility: hidden`` on the element itself); nav, footer, controls, and aside outside of an article.
    Raises ``IngestError``: undecodable, too_large where it nests too deep, too_much_text.
    """
    text, replaced = decode_page(data)
    _check_depth(text)
    page = _parse(text)
    progress(1, 2)
    writer, tally = Writer(limits), Tally()
    named = page.head.css_first("title") if page.head is not None else None
    title = collapsed(named.text(deep=True)) if named is not None else ""
    if page.body is not None:
        _PageReader(writer, tally, limits).read(page.body)
    first = next((block.title for block in writer.blocks if block.kind == "heading" and block.level == 1), "")
    scripts = len(page.css("script, style, template"))
    return writer.parsed(title or first, _notices(tally, scripts, replaced))


def _parse(text: str) -> LexborHTMLParser:
    try:
        return LexborHTMLParser(text)
    except SelectolaxError as error:  # any text is a page; only memory can run out
        raise MemoryError from error


def _check_depth(text: str) -> None:
    depth = 0
    for match in _TAG.finditer(text):
        if match[2].lower() not in _FLAT:
            depth += -1 if match[1] else 1
            if depth > _DEEPEST:
                raise IngestError(
                    "too_large",
                    f"its elements nest more than {_DEEPEST:,} deep; print the page to PDF",
                )


class _PageReader:
    """Writes the blocks of a page; a block ends where an element begins or ends that has lines of its own."""

    def __init__(self, writer: Writer, tally: Tally, limits: Limits) -> None:
        self._writer = writer
        self._tally = tally
        self._limits = limits
        self._run: list[str] = []
        self._lists = Lists()
        self._heading = 0
        self._quotes = 0
        self._code = 0
        self._code_begun = False  # whether the open pre has a line already

    def read(self, body: LexborNode) -> None:
        """Everything below the body."""
        walk(body, self._enter, self._leave)
        self._flush()

    def _enter(self, node: LexborNode) -> bool:
        """Take a node in; whether what is below it should be read."""
        if node.is_text_node:
            self._run.append((node.text_content or "") if self._code else run_text(node.text_content or ""))
            return False
        tag = node.tag or ""
        if is_left_out(node, self._tally) or (self._heading and _is_anchor_sign(node)):
            return False
        if tag == "br":
            self._run.append("\n")
        if tag in BLOCKS:
            self._flush()
        if tag == "table":
            return not self._table(node)
        self._heading = _HEADINGS.get(tag, self._heading)
        self._quotes += tag == "blockquote"
        if tag == "pre":
            self._code, self._code_begun = self._code + 1, False
        self._lists.enter(node)
        return True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if tag in BLOCKS:
            self._flush()
        if tag in _HEADINGS:
            self._heading = 0
        self._quotes -= tag == "blockquote"
        self._code -= tag == "pre"
        self._lists.leave(node)

    def _table(self, node: LexborNode) -> bool:
        """Write a table; False where it only lays out the page and is to be read as blocks."""
        rows = table_cells(node, self._tally, self._limits.max_characters)
        if rows is None:
            return False
        caption = next((each for each in _elements(node) if each.tag == "caption"), None)
        if caption is not None:
            self._writer.add("paragraph", cell_text(caption, self._tally))
        self._writer.rows([row(cells) for cells in without_empty_columns(rows)])
        return True

    def _flush(self) -> None:
        """Write the text that has come together as a block of the kind it stands in."""
        if not self._run:
            return
        raw, self._run = "".join(self._run), []
        if self._code:
            self._writer.add("code", raw, together=self._code_begun)
            self._code_begun = True
            return
        text = collapsed(raw)
        if not text:
            return
        if self._heading:
            self._writer.heading(self._heading, text.replace("\n", " "))
        elif self._lists.inside:
            self._writer.add("list", self._lists.line(text), together=True)
        elif self._quotes:
            self._writer.add("quote", text, together=True)
        else:
            self._writer.add("paragraph", text)


def _elements(node: LexborNode) -> Iterator[LexborNode]:
    child = node.first_child
    while child is not None:
        if child.is_element_node:
            yield child
        child = child.next


def _is_anchor_sign(node: LexborNode) -> bool:
    """Whether a node is the sign that links to a heading (¶ or #), which is none of its words."""
    return node.tag == "a" and node.text(deep=True).strip() in ("¶", "#", "§", "🔗", "")


def _notices(tally: Tally, scripts: int, replaced: int) -> list[Notice]:
    counts = (
        ("hidden_text_left_out", tally.hidden),
        ("page_parts_left_out", tally.parts),
        ("scripts_left_out", scripts),
        ("characters_replaced", replaced),
    )
    return [Notice.of(code, count=count) for code, count in counts if count]
