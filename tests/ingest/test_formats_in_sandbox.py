"""The readers of Office files, pages and tables at work where they always are: in the parser process."""

import subprocess
import sys
from pathlib import Path

import pytest

from ingest import sheets, slides, word
from ingest.errors import IngestError
from ingest.settings import IngestSettings
from tests.ingest.office import LIMITS, Read, paragraph
from tests.ingest.office import word as make_word
from tests.ingest.sources import parsed

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden" / "office"


@pytest.mark.parametrize(
    ("name", "read"),
    [("travel_zh.docx", word.read), ("deck.pptx", slides.read), ("fees_zh.xlsx", sheets.read)],
)
def test_document_comes_out_of_the_sandbox_as_the_reader_made_it(name: str, read: Read) -> None:
    data = (GOLDEN / name).read_bytes()
    document, made = parsed(data, name), read(data, LIMITS, "", lambda *_: None)
    assert (document.text, document.blocks, document.pages, document.notices) == (
        made.text, made.blocks, made.pages, made.notices,
    )  # fmt: skip
    assert document.title == (made.title or Path(name).stem)


def test_page_that_takes_the_parser_forever_is_ended() -> None:
    fonts = "".join(f"<font color={number}>" for number in range(1_000))
    page = f"<p>{fonts}</p>" + "<p>x</p>" * 1_500  # each paragraph opens all fonts again
    with pytest.raises(IngestError, match="more than 1 s of processor time") as caught:
        parsed(page, "a.html", IngestSettings(parse_cpu_s=1))
    assert caught.value.code == "parse_timeout"


def test_page_that_takes_too_much_memory_ends_only_its_own_parse() -> None:
    fonts = "".join(f"<font color={number}>" for number in range(3_000))
    with pytest.raises(IngestError, match="needs more than 134,217,728 bytes") as caught:
        parsed(
            f"<p>{fonts}</p>" + "<p>x</p>" * 2_000,
            "a.html",
            IngestSettings(parse_memory_bytes=134_217_728),
        )
    assert caught.value.code == "parse_memory"


def test_document_that_takes_too_much_memory_ends_only_its_own_parse() -> None:
    settings = IngestSettings(parse_memory_bytes=134_217_728)
    data = make_word("<w:p/>" * 3_000_000)
    with pytest.raises(IngestError, match="needs more than 134,217,728 bytes") as caught:
        parsed(data, "a.docx", settings)
    assert caught.value.code == "parse_memory"
    assert parsed(make_word(paragraph("fine")), "b.docx", settings).text == "fine"


def test_locked_and_empty_documents_say_so() -> None:
    with pytest.raises(IngestError, match=r"a\.docx: there is no text in it") as caught:
        parsed(make_word("<w:p/>"), "a.docx")
    assert caught.value.code == "empty"


def test_parent_loads_none_of_the_libraries() -> None:
    code = (
        "import sys; from ingest.load import sniff; from ingest import parse, pipeline; "
        f"print(sniff(open({str(GOLDEN / 'deck.pptx')!r}, 'rb').read(), 'a.pptx')[-12:], "
        "[name for name in ('docx', 'pptx', 'openpyxl', 'lxml', 'selectolax', 'PIL') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "presentation []"
