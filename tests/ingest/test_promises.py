"""What every reader promises, whatever a file holds: offsets, pages, boxes, clean text, notices to tell."""

import csv
import importlib
import io

import openpyxl
import pptx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pptx.util import Pt

from app.catalogue import codes, say
from ingest.chunk import budget_notices, chunk, context_notices
from ingest.clean import clean
from ingest.errors import IngestError
from ingest.readers import READERS, Limits
from ingest.reply import decode_reply
from ingest.settings import IngestSettings
from ingest.tokens import estimate_tokens
from ingest.types import Document, MediaType, Source
from ingest.wire import encode
from retrieval.types import Language, Notice
from tests.ingest.office import paragraph, word
from tests.ingest.pdfs import han, make_pdf, text

LIMITS = Limits(50, 200_000)
# Words as people write them, and what hides between them: zero-width, bidi, tag and control characters.
PIECES = st.sampled_from([
    "年假", "每人五天。", "KB-102", "Leave is ten days.", "。", "“引用”", " ", "  ", "\t", "1.", "- ",
    "| ", "，", "e.g. ", "\u200b", "\ufeff", "\u202e", "\u00ad", "\U000e0041", "\u200d", "\ufe0f",
    "👩\u200d🚀", "é", "e\u0301", "\x07", "क्\u200dष", "\u2028", "𠮷", "ﬁ", "⼈", "x" * 60, "长" * 80,
    "**", "`", "<b>", "&amp;", "\u3000",
])
LINE = st.lists(PIECES, max_size=8).map("".join)
TEXT = st.lists(LINE, min_size=1, max_size=8)
quick = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _kept(media_type: MediaType, data: bytes, budget: int) -> None:
    """Reads the file as the parser process does, and checks what it says as its parent does."""
    reader = READERS[media_type]
    source = Source("doc", "c", "a", media_type, "0" * 64, data)
    heard: list[tuple[int, int]] = []
    read = importlib.import_module(reader.module).read
    try:
        found = read(data, LIMITS, "", lambda done, total: heard.append((done, total)))
    except IngestError as error:
        if error.code not in ("empty", "no_text", "undecodable"):
            raise
        return
    assert all(0 <= done <= total and total >= 1 for done, total in heard)
    document = decode_reply(bytearray(encode(found)), source, reader.kind)  # refuses wrong offsets and boxes
    _is_clean(document)
    for notice in document.notices:
        _can_be_told(notice)
    _is_cut_whole(document, IngestSettings(chunk_tokens=budget))


def _is_clean(document: Document) -> None:
    assert clean(document.text) == (document.text, 0)
    position = 0
    for block in document.blocks:
        assert document.text[position : block.start].strip() == ""
        assert document.text[block.start : block.end].strip("\n") == document.text[block.start : block.end]
        assert (block.kind == "heading") == (1 <= block.level <= 6)
        assert clean(block.title) == (block.title, 0)
        assert "\n" not in block.title
        position = block.end
    assert document.text[position:].strip() == ""
    for line in document.lines:
        page = document.pages[line.box.page - 1]
        assert page.start <= line.start < line.end <= page.end
        assert line.box.left <= line.box.right
        assert line.box.top <= line.box.bottom


def _can_be_told(notice: Notice) -> None:
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        assert notice.code in codes(language)
        assert "{" not in say(notice, language)  # a blank that nothing fills stays as it is


def _is_cut_whole(document: Document, cut: IngestSettings) -> None:
    chunks = chunk(document, 1, cut)
    at = 0
    for ordinal, one in enumerate(chunks):
        assert (one.ordinal, one.text) == (ordinal, document.text[one.start : one.end])
        assert one.text.strip()
        assert one.text == one.text.strip("\n")  # code keeps its indentation
        assert document.text[at : one.start].strip() == ""
        assert one.tokens == estimate_tokens(one.contextual_text) <= cut.chunk_tokens
        assert list(one.pages) == sorted(set(one.pages))
        assert {box.page for box in one.boxes} <= set(one.pages)
        at = one.end
    assert document.text[at:].strip() == ""
    assert budget_notices([one.tokens for one in chunks], cut) == ()
    for notice in context_notices(document, cut):
        _can_be_told(notice)


BUDGETS = st.sampled_from([32, 64, 320])


