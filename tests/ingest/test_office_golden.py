"""Files that LibreOffice wrote read as they look there."""

from pathlib import Path

import pytest

from ingest import sheets, slides, word
from ingest.errors import IngestError
from ingest.load import sniff
from tests.ingest.office import blocks, codes, reading

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden" / "office"


def test_document() -> None:
    parsed = reading(word.read, (GOLDEN / "travel_zh.docx").read_bytes())
    assert parsed.title == "差旅报销制度"
    assert blocks(parsed) == [
        ("heading", "差旅报销制度"),
        ("paragraph", "本制度适用于全体员工。"),
        ("heading", "住宿标准"),
        ("table", "城市 | 标准（元/晚） | 说明\n北京 | 500 | 旺季\n| 450 | 淡季\n上海 | 480"),
        ("heading", "How to claim"),
        ("list", "1. Keep the receipts.\n2. Fill in the form.\n  • online\n  • on paper"),
        ("quote", "Claims are due within 30 days."),
        ("code", "claim --id 7\n  --all"),
    ]
    assert codes(parsed) == {}


def test_presentation() -> None:
    parsed = reading(slides.read, (GOLDEN / "deck.pptx").read_bytes())
    assert [parsed.text[page.start : page.end] for page in parsed.pages] == [
        "产品介绍\n\n副标题",
        "Pricing\n\n• First\n  – Second\n\nc00 | c01\nc10 | c11\n\nSay hello\n\nand bye",
        "in group, top\n\nleft\n\nright\n\nRev\n\n| Rev\nQ1 | 0.1\nQ2 | 0.257",
        "",
    ]
    assert codes(parsed) == {"hidden_slides_left_out": {"slides": "4", "count": "1"}}


def test_workbook() -> None:
    parsed = reading(sheets.read, (GOLDEN / "fees_zh.xlsx").read_bytes())
    assert blocks(parsed) == [
        ("heading", "费用"),
        ("paragraph", "2024 年费用标准"),
        (
            "table",
            "城市 |  | 标准 | 日期\n北京 |  | 0.3 | 2024-01-05\n上海 |  | ¥1,200.00 | 2024-01-05 9:30:00\n"
            "上海 | TRUE",
        ),
        ("heading", "list"),
        ("list", "one\ntwo\nthree"),
    ]
    assert sorted(codes(parsed)) == ["hidden_cells_left_out", "hidden_sheets_left_out"]


def test_old_document_is_refused_with_the_way_out() -> None:
    with pytest.raises(IngestError, match=r"an old Word file \(\.doc\); save it as \.docx") as caught:
        sniff((GOLDEN / "travel_zh.doc").read_bytes(), "travel_zh.doc")
    assert caught.value.code == "unsupported_type"
