"""PDF → text by page, without positions, headings or joined lines: for files that PDFium refuses."""

from ingest import pypdf_reader
from ingest.blocks import ranges
from ingest.clean import clean, fold
from ingest.errors import IngestError
from ingest.garbled import is_garbled
from ingest.pdf_pages import too_much_text
from ingest.readers import Limits
from ingest.types import Block, PageSpan
from ingest.wire import Parsed
from retrieval.types import Notice


def read_without_positions(data: bytes, limits: Limits, password: str) -> Parsed:
    """What pypdf reads.

    Raises ``IngestError``: encrypted, damaged, no_pages, no_text, garbled, too_many_pages, too_much_text.
    """
    texts = pypdf_reader.read_text(data, password, limits.max_pages)
    if not texts:
        raise IngestError("no_pages", "the PDF is valid but has no page; export it again")
    if sum(map(len, texts)) > limits.max_characters:
        raise too_much_text(limits)
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
    notices += [Notice.of("pages_without_text", pages=ranges(empty), count=len(empty))] if empty else []
    notices += [Notice.of("invisible_characters_removed", count=removed)] if removed else []
    return Parsed("", text, tuple(blocks), tuple(spans), (), tuple(notices))
