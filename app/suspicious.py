"""Text that speaks to a model: what was found in a knowledge base, and in the passages of an answer."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from app.errors import NotFound
from app.reports import FileNoticeView, notice_view
from app.result import View
from app.storage.collections import Collection
from app.storage.database import Database
from app.storage.suspicious import MOST_KEPT, Suspicious, SuspiciousRow
from ingest.suspicious import find
from ingest.suspicious_patterns import REASONS, Reason
from rerank.select import Selection
from retrieval.types import Chunk, Notice, Passage, Ranked

HIDDEN = frozenset({"hidden_text_removed", "hidden_text_left_out", "invisible_characters_removed"})
"""Notices of ingestion about words or characters that no reader would have seen."""
LISTED = 20  # places of a document in a list of documents
_ABOUT = re.compile(
    r"\b(?:prompts?|jailbreak\w*|inject\w*|LLMs?|language models?|chat templates?|control tokens?|base64)\b"
    r"|提示词|提示语|系统提示|注入|越狱|大模型|语言模型|对话模板|控制符",
    re.I,
)


class FlagView(View):
    """A place in a document, and its words; ``chunk_id`` is "" where no chunk holds it: nothing finds it."""

    reason: Reason
    chunk_id: str
    start: int
    end: int
    text: str


class SuspiciousDocumentView(View):
    """A document with what was found in it, the first places first.

    ``found`` counts all places, null where this version was never looked through (a reindex does).
    ``hidden``: what was removed because no reader would have seen it.
    """

    document_id: str
    document: str
    title: str
    version: int
    found: int | None
    flags: tuple[FlagView, ...]
    hidden: tuple[FileNoticeView, ...]


class SuspiciousView(View):
    """What was found in a knowledge base, by document.

    ``suspicious`` documents of it hold such text, ``unseen`` ones were never looked through. ``next_cursor``:
    of the next page, null at the end.
    """

    collection: str
    suspicious: int
    unseen: int
    data: tuple[SuspiciousDocumentView, ...]
    next_cursor: str | None


Page = Callable[[Sequence[SuspiciousRow]], tuple[Sequence[SuspiciousRow], str | None]]
"""Chooses the documents of a page, and gives the cursor of the next."""


def whole(rows: Sequence[SuspiciousRow]) -> tuple[Sequence[SuspiciousRow], None]:
    """All documents on one page."""
    return rows, None


def suspicious_view(
    database: Database, collection: Collection, document: str | None = None, page: Page = whole
) -> SuspiciousView:
    """What was found in a collection, by document, or all that is kept of one document.

    Raises ``NotFound`` for a document in which nothing was found.
    """
    rows = Suspicious(database)
    found, unseen = rows.counts(collection.id)
    listed = rows.documents(collection.id, HIDDEN)
    if document is not None:
        listed = [row for row in listed if row.name == document]
        if not listed:
            raise NotFound(f"nothing suspicious is known of a document {document!r} in {collection.name!r}")
    shown, more = page(listed)
    limit = LISTED if document is None else MOST_KEPT
    return SuspiciousView(
        collection=collection.name,
        suspicious=found,
        unseen=unseen,
        data=tuple(_document(rows, row, limit) for row in shown),
        next_cursor=more,
    )


def _document(rows: Suspicious, row: SuspiciousRow, limit: int) -> SuspiciousDocumentView:
    return SuspiciousDocumentView(
        document_id=row.document_id,
        document=row.name,
        title=row.title,
        version=row.version,
        found=row.found,
        flags=tuple(
            FlagView(
                reason=next(reason for reason in REASONS if reason == each.reason),
                chunk_id=each.chunk_id,
                start=each.start,
                end=each.end,
                text=each.text,
            )
            for each in (rows.flags(row, limit) if row.found else ())
        ),
        hidden=tuple(notice_view(each) for each in row.notices),
    )


def marked(selection: Selection, question: str) -> Selection:
    """The passages with the places that speak to a model, and a notice ``passage_suspicious`` for each.

    Titles and headings that do are taken off (``unheaded``), also those of what came near and is only named.

    Passages are looked through again, so that what was ingested before there was such a look is not missed.
    Where the question itself is about prompts or models the notices come, and no place is marked: somebody
    who asks for such text is given it.
    """
    asked_for = bool(_ABOUT.search(question))
    notices: list[Notice] = []
    passages: list[Passage] = []
    for passage in selection.passages:
        own, chunk = find(passage.text, part=True), unheaded(passage.chunk)
        above = "\n".join((passage.chunk.title, *passage.chunk.headings))
        if found := {flag.reason for flag in (*own, *find(above, part=True))}:
            reasons = sorted(found, key=REASONS.index)
            notices.append(
                Notice.of(
                    "passage_suspicious",
                    number=passage.number,
                    document=passage.chunk.document,
                    reasons=", ".join(reasons),
                )
            )
        spans = tuple((flag.start, flag.end) for flag in own)
        passages.append(passage if asked_for else replace(passage, chunk=chunk, suspicious=spans))
    nearest = selection.nearest if asked_for else tuple(map(_unheaded, selection.nearest))
    notices = [*selection.notices, *notices]
    return replace(selection, passages=tuple(passages), nearest=nearest, notices=tuple(notices))


def unheaded(chunk: Chunk) -> Chunk:
    """The chunk without headings that speak to a model, and called by its file where its title does.

    Where the file's name does too, the title is an ellipsis: answers repeat titles.
    """
    headings = tuple(heading for heading in chunk.headings if not find(heading, part=True))
    title = next((each for each in (chunk.title, chunk.document) if not find(each, part=True)), "…")
    if (title, headings) == (chunk.title, chunk.headings):
        return chunk
    return replace(chunk, title=title, headings=headings)


def _unheaded(ranked: Ranked) -> Ranked:
    return replace(ranked, candidate=replace(ranked.candidate, chunk=unheaded(ranked.chunk)))
