"""Golden sets as CSV: what is written comes back, nothing runs as a formula, and errors name the line."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.golden_csv import COLUMNS, read_csv, write_csv
from app.evaluation.rows import SetUnreadable
from app.storage.golden import GoldenCase, GoldenEvidence

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\ufeff", exclude_categories=["Cs"]))
LINE = TEXT.map(lambda text: " ".join(text.split())).filter(bool)
FORMULAS = ("=1+1", "+A1", "-2", "@SUM(A1)", "'=x", "\t=x", "＝1", "''-x")
CELL = st.one_of(LINE, st.sampled_from(FORMULAS).map(str.strip))
EVIDENCE = st.builds(GoldenEvidence, CELL, CELL, st.lists(st.integers(1, 999), max_size=3).map(tuple))
CASE = st.builds(
    GoldenCase,
    id=st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    question=CELL,
    answerable=st.booleans(),
    evidence=st.lists(EVIDENCE, max_size=3).map(tuple),
    answers=st.lists(CELL, max_size=3).map(tuple),
    kind=CELL,
    state=st.sampled_from(["draft", "accepted"]),
    source=st.just("csv"),
    note=CELL,
)


def _read(tmp_path: Path, data: bytes) -> list[GoldenCase]:
    path = tmp_path / "set.csv"
    path.write_bytes(data)
    return read_csv(path)


@given(cases=st.lists(CASE, min_size=1, max_size=6, unique_by=lambda case: case.id))
def test_what_is_written_comes_back(
    tmp_path_factory: pytest.TempPathFactory, cases: list[GoldenCase]
) -> None:
    folder = tmp_path_factory.mktemp("csv")
    assert _read(folder, write_csv(cases)) == cases


@given(cases=st.lists(CASE, min_size=1, max_size=6))
def test_no_cell_begins_as_a_formula(cases: list[GoldenCase]) -> None:
    rows = csv.reader(io.StringIO(write_csv(cases).decode("utf-8-sig"), newline=""))
    assert not [cell for row in rows for cell in row if cell[:1] in tuple("=+-@\t\r＝＋－＠")]


def test_file_opens_in_excel_as_utf_8() -> None:
    assert write_csv([GoldenCase("a", "多久？")]).startswith(b"\xef\xbb\xbfid,question,")


def test_question_alone_is_enough(tmp_path: Path) -> None:
    assert _read(tmp_path, b"question\nWhen?\nWhy?\n") == [
        GoldenCase("q1", "When?", source="csv"),
        GoldenCase("q2", "Why?", source="csv"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_chinese_columns_in_any_usual_encoding(tmp_path: Path, encoding: str) -> None:
    text = "问题;文档;原文;可回答\n报销多久到账？;制度.md;一般五个工作日内到账;是\n火星食堂在几楼？;;;否\n"
    first, second = _read(tmp_path, text.encode(encoding))
    assert first.evidence == (GoldenEvidence("制度.md", "一般五个工作日内到账"),)
    assert (second.answerable, second.evidence) == (False, ())


def test_further_rows_of_a_question_add_evidence(tmp_path: Path) -> None:
    text = "id,question,document,quote\na,When?,one.md,noon\na,,two.md,twelve\n"
    (case,) = _read(tmp_path, text.encode())
    assert case.evidence == (GoldenEvidence("one.md", "noon"), GoldenEvidence("two.md", "twelve"))
    assert replace(case, evidence=()) == GoldenCase("a", "When?", source="csv")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"set.csv:1 is no header of a golden set: the column question is missing"),
        ("question,colour\nx,red\n", r"set.csv:1 .* unknown column 'colour'"),
        ("question\n", r"set.csv holds no question"),
        ("question,answerable\nx,maybe\n", r"set.csv:2 cannot be read: answerable is 'maybe'"),
        ("question,state\nx,final\n", r"set.csv:2 cannot be read: state is 'final'"),
        ("question,document,quote\nx,,words\n", r"set.csv:2 .* a quote needs the name of its document"),
        ("id,question\na,x\nb,y\na,z\n", r"set.csv:4 .* id 'a' was there before"),
        ("id,question\na,x\na,y\n", r"set.csv:3 .* id 'a' stands before two questions"),
        ("question,document\n,a.md\n", r"set.csv:2 .* the question is empty"),
        ('question\n"x\n', r"set.csv:\d cannot be read"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SetUnreadable, match=message):
        _read(tmp_path, text.encode())


def test_columns_are_those_the_manual_names() -> None:
    assert COLUMNS == (
        "id", "question", "answerable", "document", "quote", "pages", "answers", "kind", "state", "note",
    )  # fmt: skip
