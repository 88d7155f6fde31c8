"""Document → chunks: along headings, then blocks, then sentences, never over the token budget.

One section is one chunk where it fits. A heading without a body goes with what follows it, and a section
shorter than 40 tokens is merged with its neighbour under the same parent: alone it says too little to be
found or judged. Longer sections are cut into parts of about equal size at block ends, then at sentence
ends. Pages so short that each fits into a chunk (slides, forms) are kept apart, so that a citation names
one page.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.locate import Locator
from ingest.overlap import overlapping
from ingest.settings import IngestSettings
from ingest.split import Piece, pack, pieces
from ingest.table_header import long_tables
from ingest.tokens import estimate_tokens, token_weight
from ingest.types import Block, Document
from retrieval.types import Chunk, Notice

_SHORT = 40  # tokens
_FILLED = 120  # tokens; a part this long takes in no further short section
_MERGED_SHARE = 0.75  # of the budget; the rest is for the context line
_CONTEXT_SHARE = 0.5  # of the budget; the context line may take no more
_OVERLAP_SHARE = 0.5  # of the room for text; repeated sentences may take no more


@dataclass(slots=True)
class _Part:
    """Sections that are chunked together. ``home`` and ``level`` are those of the first, ``path`` is shown.

    ``bare``: it holds nothing but headings.
    """

    home: tuple[str, ...]
    level: int
    path: tuple[str, ...]
    blocks: list[Block]
    bare: bool = True
    weight: float = 0.0


def chunk(document: Document, version: int, settings: IngestSettings) -> tuple[Chunk, ...]:
    """The chunks of a document, in order; together they hold the text of every block.

    ``text == document.text[start:end]``, and ``tokens`` (estimated, context line and lead included) is at
    most ``settings.chunk_tokens``. A chunk repeats whole sentences of the one before, where nothing but white
    space lies between them, up to ``settings.chunk_overlap`` tokens. A chunk that begins inside a table has
    the table's header as its ``lead``. A chunk has no text between its blocks but white space, so that what
    the parser left out (comments, front matter) is in no chunk. Where the title and headings would take over
    half of the budget, the outermost headings are dropped, then the title is cut (see
    ``context_notices``).
    """
    chunks: list[Chunk] = []
    locate = Locator(document)
    breaks = _page_breaks(document, settings.chunk_tokens)
    for part in _parts(document, settings.chunk_tokens):
        title, headings = _fit(document.title, part.path, settings.chunk_tokens)
        context = _context(title, headings)
        room = settings.chunk_tokens - token_weight(context + "\n")
        headers = long_tables(document.text, part.blocks, room)
        room -= headers.room
        overlap = min(settings.chunk_overlap, _OVERLAP_SHARE * room)
        for piece in _pieces(document.text, part, breaks, room - overlap, overlap):
            text = document.text[piece.start : piece.end]
            lead = headers.over(piece.start)
            chunks.append(Chunk(
                id=f"{document.source.document_id}:{version}:{len(chunks)}",
                document_id=document.source.document_id,
                version=version,
                collection=document.source.collection,
                document=document.source.name,
                title=title,
                text=text,
                start=piece.start,
                end=piece.end,
                ordinal=len(chunks),
                tokens=estimate_tokens(f"{context}\n{lead}\n{text}" if lead else f"{context}\n{text}"),
                pages=locate.pages(piece.start, piece.end),
                headings=headings,
                boxes=locate.boxes(piece.start, piece.end),
                lead=lead,
            ))
    return tuple(chunks)


def _pieces(
    text: str, part: _Part, breaks: Sequence[int], room: float, overlap: float
) -> Iterator[Piece]:
    run: list[Block] = []
    runs = [run]
    for block in part.blocks:
        bare = all(before.kind == "heading" for before in run)
        if not bare and _apart(breaks, run[-1], block):
            run = []
            runs.append(run)
        run.append(block)
    for run in runs:
        yield from overlapping(text, run, pack(text, pieces(text, run, room), room), overlap)


def _page_breaks(document: Document, budget: int) -> list[int]:
    """Where a page begins that, like the page before it, fits into one chunk."""
    pages = [(page, token_weight(document.text[page.start : page.end])) for page in document.pages]
    shown = [(page, weight) for page, weight in pages if page.start < page.end]
    return [page.start for (_, before), (page, weight) in pairwise(shown) if max(before, weight) <= budget]


def _apart(breaks: Sequence[int], before: Block, after: Block) -> bool:
    """Whether one of the breaks lies between two blocks."""
    index = bisect_left(breaks, before.end)
    return index < len(breaks) and breaks[index] <= after.start


def context_notices(document: Document, settings: IngestSettings) -> tuple[Notice, ...]:
    """Notices ``context_shortened`` (titles or headings cut for room) and ``table_header_long`` (count)."""
    shortened = bare = 0
    for part in _parts(document, settings.chunk_tokens):
        title, headings = _fit(document.title, part.path, settings.chunk_tokens)
        shortened += (title, headings) != (document.title, part.path)
        room = settings.chunk_tokens - token_weight(_context(title, headings) + "\n")
        bare += long_tables(document.text, part.blocks, room).bare
    counted = (("context_shortened", shortened), ("table_header_long", bare))
    return tuple(Notice.of(code, count=count) for code, count in counted if count)


def budget_notices(tokens: Sequence[int], settings: IngestSettings) -> tuple[Notice, ...]:
    """Notice ``chunks_over_budget`` (count, largest, budget) where chunks of so many true tokens exceed it.

    Chunks are cut by an estimate, so that their borders do not depend on the models that are there.
    """
    over = [count for count in tokens if count > settings.chunk_tokens]
    if not over:
        return ()
    values = {"count": len(over), "largest": max(over), "budget": settings.chunk_tokens}
    return (Notice.of("chunks_over_budget", **values),)


def _parts(document: Document, budget: int) -> list[_Part]:
    """Sections, short ones merged with a child or sibling."""
    parts: list[_Part] = []
    breaks = _page_breaks(document, budget)
    for section in _sections(document):
        last = parts[-1] if parts else None
        apart = last is not None and _apart(breaks, last.blocks[-1], section.blocks[0]) and not last.bare
        if last is None or apart or not _merges(last, section, budget):
            parts.append(section)
            continue
        leads = last.bare and section.home[: len(last.path)] == last.path
        last.path = section.path if leads else _shared(last.path, section.path)
        last.blocks += section.blocks
        last.bare &= section.bare
        last.weight += section.weight
    return parts


def _merges(last: _Part, section: _Part, budget: int) -> bool:
    nested = section.level > last.level and section.home[: len(last.home)] == last.home
    siblings = section.level == last.level and section.home[:-1] == last.home[:-1]
    if last.bare and nested:
        return True
    short = last.weight < _SHORT or (section.weight < _SHORT and last.weight < _FILLED)
    return short and (nested or siblings) and last.weight + section.weight <= _MERGED_SHARE * budget


def _sections(document: Document) -> list[_Part]:
    """A heading with its own body each, and what stands before the first heading."""
    sections: list[_Part] = []
    open_headings: list[Block] = []
    for block in document.blocks:
        if block.kind == "heading":
            while open_headings and open_headings[-1].level >= block.level:
                open_headings.pop()
            open_headings.append(block)
            path = tuple(heading.title for heading in open_headings if heading.title)
            sections.append(_Part(path, block.level, path, []))
        elif not sections:
            sections.append(_Part((), 0, (), []))
        section = sections[-1]
        section.blocks.append(block)
        section.bare &= block.kind == "heading"
        section.weight += token_weight(document.text[block.start : block.end]) + 1
    return sections


def _shared(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    same = [a for a, b in zip(one, other, strict=False) if a == b]
    return tuple(a for a, b in zip(same, one, strict=False) if a == b)


def _context(title: str, headings: tuple[str, ...]) -> str:
    return Chunk("", "", 0, "", "", title, "", 0, 0, 0, 0, headings=headings).context


def _fit(title: str, headings: tuple[str, ...], budget: int) -> tuple[str, tuple[str, ...]]:
    """Title and headings whose context line leaves at least half of the budget to the text."""
    most = _CONTEXT_SHARE * budget
    while headings and token_weight(_context(title, headings)) > most:
        headings = headings[1:]
    while token_weight(title) > most:
        title = title[: len(title) * 3 // 4].rstrip("… ") + "…"
    return title, headings
