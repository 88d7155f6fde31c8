"""Tables in plain text: delimiter, quotes and ragged rows."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.blocks import row
from ingest.errors import IngestError
from ingest.readers import Limits
from ingest.table_text import read
from tests.ingest.office import LIMITS, blocks, codes, reading


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030", "utf-16"])
def test_delimiter_and_encoding_are_found(delimiter: str, encoding: str) -> None:
    lines = (["姓名", "城市", "备注"], ["张三", "北京", '"甲, 乙; 丙"'], ["李四", "上海", "无"])
    text = "\r\n".join(delimiter.join(cells) for cells in lines)
    assert blocks(reading(read, text.encode(encoding))) == [
        ("table", "姓名 | 城市 | 备注\n张三 | 北京 | 甲, 乙; 丙\n李四 | 上海 | 无")
    ]


def test_prose_in_cells_does_not_mislead_the_delimiter() -> None:
    text = "title\ttext\nA\tone, two, three\nB\tfour, five, six\nC\tseven, eight, nine\n"
    assert reading(read, text.encode()).text.splitlines()[0] == "title | text"


def test_quoted_line_breaks_stay_inside_their_row() -> None:
    assert reading(read, b'a,b\n1,"x\ny"\n').text == "a | b\n1 | x y"


def test_delimiter_declared_for_excel_is_believed() -> None:
    assert reading(read, b"sep=;\na,1;b,2\nc;d\n").text == "a,1 | b,2\nc | d"


def test_ragged_rows_are_kept_and_named() -> None:
    parsed = reading(read, b"a,b,c\n1,2\n1,2,3,4\n5,6,7\n")
    assert parsed.text == "a | b | c\n1 | 2\n1 | 2 | 3 | 4\n5 | 6 | 7"
    assert codes(parsed) == {"ragged_rows": {"count": "2", "columns": "3"}}


def test_quote_that_is_never_closed_swallows_nothing() -> None:
    parsed = reading(read, b'a,b\n1,"open\n2,3\n4,5\n')
    assert parsed.text == 'a | b\n1 | "open\n2 | 3\n4 | 5'
    assert codes(parsed) == {"unclosed_quote": {"line": "2"}}


def test_lone_lines_above_the_table_are_captions_and_one_column_is_a_list() -> None:
    assert blocks(reading(read, b"Report 2024\n\na,b\n1,2\n")) == [
        ("paragraph", "Report 2024"),
        ("table", "a | b\n1 | 2"),
    ]
    assert blocks(reading(read, b"one\ntwo\n")) == [("list", "one\ntwo")]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("name,city\nAnn,Rome\nBob,Bonn\n", "table"),
        ("项目,2023,2024\n收入,10,12\n", "table"),
        ("region,100\nnorth,5\nsouth,6\n", "list"),
        ("id,1st\n7,a\n8,b\n", "table"),
        ("张三,13800000000,2024-01-05\n李四,13900000000,2024-02-01\n", "list"),
        ("12,Ann\n13,Bob\n", "list"),
    ],
)
def test_first_row_is_only_a_header_where_it_names_columns(text: str, kind: str) -> None:
    assert [each for each, _ in blocks(reading(read, text.encode()))] == [kind]


def test_more_text_than_allowed_is_refused() -> None:
    with pytest.raises(IngestError, match="more than 100 characters") as caught:
        read(b"a,b\n" * 100, Limits(1, 100), "", lambda *_: None)
    assert caught.value.code == "too_much_text"


ALPHABET = st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp", "Mn"))
ROWS = st.lists(st.tuples(*[st.text(ALPHABET, max_size=12)] * 3), max_size=12)


@given(ROWS)
def test_table_is_read_back_row_by_row(rows: list[tuple[str, str, str]]) -> None:
    table = [("a", "b", "c"), ("d", "e", "f"), *rows]
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(table)
    parsed = read(file.getvalue().encode(), LIMITS, "", lambda *_: None)
    assert parsed.text.split("\n") == [line for line in (row(cells).strip() for cells in table) if line]
