"""Every file of ``data/golden/pdfs`` behaves as its manifest says."""

from dataclasses import replace
from pathlib import Path

import pytest

from app.bench.manifest import Row, examine, read_manifest
from app.errors import BadRequest
from ingest.errors import IngestError
from ingest.load import load
from ingest.parse import parse
from ingest.types import Document
from tests.ingest.sources import SETTINGS

FOLDER = Path(__file__).parents[2] / "data" / "golden" / "pdfs"
ROWS = {row.file: row for row in read_manifest(FOLDER)}


def _read(name: str) -> Document:
    return parse(load(FOLDER / name, name=name, collection="c", document_id="d", settings=SETTINGS), SETTINGS)


@pytest.mark.parametrize("row", ROWS.values(), ids=list(ROWS))
def test_file_behaves_as_the_manifest_says(row: Row) -> None:
    assert examine(FOLDER, row, SETTINGS).wrong == ()


@pytest.mark.parametrize(
    ("name", "changed", "wrong"),
    [
        ("r02_zh_noembed_gbk.pdf", {"must_contain": ("没有的话",)}, "'没有的话' is not in it"),
        ("r02_zh_noembed_gbk.pdf", {"pages": 2}, "1 pages, not 2"),
        ("r02_zh_noembed_gbk.pdf", {"max_s": 0.0}, "more than 0"),
        ("r02_zh_noembed_gbk.pdf", {"sha256_12": "0" * 12}, "another file than the manifest means"),
        ("r02_zh_noembed_gbk.pdf", {"expect": "error"}, "characters instead of a refusal"),
        ("r10_aes256_user_password.pdf", {"password": "guess"}, "refused (encrypted)"),
        ("g06_html_renamed.pdf", {"expect": "text"}, "refused (unsupported_type)"),
        ("r19_blank_page.pdf", {"expect": "garbled"}, "refused as empty"),
    ],
)
def test_file_that_behaves_otherwise_is_told(name: str, changed: dict[str, object], wrong: str) -> None:
    row = replace(ROWS[name], **changed)  # type: ignore[arg-type] # fields by name
    assert wrong in "; ".join(examine(FOLDER, row, SETTINGS).wrong)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("file\texpect\n", "needs rows with the columns"),
        ("file\texpect\tpages\tmust_contain\tpassword\tmax_s\tsha256_12\na\tmagic\t1\t\t\t1\t\n", "magic"),
    ],
)
def test_manifest_that_cannot_be_used_is_refused(tmp_path: Path, text: str | None, said: str) -> None:
    if text is not None:
        (tmp_path / "manifest.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(BadRequest, match=said):
        read_manifest(tmp_path)


def test_row_of_a_table_stays_together() -> None:
    assert "KB-102 | 型号C知识库一体机 | 3年 | 5599元" in _read("g02_zh_table.pdf").text.split("\n")


def test_hidden_instruction_is_gone_and_the_visible_rule_is_there() -> None:
    text = _read("g08_hidden_text.pdf").text
    assert "红松鼠" not in text
    assert "员工入职满一年后享有五天带薪年假。" in text


def test_scanned_file_names_its_pages() -> None:
    with pytest.raises(IngestError, match="pages 1–2 of 2 hold images or drawings but no text"):
        _read("g03_zh_scanned.pdf")
