"""Every file of ``data/golden/pdfs`` behaves as its manifest says."""

import csv
import hashlib
import re
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ingest.errors import FailureCode, IngestError
from ingest.load import load
from ingest.parse import parse
from ingest.types import Document
from tests.ingest.sources import SETTINGS

FOLDER = Path(__file__).parents[2] / "data" / "golden" / "pdfs"
CODES: dict[str, tuple[FailureCode, ...]] = {
    "password": ("encrypted",),
    "needs_ocr": ("no_text",),
    "blank": ("no_text", "no_pages"),
    "error": ("damaged", "unsupported_type", "empty"),
    "garbled": ("garbled",),
}


@dataclass(frozen=True)
class Row:
    file: str
    expect: str
    pages: int
    must_contain: tuple[str, ...]
    max_s: float
    sha256_12: str


def _rows() -> list[Row]:
    with (FOLDER / "manifest.tsv").open(encoding="utf-8", newline="") as file:
        return [
            Row(
                row["file"],
                row["expect"],
                int(row["pages"]),
                tuple(filter(None, row["must_contain"].split(" || "))),
                float(row["max_s"]),
                row["sha256_12"],
            )
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        ]


def _read(row: Row) -> Document | IngestError:
    try:
        path = FOLDER / row.file
        return parse(load(path, name=row.file, collection="c", document_id="d", settings=SETTINGS), SETTINGS)
    except IngestError as error:
        return error


def _squeezed(text: str) -> str:
    return re.sub(r"\s", "", text)


@pytest.mark.parametrize("row", _rows(), ids=lambda row: row.file)
def test_file_behaves_as_the_manifest_says(row: Row) -> None:
    assert hashlib.sha256((FOLDER / row.file).read_bytes()).hexdigest().startswith(row.sha256_12)
    started = time.monotonic()
    result = _read(row)
    assert time.monotonic() - started < row.max_s
    if row.expect == "text":
        assert isinstance(result, Document)
        assert len(result.pages) == row.pages
        text = _squeezed(result.text)
        assert [phrase for phrase in row.must_contain if _squeezed(phrase) not in text] == []
    elif row.expect != "bounded":
        assert isinstance(result, IngestError)
        assert result.code in CODES[row.expect]
        assert row.file in str(result)


def test_row_of_a_table_stays_together() -> None:
    document = _read(next(row for row in _rows() if row.file == "g02_zh_table.pdf"))
    assert isinstance(document, Document)
    assert "KB-102 | 型号C知识库一体机 | 3年 | 5599元" in document.text.split("\n")


def test_hidden_instruction_is_gone_and_the_visible_rule_is_there() -> None:
    document = _read(next(row for row in _rows() if row.file == "g08_hidden_text.pdf"))
    assert isinstance(document, Document)
    assert "红松鼠" not in document.text
    assert "员工入职满一年后享有五天带薪年假。" in document.text


def test_scanned_file_names_its_pages() -> None:
    error = _read(next(row for row in _rows() if row.file == "g03_zh_scanned.pdf"))
    assert "pages 1–2 of 2 hold images or drawings but no text" in str(error)
