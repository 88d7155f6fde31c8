"""A workbook is read as its cells show it."""

import datetime
import io
from collections.abc import Iterable, Sequence

import openpyxl
import pytest
from openpyxl.workbook.workbook import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.sheets import read
from tests.ingest.office import LIMITS, blocks, codes, reading

Cell = str | float | datetime.date | datetime.time | bool | None


def workbook(rows: Iterable[Sequence[Cell]], title: str = "Sheet") -> tuple[Workbook, Worksheet]:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = title
    for row in rows:
        sheet.append(row)
    return book, sheet


def saved(book: Workbook) -> bytes:
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_sheet_is_a_heading_and_its_rows_a_table_below_the_header() -> None:
    book, _ = workbook([["城市", "标准"], ["北京", 500], ["上海", 480]], "差旅")
    assert blocks(reading(read, saved(book))) == [
        ("heading", "差旅"), ("table", "城市 | 标准\n北京 | 500\n上海 | 480"),
    ]  # fmt: skip


def test_values_are_written_as_their_cells_show_them() -> None:
    book, sheet = workbook([[
        0.1 + 0.2, 0.125, 1200, datetime.datetime(2024, 1, 5), datetime.time(9, 5), True, "_x4E2D_文\n二",
    ]])  # fmt: skip
    formats = {"B1": "0.0%", "C1": '"¥"#,##0.00', "D1": 'yyyy"年"m"月"d"日"', "E1": "h:mm"}
    for place, code in formats.items():
        sheet[place].number_format = code
    parsed = reading(read, saved(book))
    assert blocks(parsed)[1] == ("list", "0.3 | 12.5% | ¥1,200.00 | 2024年1月5日 | 9:05 | TRUE | 中文 二")


def test_lone_cells_above_a_table_are_its_captions_and_blank_rows_part_tables() -> None:
    book, _ = workbook([
        ["费用标准", None], [None], [None, "A", None, "B"], [None, 1, None, 2], [None], ["x", "y"], ["only"],
    ])  # fmt: skip
    assert blocks(reading(read, saved(book)))[1:] == [
        ("paragraph", "费用标准"), ("table", "A | B\n1 | 2"), ("table", "x | y\nonly"),
    ]  # fmt: skip


def test_column_of_lone_values_is_a_list() -> None:
    book, _ = workbook([["one"], ["two"], ["three"]])
    assert blocks(reading(read, saved(book)))[1:] == [("list", "one\ntwo\nthree")]


def test_hidden_sheets_rows_and_columns_are_left_out_and_named() -> None:
    book, sheet = workbook([["a", "b", "c"], [1, 2, 3], [4, 5, 6]], "open")
    sheet.row_dimensions[2].hidden = True
    sheet.column_dimensions["B"].hidden = True
    for title, state in (("薪酬", "hidden"), ("deep", "veryHidden")):
        other = book.create_sheet(title)
        other["A1"], other.sheet_state = "secret", state
    parsed = reading(read, saved(book))
    assert parsed.text == "open\n\na | c\n4 | 6"
    assert codes(parsed) == {
        "hidden_sheets_left_out": {"sheets": "薪酬、deep", "count": "2"},
        "hidden_cells_left_out": {"rows": "1", "columns": "1"},
    }


def test_formula_that_was_never_computed_is_blank_and_named() -> None:
    book, _ = workbook([["sum", 1], ["total", "=B1*2"]])
    parsed = reading(read, saved(book))
    assert parsed.text == "Sheet\n\nsum | 1\ntotal"
    assert codes(parsed) == {"formulas_without_value": {"count": "1"}}


def test_empty_sheets_leave_no_heading() -> None:
    book, _ = workbook([["a"]])
    book.create_sheet("Sheet2")
    assert reading(read, saved(book)).text == "Sheet\n\na"


def test_sheet_that_claims_a_million_rows_takes_no_time() -> None:
    book, sheet = workbook([["first"]])
    sheet["A1048576"] = "last"
    assert blocks(reading(read, saved(book)))[1:] == [("paragraph", "first"), ("paragraph", "last")]


def test_sheet_spread_over_more_cells_than_allowed_is_refused_before_it_is_read() -> None:
    book, sheet = workbook([])
    for row in range(1, 40):
        sheet.cell(row, 16_384, "x")
    with pytest.raises(IngestError, match="spans more than 100,000 cells") as caught:
        reading(read, saved(book))
    assert caught.value.code == "too_much_text"


def test_more_sheets_than_allowed_are_refused() -> None:
    book, _ = workbook([["a"]])
    for number in range(3):
        book.create_sheet(f"s{number}")
    with pytest.raises(IngestError, match="4 sheets are over the limit of 3") as caught:
        read(saved(book), Limits(3, LIMITS.max_characters), "", lambda *_: None)
    assert caught.value.code == "too_many_pages"


def test_limit_of_characters_counts_the_text_once() -> None:
    book, _ = workbook([["a" * 40, "b"], [None], ["c" * 40, "d"]])
    limits = Limits(3, 120)
    assert len(reading(read, saved(book), limits).text) < 120
    with pytest.raises(IngestError, match="more than 90 characters"):
        read(saved(book), Limits(3, 90), "", lambda *_: None)
