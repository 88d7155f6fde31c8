"""Excel workbooks (.xlsx, .xlsm) → text with blocks: each sheet a heading, each run of rows a table.

Runs only inside the parser process (see ``readers``). Formulas are never computed: the values are those that
were kept when the file was last saved.
"""

import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import openpyxl

from ingest.blocks import Writer, has_header, row, without_empty_columns
from ingest.containers import SHEETS
from ingest.drawing import paragraph_text
from ingest.errors import IngestError
from ingest.locked import unlocked
from ingest.namespaces import ON_SHEET, A, R, S
from ingest.number_format import shown
from ingest.package import Package, open_package, parse_xml, to_bytes, whole
from ingest.readers import Limits
from ingest.sheet_survey import Survey, survey
from ingest.wire import Parsed
from retrieval.types import Notice

if TYPE_CHECKING:
    from openpyxl.cell.read_only import ReadOnlyCell
    from openpyxl.worksheet._read_only import ReadOnlyWorksheet

_MAIN_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # how the file spells characters XML cannot hold
_REPORT_EVERY = 1_000  # rows


@dataclass(slots=True)
class _Seen:
    """What was left out."""

    hidden_sheets: list[str] = field(default_factory=list)
    hidden_rows: int = 0
    hidden_columns: int = 0
    unvalued: int = 0
    pictures: int = 0


@whole("a workbook", "Excel")
def read(data: bytes, limits: Limits, password: str, progress: Callable[[int, int], None]) -> Parsed:
    """The document: each sheet's name as a heading, then its rows; an empty row ends a table.

    Values are written as their cells show them. Hidden sheets, rows and columns, and comments are left out,
    and formulas without a kept value are blank, each with a notice. Raises ``IngestError``: damaged,
    encrypted, too_large, too_many_pages (sheets), too_much_text.
    """
    package = open_package(unlocked(data, password, SHEETS))
    main = next(iter(package.related("", "officeDocument")), "xl/workbook.xml")
    if main not in package.parts:
        raise IngestError("damaged", "it has no workbook part; open it in Excel and save it again")
    parts = _sheet_parts(package, main)
    if len(parts) > limits.max_pages:
        raise IngestError(
            "too_many_pages", f"{len(parts):,} sheets are over the limit of {limits.max_pages:,}; split it"
        )
    for name in package.related(main, "styles"):
        package.parts[name] = _number_formats_only(package.parts[name])
    writer, seen = Writer(limits), _Seen()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of parts it does not keep; nothing is written back
        workbook = openpyxl.load_workbook(
            package.stored(main_type=_MAIN_TYPE), read_only=True, data_only=True, keep_links=False
        )
        for sheet in workbook.worksheets:
            if sheet.sheet_state != "visible":
                seen.hidden_sheets.append(sheet.title)
                continue
            name = parts[sheet.title]
            _write_sheet(sheet, package.parts[name], writer, seen, limits, progress)
            _write_shapes(package, name, writer, seen)
    return writer.parsed(package.title, _notices(seen) + package.notices())


def _sheet_parts(package: Package, main: str) -> dict[str, str]:
    """The part of each sheet by the sheet's name."""
    by_id = package.related_by_id(main)
    sheets = parse_xml(package.parts[main]).iter(S + "sheet")
    parts = {each.get("name", ""): by_id.get(each.get(R + "id", ""), "") for each in sheets}
    lost = [name for name, part in parts.items() if part not in package.parts]
    if lost:
        raise IngestError("damaged", f"its sheet {lost[0]!r} is missing; open it in Excel and save it again")
    return parts


def _number_formats_only(styles: bytes) -> bytes:
    """Styles without fonts, fills and borders: openpyxl refuses a whole file for a fill it does not like."""
    root = parse_xml(styles)
    for child in list(root):
        if child.tag not in (S + "numFmts", S + "cellXfs"):
            root.remove(child)
    for each in root.iter(S + "xf"):
        number = each.get("numFmtId", "0")
        each.clear()
        each.set("numFmtId", number)
    return to_bytes(root)


