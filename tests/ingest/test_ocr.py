"""Pages without text: what happens with and without the optional extra that reads them by OCR."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pypdfium2 as pdfium  # type: ignore[import-untyped] # ships no types
import pytest

from ingest import pdf
from ingest.errors import IngestError
from ingest.page import Page
from ingest.parse import parse
from ingest.pdf_pages import Scans
from ingest.readers import Limits
from ingest.scans import ScanReader, is_installed
from ingest.settings import IngestSettings
from ingest.types import Document
from ingest.words import Word
from retrieval.types import Notice
from tests.ingest.pdfs import make_pdf, text
from tests.ingest.sources import parsed, source

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "pdfs"
VISIBLE = text(50, 700, "Staff get five days of leave.")
IMAGE = b"q 595 0 0 842 0 0 cm /Im1 Do Q\n"
AUTO = IngestSettings(ocr="auto")
needs_ocr = pytest.mark.skipif(not is_installed(), reason="needs the extra: pip install 'touchstone-kb[ocr]'")


def _found(data: bytes) -> Document | IngestError:
    try:
        return parsed(data, "a.pdf")
    except IngestError as error:
        return error


def _complete(data: bytes, *, installed: bool, settings: IngestSettings = AUTO) -> Document:
    reader = ScanReader(installed=installed)
    return reader.complete(_found(data), source(data, "a.pdf"), settings, lambda *_: None, "")


def test_without_the_extra_pages_without_text_are_named_and_the_remedy_too() -> None:
    document = _complete(make_pdf([VISIBLE, IMAGE]), installed=False)
    assert document.text == "Staff get five days of leave."
    assert document.notices == (
        Notice.of("pages_without_text", pages="2", count=1),
        Notice.of("ocr_not_installed"),
    )


def test_without_the_extra_a_scan_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        IngestError, match=r"a\.pdf: page 1 of 1 hold.*pip install 'touchstone-kb\[ocr\]'"
    ) as caught:
        _complete(make_pdf([IMAGE]), installed=False)
    assert caught.value.code == "no_text"


def test_blank_page_is_said_to_be_blank_and_ocr_is_not_thought_of() -> None:
    with pytest.raises(IngestError) as caught:
        _complete(make_pdf([b""]), installed=True)
    assert caught.value.code == "empty"
    assert str(caught.value) == "a.pdf: its only page is blank; there is nothing to index"


@pytest.mark.parametrize("installed", [False, True])
def test_files_with_text_and_files_with_ocr_turned_off_are_left_alone(installed: bool) -> None:
    off = IngestSettings(ocr="off")
    assert _complete(make_pdf([VISIBLE]), installed=installed).notices == ()
    document = _complete(make_pdf([VISIBLE, IMAGE]), installed=installed, settings=off)
    assert document.notices == (Notice.of("pages_without_text", pages="2", count=1),)


def test_missing_extra_is_noticed_by_the_whole_path() -> None:
    if is_installed():
        pytest.skip("the extra is installed")
    document = parse(source(make_pdf([VISIBLE, IMAGE]), "a.pdf"), AUTO)
    assert Notice.of("ocr_not_installed") in document.notices


@dataclass
class PlainScanner:
    """A scanner that reads the same words on every page."""

    lines: Sequence[Word]
    scans: Scans = field(default_factory=Scans)

    def scan(self, page: Page) -> Page:
        self.scans.read[page.number] = 0.95
        self.scans.unsure.add(page.number, 2)
        self.scans.left_out.add(page.number, 1)
        return replace(page, words=(*page.words, *self.lines))


def test_what_is_recognised_goes_the_way_of_all_text() -> None:
    lines = [
        Word("1. Open the valve and wait until", 60, 100, 260, 112, 10),
        Word("the light is green.", 60, 114, 180, 126, 10),
    ]
    data = make_pdf([VISIBLE, IMAGE, IMAGE])
    result = pdf.read(data, Limits(10, 1000), "", lambda *_: None, lambda _: PlainScanner(lines))
    assert result.text.startswith(
        "Staff get five days of leave.\n\n1. Open the valve and wait until the light"
    )
    assert [(block.kind, block.page) for block in result.blocks] == [("paragraph", 1), ("list", 2)]
    assert result.lines[1].box.page == 2
    assert result.notices == (
        Notice.of("pages_read_by_ocr", pages="2–3", count=2, confidence=95),
        Notice.of("ocr_lines_unsure", pages="2–3", count=4),
        Notice.of("ocr_lines_left_out", pages="2–3", count=2),
    )


def test_page_that_is_garbled_is_read_from_its_picture() -> None:
    data = (GOLDEN / "r21_garbled_tounicode.pdf").read_bytes()
    line = Word("What the page shows", 60, 100, 260, 112, 10)
    result = pdf.read(data, Limits(10, 1000), "", lambda *_: None, lambda _: PlainScanner([line]))
    assert result.text == "What the page shows"


def _scan_of(name: str, *, turned: int = 0, scale: float = 200 / 72) -> bytes:
    """The first page of a golden file as a picture and nothing else, lying on its side where it is turned."""
    page = pdfium.PdfDocument(GOLDEN / name)[0]
    bitmap = page.render(scale=scale, rotation=turned, grayscale=True)
    document = pdfium.PdfDocument.new()
    picture = pdfium.PdfImage.new(document)
    picture.set_bitmap(bitmap)
    width, height = bitmap.width / scale, bitmap.height / scale
    picture.set_matrix(pdfium.PdfMatrix().scale(width, height))
    scan = document.new_page(width, height)
    scan.insert_obj(picture)
    scan.gen_content()
    path = bytearray()

    class _Sink:
        def write(self, data: bytes) -> int:
            path.extend(data)
            return len(data)

    document.save(_Sink())
    return bytes(path)


def _plain(said: str) -> str:
    folded = unicodedata.normalize("NFKC", said)
    return "".join(character for character in folded if character.isalnum())


@needs_ocr
@pytest.mark.parametrize("turned", [0, 90, 180])
def test_scanned_table_becomes_rows_whichever_way_up_it_lies(turned: int) -> None:
    document = _complete(_scan_of("g02_zh_table.pdf", turned=turned), installed=True)
    rows = document.text.split("\n")
    assert "编号 | 名称 | 质保 | 单价" in rows
    assert "KB-102 | 型号C知识库一体机 | 3年 | 5599元" in rows
    (notice,) = [notice for notice in document.notices if notice.code == "pages_read_by_ocr"]
    assert dict(notice.values)["pages"] == "1"
    assert int(dict(notice.values)["confidence"]) >= 95


@needs_ocr
def test_scanned_columns_are_read_one_after_the_other_and_boxed() -> None:
    original = parsed((GOLDEN / "g01_zh_two_column.pdf").read_bytes(), "a.pdf")
    first = next(page for page in original.pages if page.page == 1)
    document = _complete(_scan_of("g01_zh_two_column.pdf"), installed=True)
    for phrase in (
        "包含神经科学、认知科学、资讯工程、电脑科学、物理学及数学",
        "是美国纽约证券交易所上市公司，成立于1939年",
    ):
        assert phrase in original.text[first.start : first.end]
        assert _plain(phrase) in _plain(document.text)
    place = document.text.index("纽约证券交易所")
    (line,) = [line for line in document.lines if line.start <= place < line.end]
    (same,) = [
        line for line in original.lines if line.start <= original.text.index("纽约证券交易所") < line.end
    ]
    assert line.box.left == pytest.approx(same.box.left, abs=0.02)
    assert line.box.top == pytest.approx(same.box.top, abs=0.02)


@needs_ocr
def test_page_that_takes_too_long_is_left_out_and_named() -> None:
    slow = IngestSettings(ocr="auto", ocr_page_timeout_s=0.001)
    with pytest.raises(IngestError, match=r"took longer than 0\.001 s; raise ingest\.ocr_page_timeout_s"):
        _complete(_scan_of("g02_zh_table.pdf"), installed=True, settings=slow)


@needs_ocr
def test_ocr_that_never_ends_is_ended_and_what_was_read_without_it_is_kept() -> None:
    data, quick = make_pdf([VISIBLE, IMAGE]), IngestSettings(ocr="auto", ocr_page_timeout_s=0.1)
    reader = ScanReader(installed=True, start_s=0.0)
    document = reader.complete(_found(data), source(data, "a.pdf"), quick, lambda *_: None, "")
    assert document.text == "Staff get five days of leave."
    (notice,) = [notice for notice in document.notices if notice.code == "ocr_failed"]
    assert "raise ingest.ocr_page_timeout_s" in dict(notice.values)["reason"]


@needs_ocr
def test_ocr_that_needs_too_much_memory_names_its_own_limit_and_keeps_what_was_read_without_it() -> None:
    little = IngestSettings(ocr="auto").model_copy(update={"ocr_memory_bytes": 40_000_000})
    data = make_pdf([VISIBLE, IMAGE])
    document = _complete(data, installed=True, settings=little)
    assert document.text == "Staff get five days of leave."
    (notice,) = [notice for notice in document.notices if notice.code == "ocr_failed"]
    assert dict(notice.values)["reason"] == (
        "it needs more than 40,000,000 bytes; raise ingest.ocr_memory_bytes"
    )
