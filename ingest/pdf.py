"""PDF → text with blocks, pages and line boxes. Runs only inside the parser process (see ``worker``)."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from ingest import pdfium
from ingest.blocks import ranges
from ingest.clean import clean, fold
from ingest.errors import IngestError
from ingest.garbled import is_garbled
from ingest.headings import Heading, Headings, clip, from_outline, from_sizes, is_title
from ingest.paragraphs import PageLines, lay_out
from ingest.pdf_pages import PageScanner, Scans, Seen, read_pages
from ingest.readers import Limits, Tell
from ingest.running import running_lines
from ingest.wire import Parsed


def read(
    data: bytes,
    limits: Limits,
    password: str,
    progress: Tell,
    scanner_of: Callable[[pdfium.Document], PageScanner] | None = None,
) -> Parsed:
    """The document, read by PDFium, or by pypdf where PDFium refuses the file.

    ``password`` opens an encrypted file ("" tries the empty one); ``progress`` counts pages; ``scanner_of``
    gives the reader of pages without text. Hidden text, running headers and footers, unreadable and garbled
    pages are left out, each with a notice. Raises ``IngestError``: encrypted, damaged, no_pages, empty,
    no_text, garbled, too_many_pages, too_much_text.
    """
    try:
        document = pdfium.open_document(data, password)
    except IngestError as error:
        if error.code != "damaged":
            raise
        from ingest import pdf_fallback  # pypdf takes as long to load as a hundred pages take to read

        return pdf_fallback.read_without_positions(data, limits, password)
    count = len(document)
    if count > limits.max_pages:
        raise IngestError(
            "too_many_pages", f"{count:,} pages are over the limit of {limits.max_pages:,}; split the file"
        )
    if count == 0:
        raise IngestError("no_pages", "the PDF is valid but has no page; export it again")
    seen = Seen()
    scanner = scanner_of(document) if scanner_of is not None else None
    pages = read_pages(document.read_page, count, limits, seen, progress, scanner)
    running = running_lines([(page.frame_height, page.main_lines) for page in pages])
    seen.running = len(running)
    kept = [replace(page, lines=tuple(li for li in page.lines if id(li) not in running)) for page in pages]
    scans = scanner.scans if scanner is not None else Scans()
    if not any(page.lines for page in kept):
        raise _nothing_to_index(seen, count, scans if scanner is not None else None)
    title, headings = _headings(document, kept)
    layout = lay_out(kept, headings)
    notices = (*seen.notices(), *scans.notices())
    return Parsed(title, layout.text, layout.blocks, layout.pages, layout.lines, notices)


def _nothing_to_index(seen: Seen, count: int, scans: Scans | None) -> IngestError:
    """Why no page has text. ``scans``: what came of OCR, None where it was not tried."""
    if len(seen.unreadable) == count:
        return IngestError("damaged", "no page can be loaded; get the file again, or print it to a new PDF")
    remedy = "run OCR on the file, then upload the new one"
    if scans is not None:
        remedy = "OCR read nothing there either; get a sharper copy"
        if scans.late:
            late = f"{_pages(scans.late)} took longer than {scans.timeout_s:g} s"
            remedy = f"OCR of {late}; raise ingest.ocr_page_timeout_s"
    if seen.garbled:
        return IngestError(
            "garbled",
            f"the text layer of {_pages(seen.garbled)} decodes to nonsense (its font has a broken map); "
            f"export the file again, or {remedy}",
        )
    if seen.scanned:
        return IngestError(
            "no_text",
            f"{_pages(seen.scanned)} of {count} hold images or drawings but no text (a scan?); {remedy}",
        )
    hidden = sum(seen.hidden.values())
    rest = f"; its {hidden:,} characters of text are invisible to a reader" if hidden else ""
    blank = "its only page is" if count == 1 else f"all {count} pages are"
    return IngestError("empty", f"{blank} blank{rest}; there is nothing to index")


def _headings(document: pdfium.Document, pages: Sequence[PageLines]) -> tuple[str, Headings]:
    """Title and headings: those of the outline, else what is set large."""
    lines = [page.lines for page in pages]
    title, _ = clean(fold(document.title()))
    if not is_title(title) or is_garbled(title):
        title = ""
    entries = [entry for entry in document.outline() if entry.page <= len(pages)]
    outline = [Heading(entry.level, fold(clean(entry.title)[0]), entry.page) for entry in entries]
    outline = [entry for entry in outline if entry.title]
    return clip(title), from_outline(lines, outline) if outline else from_sizes(lines)


def _pages(numbers: Sequence[int]) -> str:
    return f"page{'s' if len(numbers) > 1 else ''} {ranges(numbers)}"
