"""Tables of web pages as rows of cells, with spans spread out."""

from collections.abc import Iterator

from selectolax.lexbor import LexborNode

from ingest.errors import IngestError
from ingest.web_text import Tally, cell_text, is_left_out

_LAYOUT = "table, h1, h2, h3, h4, h5, h6, form, pre"  # in a cell: the table lays out a page
_MAX_SPAN = 1_000  # columns; the HTML standard's own limit


def table_cells(table: LexborNode, tally: Tally, most_cells: int) -> list[list[str]] | None:
    """The rows of a data table; None for a table that only lays out the page.

    A merged cell stands once, in its first row and column; the places it covers are blank. Raises
    ``IngestError`` (too_much_text) where spans spread it over more cells than that.
    """
    rows = [[cell for cell in _children(row) if cell.tag in ("td", "th")] for row in _rows(table)]
    if (table.attributes.get("role") or "") in ("presentation", "none") or max(map(len, rows), default=0) < 2:
        return None
    if any(cell.css_first(_LAYOUT) is not None for cells in rows for cell in cells):
        return None
    grid: list[list[str]] = []
    covered: dict[int, int] = {}  # column → how many more rows a cell above covers
    total = 0
    for cells in rows:
        grid.append(_spread(cells, covered, tally))
        total += len(grid[-1]) + len(covered)
        if total > most_cells:
            raise IngestError(
                "too_much_text",
                f"the cells of one of its tables span more than {most_cells:,} places; split it",
            )
    return grid


def _spread(cells: list[LexborNode], covered: dict[int, int], tally: Tally) -> list[str]:
    texts: list[str] = []
    for cell in cells:
        if is_left_out(cell, tally):
            continue
        _skip_covered(texts, covered)
        across = min(_span(cell, "colspan"), _MAX_SPAN)
        down = _span(cell, "rowspan")
        if down > 1:
            covered.update(dict.fromkeys(range(len(texts), len(texts) + across), down))
        texts += [cell_text(cell, tally), *[""] * (across - 1)]
    for column in list(covered):
        covered[column] -= 1
        if covered[column] <= 0:
            del covered[column]
    return texts


def _skip_covered(texts: list[str], covered: dict[int, int]) -> None:
    while len(texts) in covered:
        texts.append("")


def _rows(table: LexborNode) -> Iterator[LexborNode]:
    for child in _children(table):
        if child.tag == "tr":
            yield child
        elif child.tag in ("thead", "tbody", "tfoot"):
            yield from (row for row in _children(child) if row.tag == "tr")


def _children(node: LexborNode) -> Iterator[LexborNode]:
    child = node.first_child
    while child is not None:
        if child.is_element_node:
            yield child
        child = child.next


def _span(cell: LexborNode, name: str) -> int:
    value = (cell.attributes.get(name) or "").strip()
    return max(int(value), 1) if value.isdecimal() and len(value) < 9 else 1
