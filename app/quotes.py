"""Every quote is looked up in the file it was taken from before anyone reads the answer."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.notices import unpack_notices
from generation.types import Citation
from ingest.decode import decode
from ingest.locate import Pages
from ingest.types import PageSpan
from retrieval.types import Notice

KEPT_FILES = 16  # decoded texts held for the next answer
SAME_AS_FILE = frozenset(("text/markdown", "text/plain"))  # read as they stand in the file
READ_BY_MACHINE = frozenset(("pages_read_by_ocr", "pages_with_ocr_text"))  # notices of a version


@dataclass(frozen=True, slots=True)
class _Shown:
    """The version of a document that is shown: what its quotes stand in, and on which pages."""

    text: str
    pages: Pages
    read_by_machine: frozenset[int]


class Quotes:
    """Checks quotes against the files that were ingested."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._file_text = lru_cache(KEPT_FILES)(lambda sha256: decode(blobs.path(sha256).read_bytes()))

    def stands(self, citation: Citation) -> bool:
        """Word for word in the file where that is Markdown or text, else in the text that was read from it.

        A PDF, an Office file or a web page holds its words in other bytes than a reader sees, and a row of a
        table is no run of bytes at all: what can be compared is the text of the version that is shown, kept
        in SQLite. That costs one row; reading the file again would cost every answer a parser process.
        """
        shown = self._shown(citation.document_id)
        return shown is not None and citation.quote in shown.text

    def verified(self, citations: Sequence[Citation]) -> tuple[tuple[Citation, ...], tuple[Notice, ...]]:
        """The citations whose quote stands in its file, each with the pages of its quote.

        A quote that does not stand (characters no reader can see were taken out between its lines) is
        narrowed to its longest line that does. A citation of which nothing stands is left out, with a notice
        ``citation_unverified`` (number, document). A quote from a scan stands in what a machine has read, not
        in anything a person wrote; a notice ``quote_read_by_machine`` (number, document) says so.
        """
        kept, notices = [], []
        documents = {each: self._shown(each) for each in {citation.document_id for citation in citations}}
        for citation in citations:
            shown = documents[citation.document_id]
            found = _narrowed(citation, shown) if shown is not None else None
            about = {"number": citation.number, "document": citation.document}
            if shown is None or found is None:
                notices.append(Notice.of("citation_unverified", **about))
                continue
            # A version that was kept without its page borders leaves those of the chunk.
            found = replace(found, pages=shown.pages.of(found.start, found.end) or found.pages)
            kept.append(found)
            if not shown.read_by_machine.isdisjoint(found.pages):
                notices.append(Notice.of("quote_read_by_machine", **about))
        return tuple(kept), tuple(dict.fromkeys(notices))

    def _shown(self, document_id: str) -> _Shown | None:
        row = (
            self._database.connection()
            .execute(
                "SELECT v.sha256, v.media_type, v.text, v.notices, v.page_spans FROM version v"
                " JOIN document d ON d.id = v.document_id AND d.current_version = v.version WHERE d.id = ?",
                (document_id,),
            )
            .fetchone()
        )
        if row is None:
            return None
        spans = enumerate(json.loads(row["page_spans"]), start=1)
        return _Shown(
            self._file_text(row["sha256"]) if row["media_type"] in SAME_AS_FILE else str(row["text"]),
            Pages(PageSpan(page, start, end) for page, (start, end) in spans),
            _read_by_machine(unpack_notices(row["notices"])),
        )


def _narrowed(citation: Citation, shown: _Shown) -> Citation | None:
    if citation.quote in shown.text:
        return citation
    best: Citation | None = None
    at = 0
    for line in citation.quote.split("\n"):
        start = citation.start + at
        if line.strip() and line in shown.text and (best is None or len(line) > len(best.quote)):
            best = replace(citation, quote=line, start=start, end=start + len(line))
        at += len(line) + 1
    return best


def _read_by_machine(notices: Sequence[Notice]) -> frozenset[int]:
    """The pages that hold no text but what OCR has read, by us or by whoever scanned them."""
    pages = [dict(notice.values).get("pages", "") for notice in notices if notice.code in READ_BY_MACHINE]
    return frozenset(number for each in pages if each for number in _numbers(each))


def _numbers(ranges: str) -> Iterator[int]:
    """The numbers in ranges as notices write them: 1–3, 5."""
    for each in ranges.split(", "):
        first, _, last = each.partition("–")
        yield from range(int(first), int(last or first) + 1)
