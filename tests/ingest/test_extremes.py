"""Texts at the edge: every one ends in bounded time, as a document or as an error with a reason."""

import pytest

from ingest.errors import IngestError
from tests.ingest.sources import parsed


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_ten_megabytes_on_one_line_are_one_paragraph(name: str) -> None:
    line = "word 文字 " * 900_000  # 10.8 MB
    document = parsed(line, name)
    assert (len(document.text), len(document.blocks)) == (7_200_000, 1)


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_many_headings_all_arrive(count: int) -> None:
    document = parsed("".join(f"# 标题 {n}\n\n" for n in range(count)), "a.md")
    assert len(document.blocks) == count
    assert document.blocks[-1].title == f"标题 {count - 1}"


def test_gb18030_reads_like_utf8() -> None:
    text = "# 手册\n\n" + "年假五天，病假另算。\n\n" * 500
    assert parsed(text.encode("gb18030"), "a.md").blocks == parsed(text, "a.md").blocks


@pytest.mark.parametrize(
    ("data", "code"),
    [(b"a\x00b", "unsupported_type"), (b"a \xed\xa0\x80 b", "undecodable")],
    ids=["NUL", "lone surrogate"],
)
def test_bytes_that_are_no_text_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(IngestError) as caught:
        parsed(data, "a.md")
    assert caught.value.code == code


@pytest.mark.parametrize(
    "text",
    [">" * 50_000 + " x", "[" * 100_000, "`" * 9 + "\n~~~" * 10_000, "|" * 50_000 + "\n" + "|-" * 50_000],
    ids=["quotes", "brackets", "fences", "columns"],
)
def test_markup_meant_to_be_slow_is_not(text: str) -> None:
    assert parsed(text, "a.md").blocks
