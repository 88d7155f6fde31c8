"""PDF → text with blocks, pages and line boxes. Runs only inside the parser subprocess (see ``worker``)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ingest import pdfium, pypdf_reader
from ingest.clean import clean, fold
from ingest.errors import IngestError
from ingest.garbled import is_garbled
from ingest.headings import Heading, Headings, clip, from_outline, from_sizes
from ingest.lines import Line, Page, to_lines
from ingest.paragraphs import PageLines, lay_out
from ingest.readers import Limits, Tell
from ingest.running import running_lines
from ingest.types import Block, PageSpan
from ingest.wire import Parsed
from retrieval.types import Notice

# Titles that programs write, not people: file names, "Microsoft Word - x", "untitled".
_NO_TITLE = re.compile(
    r"\.\w{2,5}$|^(?:microsoft |untitled|未命名|无标题|文档\d*$|幻灯片 ?\d*$|slide ?\d*$)", re.IGNORECASE
)

SAMPLE = (  # one page, one line, a built-in font; no cross-reference table, so PDFium builds one
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents 4 0 R"
    b"/Resources<</Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>>>endobj\n"
    b"4 0 obj<</Length 36>>stream\nBT /F 12 Tf 9 99 Td (A sample) Tj ET\nendstream endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF"
)


@dataclass(slots=True)
class _Seen:
    """What was noticed on the way, by page number."""

    unreadable: list[int] = field(default_factory=list)
    garbled: list[int] = field(default_factory=list)
    scanned: list[int] = field(default_factory=list)
    blank: list[int] = field(default_factory=list)
    ocr: list[int] = field(default_factory=list)
    hidden: dict[int, int] = field(default_factory=dict)
    invisible: int = 0


def read(data: bytes, limits: Limits, password: str, progress: Tell) -> Parsed:
    """The document, read by PDFium, or by pypdf where PDFium refuses the file.

    ``password`` opens an encrypted file ("" tries the empty one); ``progress`` counts pages. Hidden text,
    running headers and footers, unreadable and garbled pages are left out, each with a notice. Raises
    ``IngestError``: encrypted, damaged, no_pages, no_text, garbled, too_many_pages, too_much_text.
    """
    try:
        document = pdfium.open_document(data, password)
    except IngestError as error:
        if error.code != "damaged":
            raise
        return _read_with_pypdf(data, limits, password)
    count = len(document)
    if count > limits.max_pages:
        raise IngestError(
            "too_many_pages", f"{count:,} pages are over the limit of {limits.max_pages:,}; split the file"
        )
    if count == 0:
        raise _no_pages()
    seen = _Seen()
    pages = _read_pages(lambda number: pdfium.read_page(document, number), count, limits, seen, progress)
    running = running_lines([(page.height, page.lines) for page in pages])
    kept = [replace(page, lines=tuple(li for li in page.lines if id(li) not in running)) for page in pages]
    _check(kept, seen)
    title, headings, notices = _headings(data, password, kept, pdfium.has_outline(document))
    layout = lay_out(kept, headings)
    notices += _notices(seen, len(running))
    return Parsed(title, layout.text, layout.blocks, layout.pages, layout.lines, tuple(notices))


def _read_pages(
    read: Callable[[int], Page | None], count: int, limits: Limits, seen: _Seen, progress: Tell
) -> list[PageLines]:
    pages: list[PageLines] = []
    characters = 0
    for number in range(1, count + 1):
        progress(number - 1, count)
        page = read(number)
        if page is None:
            seen.unreadable.append(number)
            pages.append(PageLines(number, 1.0, 1.0, ()))
            continue
        lines = _visible_lines(page, seen)
        characters += sum(len(line.text) for line in lines)
        if characters > limits.max_characters:
            raise _too_much_text(limits)
        pages.append(PageLines(number, page.width, page.height, lines))
    return pages


def _visible_lines(page: Page, seen: _Seen) -> tuple[Line, ...]:
    """The cleaned lines of a page; what is wrong with it is noted."""
    if page.hidden:
        seen.hidden[page.number] = page.hidden
    if page.ocr:
        seen.ocr.append(page.number)
    if is_garbled("".join(word.text for word in page.words)):
        seen.garbled.append(page.number)
        return ()
    lines: list[Line] = []
    for line in to_lines(page):
        text, removed = clean(line.text)
        seen.invisible += removed
        text = fold(text)
        if text:
            lines.append(replace(line, text=text))
    if not lines:
        (seen.scanned if page.drawn else seen.blank).append(page.number)
    return tuple(lines)


def _check(pages: Sequence[PageLines], seen: _Seen) -> None:
    """Raise where nothing is left to index."""
    if any(page.lines for page in pages):
        return
    if seen.garbled:
        raise IngestError(
            "garbled",
            f"the text layer of {_pages(seen.garbled)} decodes to nonsense (its font has a broken map); "
            "run OCR on it or export it again, then upload the new file",
        )
    if len(seen.unreadable) == len(pages):
        raise IngestError("damaged", "no page can be loaded; get the file again, or print it to a new PDF")
    if seen.scanned:
        raise IngestError(
            "no_text",
            f"{_pages(seen.scanned)} of {len(pages)} hold images or drawings but no text (a scan?); "
            "run OCR on the file, then upload the new one",
        )
    hidden = sum(seen.hidden.values())
    rest = f"; its {hidden:,} characters of text are invisible to a reader" if hidden else ""
    blank = "its only page is" if len(pages) == 1 else f"all {len(pages)} pages are"
    raise IngestError("no_text", f"{blank} blank{rest}; there is nothing to index")


def _headings(
    data: bytes, password: str, pages: Sequence[PageLines], has_outline: bool
) -> tuple[str, Headings, list[Notice]]:
    """Title, headings, and a notice where an outline is there but cannot be read."""
    lines = [page.lines for page in pages]
    try:
        title, entries = pypdf_reader.read_outline(data, password)
    except IngestError:
        notices = [Notice.of("pdf_outline_unreadable")] if has_outline else []
        return "", from_sizes(lines), notices
    title, _ = clean(fold(title))
    if _NO_TITLE.search(title) or is_garbled(title):
        title = ""
    outline = [Heading(e.level, fold(clean(e.title)[0]), e.page) for e in entries if e.page <= len(pages)]
    outline = [entry for entry in outline if entry.title]
    headings = from_outline(lines, outline) if outline else from_sizes(lines)
    return clip(title), headings, []


def _read_with_pypdf(data: bytes, limits: Limits, password: str) -> Parsed:
    """Text by page, without positions, headings or joined lines."""
    texts = pypdf_reader.read_text(data, password, limits.max_pages)
    if not texts:
        raise _no_pages()
    if sum(map(len, texts)) > limits.max_characters:
        raise _too_much_text(limits)
    text, removed = "", 0
    blocks: list[Block] = []
    spans: list[PageSpan] = []
    for number, raw in enumerate(texts, start=1):
        cleaned, count = clean(raw)
        removed += count
        lines = [line for line in map(fold, cleaned.split("\n")) if line]
        text += "\n\n" if text and lines else ""
        start = len(text)
        text += "\n".join(lines)
        spans.append(PageSpan(number, start, len(text)))
        if lines:
            blocks.append(Block("paragraph", start, len(text), number))
    if is_garbled(text):
        raise IngestError("garbled", "PDFium refuses it, and what pypdf reads is nonsense; export it again")
    if not text:
        raise IngestError("no_text", f"no text on any of its {len(texts)} pages (a scan?); run OCR on it")
    empty = [span.page for span in spans if span.start == span.end]
    notices = [Notice.of("pdf_read_without_positions")]
    notices += [Notice.of("pages_without_text", pages=_ranges(empty), count=len(empty))] if empty else []
    notices += [Notice.of("invisible_characters_removed", count=removed)] if removed else []
    return Parsed("", text, tuple(blocks), tuple(spans), (), tuple(notices))


def _notices(seen: _Seen, running: int) -> list[Notice]:
    by_page = {
        "pages_without_text": seen.scanned,
        "pages_unreadable": seen.unreadable,
        "pages_garbled": seen.garbled,
        "pages_with_ocr_text": seen.ocr,
    }
    notices = [
        Notice.of(code, pages=_ranges(pages), count=len(pages)) for code, pages in by_page.items() if pages
    ]
    if seen.hidden:
        count = sum(seen.hidden.values())
        notices.append(Notice.of("hidden_text_removed", pages=_ranges(list(seen.hidden)), count=count))
    if running:
        notices.append(Notice.of("running_lines_removed", count=running))
    if seen.invisible:
        notices.append(Notice.of("invisible_characters_removed", count=seen.invisible))
    return notices


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers in order as ranges: 1–3, 5."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in ranges)


def _pages(numbers: Sequence[int]) -> str:
    return f"page{'s' if len(numbers) > 1 else ''} {_ranges(numbers)}"


def _no_pages() -> IngestError:
    return IngestError("no_pages", "the PDF is valid but has no page; export it again")


def _too_much_text(limits: Limits) -> IngestError:
    return IngestError(
        "too_much_text", f"it holds more than {limits.max_characters:,} characters of text; split the file"
    )
