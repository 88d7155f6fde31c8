"""The subprocess takes nothing with it: not time, not memory, not the parent's trust."""

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from ingest.errors import IngestError
from ingest.reply import decode_reply
from ingest.settings import IngestSettings
from ingest.worker import PdfParser
from tests.ingest.pdfs import make_pdf, text
from tests.ingest.sources import SETTINGS, bare_source, parsed, source

# A million characters, each line at a place of its own (PDFium drops text drawn twice at one place).
SLOW = make_pdf([b"".join(text(20, 10 + 8 * line, "hello world " * 7, size=7) for line in range(100))] * 120)
LINE = [0, 2, 1, 0.1, 0.1, 0.2, 0.2]
REPLY = {"title": "", "text": "ab", "blocks": [["paragraph", 0, 2, 1, 0, ""]], "pages": [[1, 0, 2]],
         "lines": [LINE], "notices": []}


def test_parse_that_takes_too_long_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(IngestError, match=r"not parsed within 0.4 s; .*parse_timeout_s") as caught:
        parsed(SLOW, "a.pdf", IngestSettings(parse_timeout_s=0.4))
    assert caught.value.code == "parse_timeout"
    assert time.monotonic() - started < 3


def test_parse_that_uses_too_much_processor_time_is_ended() -> None:
    with pytest.raises(IngestError, match=r"more than 1 s of processor time") as caught:
        parsed(SLOW, "a.pdf", IngestSettings(parse_cpu_s=1))
    assert caught.value.code == "parse_timeout"


def test_flate_bomb_ends_only_its_own_parse() -> None:
    bomb = make_pdf([b" " * 300_000_000 + text(50, 700, "hi")], compress=True)
    settings = IngestSettings(parse_memory_bytes=268_435_456)
    with pytest.raises(IngestError, match=r"a.pdf: parsing needs more than 268,435,456 bytes") as caught:
        parsed(bomb, "a.pdf", settings)
    assert caught.value.code == "parse_memory"
    assert parsed(make_pdf([text(50, 700, "fine")]), "b.pdf", settings).text == "fine"


def test_limits_of_pages_and_characters_hold() -> None:
    two = make_pdf([text(50, 700, "one"), text(50, 700, "two")])
    with pytest.raises(IngestError, match="2 pages are over the limit of 1") as pages:
        parsed(two, "a.pdf", IngestSettings(max_pages=1))
    with pytest.raises(IngestError, match="more than 5 characters of text") as characters:
        parsed(two, "a.pdf", IngestSettings(max_characters=5))
    assert (pages.value.code, characters.value.code) == ("too_many_pages", "too_much_text")


def test_several_threads_parse_at_once() -> None:
    parser = PdfParser(SETTINGS)
    sources = [source(make_pdf([text(50, 700, f"document {n}")]), f"{n}.pdf") for n in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert [document.text for document in pool.map(parser.parse, sources)] == [
            "document 0", "document 1", "document 2", "document 3",
        ]


def test_valid_reply_becomes_a_document() -> None:
    document = decode_reply(json.dumps(REPLY).encode(), bare_source("x.pdf"))
    assert (document.title, document.text, document.lines[0].box.right) == ("x", "ab", 0.2)


@pytest.mark.parametrize(
    "change",
    [
        {"text": 5},
        {"blocks": [["paragraph", 0, 3, 1, 0, ""]]},
        {"blocks": [["script", 0, 2, 1, 0, ""]]},
        {"blocks": [["paragraph", 1, 2, 1, 0, ""], ["paragraph", 0, 1, 1, 0, ""]]},
        {"pages": [[7, 0, 2]]},
        {"lines": [[0, 2, 1, 0.1, 0.1, 1.5, 0.2]]},
        {"extra": True},
        {"error": ["made_up_code", ""]},
    ],
)
def test_reply_of_a_hijacked_parser_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(IngestError, match="the PDF parser gave an invalid reply") as caught:
        decode_reply(json.dumps(REPLY | change).encode(), bare_source("x.pdf"))
    assert caught.value.code == "parse_crash"


def test_heavy_libraries_stay_out_of_the_parent() -> None:
    code = (
        "import sys; import ingest.worker, ingest.parse; "
        "print([name for name in sys.modules if name.split('.')[0] in ('pypdf', 'pypdfium2')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
