"""Every quote is looked up in the file it was taken from before anyone reads the answer."""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from app.storage.blobs import BlobStore
from app.storage.database import Database
from generation.types import Citation
from ingest.decode import decode
from retrieval.types import Notice

KEPT_FILES = 16  # decoded texts held for the next answer
SAME_AS_FILE = frozenset(("text/markdown", "text/plain"))  # read as they stand in the file


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
        ``citation_unverified`` (number, document).
        """
        kept, notices = [], []
        for citation in citations:
            narrowed = self._narrowed(citation)
            if narrowed is None:
                notices.append(
                    Notice.of("citation_unverified", number=citation.number, document=citation.document)
                )
            else:
                kept.append(narrowed)
        return tuple(kept), tuple(notices)

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