def _write_sheet(
    sheet: "ReadOnlyWorksheet",
    part: bytes,
    writer: Writer,
    seen: _Seen,
    limits: Limits,
    progress: Callable[[int, int], None],
) -> None:
    surveyed = survey(part, limits.max_characters)
    seen.unvalued += surveyed.unvalued
    if not surveyed.positions:
        return
    writer.heading(1, sheet.title)
    sheet.reset_dimensions()  # what the file claims about its size is often wrong
    for region in _regions(_rows(sheet, surveyed, writer, seen, progress)):
        _write_region(region, writer)


def _rows(
    sheet: "ReadOnlyWorksheet",
    surveyed: Survey,
    writer: Writer,
    seen: _Seen,
    progress: Callable[[int, int], None],
) -> Iterator[list[str]]:
    """The visible rows as texts, blank ones as an empty list."""
    columns: set[int] = set()
    characters = 0  # since the last blank row; what stands above that is written
    for number, cells in enumerate(sheet.iter_rows(), start=1):
        if number % _REPORT_EVERY == 0:
            progress(min(number, surveyed.last_row), surveyed.last_row)
        texts = [_text(cell) for cell in cells]
        if number in surveyed.hidden_rows:
            seen.hidden_rows += any(texts)
        else:
            for column in surveyed.hidden_columns.intersection(range(1, len(texts) + 1)):
                if texts[column - 1]:
                    columns.add(column)
                    texts[column - 1] = ""
            characters = characters + sum(map(len, texts)) if any(texts) else 0
            writer.expect(characters)
            yield texts if any(texts) else []
        if number >= surveyed.last_row:
            break  # what follows the cells (validations, formats) is often what readers trip over
    seen.hidden_columns += len(columns)


def _regions(rows: Iterable[list[str]]) -> Iterator[list[list[str]]]:
    """Rows with no blank row between them."""
    region: list[list[str]] = []
    for texts in rows:
        if texts:
            region.append(texts)
        elif region:
            yield region
            region = []
    if region:
        yield region


def _write_region(region: Sequence[list[str]], writer: Writer) -> None:
    """Lone cells above a table are its captions; what follows is the table, or a list without a header."""
    start = next((at for at, cells in enumerate(region) if sum(map(bool, cells)) > 1), 0)
    if len(region) == 1:
        start = 1 - (sum(map(bool, region[0])) > 1)
    for cells in region[:start]:
        writer.add("paragraph", next(filter(None, cells)))
    table = without_empty_columns(region[start:])
    writer.rows([row(cells) for cells in table], header=has_header(table))


def _write_shapes(package: Package, name: str, writer: Writer, seen: _Seen) -> None:
    """The text boxes that lie on a sheet; charts only repeat its cells."""
    for drawing in package.related(name, "drawing"):
        root = parse_xml(package.parts[drawing])
        seen.pictures += sum(1 for _ in root.iter(ON_SHEET + "pic"))
        for shape in root.iter(ON_SHEET + "sp"):
            writer.add("paragraph", "\n".join(paragraph_text(each) for each in shape.iter(A + "p")))


def _text(cell: "ReadOnlyCell") -> str:
    """What the cell shows, on one line."""
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float | datetime | date | time | timedelta):
        return shown(value, str(cell.number_format or "General"))
    return " ".join(_ESCAPED.sub(lambda match: chr(int(match[1], 16)), str(value)).split())


def _notices(seen: _Seen) -> list[Notice]:
    notices: list[Notice] = []
    if seen.hidden_sheets:
        names = "、".join(seen.hidden_sheets[:10]) + ("…" if len(seen.hidden_sheets) > 10 else "")
        notices.append(Notice.of("hidden_sheets_left_out", sheets=names, count=len(seen.hidden_sheets)))
    if seen.hidden_rows or seen.hidden_columns:
        notices.append(Notice.of("hidden_cells_left_out", rows=seen.hidden_rows, columns=seen.hidden_columns))
    if seen.pictures:
        notices.append(Notice.of("pictures_not_read", count=seen.pictures))
    if seen.unvalued:
        notices.append(Notice.of("formulas_without_value", count=seen.unvalued))
    return notices
