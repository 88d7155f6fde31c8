"""A file of every kind is ingested and answers a question, with a quote that stands in it."""

import io
from collections.abc import Callable
from pathlib import Path

import docx
import openpyxl
import pptx
import pytest
from docx.document import Document
from openpyxl.worksheet.worksheet import Worksheet
from pptx.util import Inches

from app.access.principal import LOCAL
from app.catalogue import codes
from app.services import Services
from generation.types import Citation
from tests.flows.conftest import Open

FEES = [
    ["城市", "住宿标准（元/晚）", "餐补（元/天）"],
    *([f"城市{number}", str(200 + number), str(60 + number)] for number in range(150)),
    ["北京", "500", "120"],
]


def _bytes(document: object) -> bytes:
    file = io.BytesIO()
    document.save(file)  # type: ignore[attr-defined]  # three libraries, one method
    return file.getvalue()


def leave() -> bytes:
    document: Document = docx.Document()
    document.add_heading("员工手册", 0)
    document.add_heading("年假", 1)
    document.add_paragraph("正式员工每年享有 12 天年假，需提前五个工作日在系统中申请。")
    document.add_heading("病假", 1)
    document.add_paragraph("病假须提交医院证明，由部门负责人批准。")
    return _bytes(document)


def launch() -> bytes:
    deck = pptx.Presentation()
    for title, text in (
        ("Overview", "CloudBridge connects branch offices."),
        ("Rollback plan", "The release manager starts a rollback within 30 minutes of a failed launch."),
    ):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        assert slide.shapes.title is not None
        slide.shapes.title.text = title
        box = slide.shapes.add_textbox(Inches(1), Inches(3), Inches(6), Inches(2))
        box.text_frame.text = text
    return _bytes(deck)


def fees() -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert isinstance(sheet, Worksheet)
    sheet.title = "差旅标准"
    for row in FEES:
        sheet.append(row)
    return _bytes(book)


def refunds() -> bytes:
    page = (
        "<!doctype html><title>Refunds</title><nav>Home Products Contact</nav><main><h1>Refund policy</h1>"
        "<p>A refund is paid back to the original card within seven working days after approval.</p>"
        "<p>Shipping costs are not refunded.</p></main><footer>Imprint</footer>"
    )
    return page.encode()


def stock() -> bytes:
    table = "仓库;管理员;联系电话\n东区仓库;王敏;021-5550-1188\n西区仓库;赵强;028-5550-2299\n"
    return table.encode("gb18030")


CASES: list[tuple[str, Callable[[], bytes], str, str, tuple[int, ...]]] = [
    ("手册.docx", leave, "正式员工每年有多少天年假？", "12 天年假", ()),
    ("launch.pptx", launch, "Who starts a rollback after a failed launch?", "release manager", (2,)),
    ("fees.xlsx", fees, "北京的住宿标准是多少？", "北京 | 500 | 120", ()),
    ("refunds.html", refunds, "How long does a refund take after approval?", "seven working days", ()),
    ("仓库.csv", stock, "东区仓库的管理员是谁？", "东区仓库 | 王敏", ()),
]  # fmt: skip


def _ingested(services: Services, folder: Path, name: str, data: bytes) -> None:
    path = folder / name
    path.write_bytes(data)
    (report,) = services.ingest([(path, name)], "kb")
    assert report.error is None
    assert {notice.code for notice in report.notices} <= codes("zh") & codes("en")


def _cited(services: Services, question: str) -> tuple[Citation, ...]:
    result = services.answer(services.ask(question, collections=("kb",), principal=LOCAL))
    assert result.answer.citations, result.answer.text
    return result.answer.citations


@pytest.mark.parametrize(
    ("name", "make", "question", "evidence", "pages"), CASES, ids=[case[0] for case in CASES]
)
def test_question_is_answered_from_each_kind_of_file(
    open_services: Open,
    tmp_path: Path,
    name: str,
    make: Callable[[], bytes],
    question: str,
    evidence: str,
    pages: tuple[int, ...],
) -> None:
    services = open_services(tmp_path / "data")
    _ingested(services, tmp_path, name, make())
    citations = _cited(services, question)
    best = next(each for each in citations if evidence in each.quote)
    assert (best.document, best.pages) == (name, pages)
    row = services.database.connection().execute("SELECT text FROM version").fetchone()
    assert row["text"][best.start : best.end] == best.quote


def test_question_finds_its_file_among_all_kinds(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    for name, make, *_ in CASES:
        _ingested(services, tmp_path, name, make())
    for name, _, question, evidence, _ in CASES:
        found = [each for each in _cited(services, question) if evidence in each.quote]
        assert [each.document for each in found][:1] == [name]


def test_row_far_down_a_long_table_is_judged_with_its_header(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingested(services, tmp_path, "fees.xlsx", fees())
    result = services.answer(services.ask("北京的住宿标准是多少？", collections=("kb",), principal=LOCAL))
    chunk = next(each.chunk for each in result.candidates if "北京 | 500 | 120" in each.chunk.text)
    assert "城市 | 住宿标准（元/晚）" not in chunk.text
    assert "城市 | 住宿标准（元/晚） | 餐补（元/天）" in chunk.contextual_text


@pytest.mark.parametrize(
    "code",
    [
        "macros_not_run", "embedded_files_left_out", "external_links_not_followed", "comments_left_out",
        "hidden_text_left_out", "deletions_left_out", "contents_left_out", "numbering_left_out",
        "symbols_left_out", "pictures_not_read", "hidden_slides_left_out", "slides_without_text",
        "hidden_sheets_left_out", "hidden_cells_left_out", "formulas_without_value", "page_parts_left_out",
        "scripts_left_out", "characters_replaced", "unclosed_quote", "ragged_rows",
    ],
)  # fmt: skip
def test_what_was_left_out_is_said_in_both_languages(code: str) -> None:
    assert code in codes("zh") & codes("en")
