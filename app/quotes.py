"""Every quote is looked up in the file it was taken from before anyone reads the answer."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from app.storage.blobs import BlobStore
from app.storage.database import Database
from app.storage.notices import unpack_notices
from generation.types import Citation
from ingest.decode import decode
from retrieval.types import Notice

KEPT_FILES = 16  # decoded texts held for the next answer
SAME_AS_FILE = frozenset(("text/markdown", "text/plain"))  # read as they stand in the file
READ_BY_MACHINE = frozenset(("pages_read_by_ocr", "pages_with_ocr_text"))  # notices of a version


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
        text = self._text(citation.document_id)
        return text is not None and citation.quote in text

    def verified(self, citations: Sequence[Citation]) -> tuple[tuple[Citation, ...], tuple[Notice, ...]]:
        """The citations whose quote stands in its file.

        A quote that does not (characters no reader can see were taken out between its lines) is narrowed to
        its longest line that does. A citation of which nothing stands is left out, with a notice
        ``citation_unverified`` (number, document). A quote from a scan stands in what a machine has read, not
        in anything a person wrote; a notice ``quote_read_by_machine`` (number, document) says so.
        """
        kept, notices = [], []
        for citation in citations:
            narrowed = self._narrowed(citation)
            about = {"number": citation.number, "document": citation.document}
            if narrowed is None:
                notices.append(Notice.of("citation_unverified", **about))
                continue
            kept.append(narrowed)
            if not self._read_by_machine(citation.document_id).isdisjoint(citation.pages):
                notices.append(Notice.of("quote_read_by_machine", **about))
        return tuple(kept), tuple(dict.fromkeys(notices))

    def _narrowed(self, citation: Citation) -> Citation | None:
        if self.stands(citation):
            return citation
        best: Citation | None = None
        at = 0
        for line in citation.quote.split("\n"):
            start = citation.start + at
            part = replace(citation, quote=line, start=start, end=start + len(line))
            if line.strip() and self.stands(part) and (best is None or len(line) > len(best.quote)):
                best = part
            at += len(line) + 1
        return best

    def _read_by_machine(self, document_id: str) -> frozenset[int]:
        """The pages of a document that hold no text but what OCR has read, by us or by whoever scanned it."""
        row = (
            self._database.connection()
            .execute(
                "SELECT v.notices FROM version v JOIN document d"
                " ON d.id = v.document_id AND d.current_version = v.version WHERE d.id = ?",
                (document_id,),
            )
            .fetchone()
        )
        notices = unpack_notices(row["notices"]) if row is not None else ()
        pages = [dict(notice.values)["pages"] for notice in notices if notice.code in READ_BY_MACHINE]
        return frozenset(number for each in pages for number in _numbers(each))

    def _text(self, document_id: str) -> str | None:
        row = (
            self._database.connection()
            .execute(
                "SELECT v.sha256, v.media_type, v.text FROM version v JOIN document d"
                " ON d.id = v.document_id AND d.current_version = v.version WHERE d.id = ?",
                (document_id,),
            )
            .fetchone()
        )
        if row is None:
            return None
        if row["media_type"] in SAME_AS_FILE:
            return self._file_text(row["sha256"])
        return str(row["text"])


def _numbers(ranges: str) -> Iterator[int]:
    """The numbers in ranges as notices write them: 1–3, 5."""
    for each in ranges.split(", "):
        first, _, last = each.partition("–")
        yield from range(int(first), int(last or first) + 1)