@quick
@given(TEXT, BUDGETS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"]))
def test_plain_text(lines: list[str], budget: int, encoding: str) -> None:
    data = "\n".join(lines).encode(encoding, errors="replace")
    _kept("text/plain", data, budget)


MARKUP = st.sampled_from([
    "", "# ", "### ", "- ", "1. ", "> ", "    ", "```", "| a | b |\n|---|---|\n| ", "---", "<!--",
])


@quick
@given(st.lists(st.tuples(MARKUP, LINE), min_size=1, max_size=10), BUDGETS)
def test_markdown(lines: list[tuple[str, str]], budget: int) -> None:
    _kept("text/markdown", "\n".join(f"{markup}{line}" for markup, line in lines).encode(), budget)


TAGS = st.sampled_from([
    "p", "h1", "h3", "li", "ul", "td", "tr", "table", "pre", "blockquote", "div", "br", "style", "q",
])


@quick
@given(st.lists(st.tuples(TAGS, LINE, st.booleans()), min_size=1, max_size=12), BUDGETS)
def test_web_page(parts: list[tuple[str, str, bool]], budget: int) -> None:
    body = "".join(f"<{tag}>{line}" + (f"</{tag}>" if closed else "") for tag, line, closed in parts)
    _kept("text/html", f"<html><meta charset=utf-8><title>{parts[0][1]}</title>{body}".encode(), budget)


@quick
@given(
    st.lists(st.lists(LINE, min_size=1, max_size=5), min_size=1, max_size=8), BUDGETS, st.sampled_from(",\t;")
)
def test_table_text(rows: list[list[str]], budget: int, delimiter: str) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter).writerows(rows)
    media_type: MediaType = "text/tab-separated-values" if delimiter == "\t" else "text/csv"
    _kept(media_type, file.getvalue().encode(), budget)


def _xml(line: str) -> str:
    """What XML can hold of it, escaped."""
    kept = "".join(c for c in line if c >= " " or c == "\t")
    return kept.replace("&", "&amp;").replace("<", "&lt;")


STYLES = st.sampled_from([
    "", '<w:pStyle w:val="Heading1"/>', '<w:pStyle w:val="Title"/>', '<w:outlineLvl w:val="2"/>',
])


@quick
@given(st.lists(st.tuples(STYLES, LINE, st.booleans()), min_size=1, max_size=8), BUDGETS)
def test_word_document(parts: list[tuple[str, str, bool]], budget: int) -> None:
    body = ""
    for style, line, in_table in parts:
        shown = paragraph(_xml(line), style)
        body += f"<w:tbl><w:tr><w:tc>{shown}</w:tc><w:tc>{shown}</w:tc></w:tr></w:tbl>" if in_table else shown
    kind: MediaType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    _kept(kind, word(body), budget)


@settings(quick, max_examples=15)
@given(st.lists(st.lists(LINE, min_size=1, max_size=4), min_size=1, max_size=3), BUDGETS)
def test_presentation(slides: list[list[str]], budget: int) -> None:
    deck, file = pptx.Presentation(), io.BytesIO()
    for number, lines in enumerate(slides):
        slide = deck.slides.add_slide(deck.slide_layouts[5])
        assert slide.shapes.title is not None
        slide.shapes.title.text = _controls_out(lines[0])
        frame = slide.shapes.add_textbox(Pt(50), Pt(100 + number), Pt(200), Pt(50)).text_frame
        frame.text = _controls_out("\n".join(lines[1:]))
        slide.notes_slide.notes_text_frame.text = _controls_out(lines[-1])
    deck.save(file)
    kind: MediaType = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
    _kept(kind, file.getvalue(), budget)


@settings(quick, max_examples=25)
@given(st.lists(st.lists(LINE | st.integers() | st.none(), max_size=4), min_size=1, max_size=8), BUDGETS)
def test_workbook(rows: list[list[str | int | None]], budget: int) -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    assert book.active is not None
    for row in rows:
        book.active.append([_controls_out(cell) if isinstance(cell, str) else cell for cell in row])
    book.save(file)
    kind: MediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    _kept(kind, file.getvalue(), budget)


def _controls_out(line: str) -> str:
    """Without what these libraries refuse to write, and without what they would take for a formula."""
    return "".join(c for c in line if c >= " " or c == "\n").lstrip("=")


ENGLISH = st.lists(st.sampled_from(["Leave", "ten days.", "1.", "KB-102", "x" * 70, "("]), min_size=1)
CHINESE = st.lists(st.sampled_from(["年假", "每人五天。", "第一章", "长" * 30, "（一）"]), min_size=1)
PLACES = st.tuples(st.floats(-50, 600), st.floats(-20, 860), st.sampled_from([0.5, 6, 11, 24, 80]))


def _drawn(place: tuple[float, float, float], words: list[str], kind: str) -> bytes:
    x, y, size = place
    if kind == "picture":
        return b"q 100 0 0 100 50 50 cm /Im1 Do Q\n"
    if kind == "english":
        return text(x, y, " ".join(words), size=size)
    return han(x, y, "".join(words), size=size, down=kind == "downwards")


DRAWN = st.one_of(
    st.builds(_drawn, PLACES, ENGLISH, st.sampled_from(["english", "picture"])),
    st.builds(_drawn, PLACES, CHINESE, st.sampled_from(["across", "downwards"])),
)


@quick
@given(
    st.lists(st.lists(DRAWN, max_size=12).map(b"".join), min_size=1, max_size=4),
    BUDGETS,
    st.sampled_from([0, 90, 180, 270]),
    st.sampled_from([(595, 842), (200, 100)]),
    st.booleans(),
)
def test_pdf(pages: list[bytes], budget: int, rotate: int, size: tuple[int, int], outlined: bool) -> None:
    outline = [("Chapter one", 1), ("Leave ten days.", len(pages))] if outlined else []
    _kept("application/pdf", make_pdf(pages, size=size, rotate=rotate, outline=outline), budget)

