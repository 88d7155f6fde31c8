"""What stands around the chosen passages in their own sections, so that no procedure ends in its middle."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from app.storage.chunks import Chunks
from rerank.select import Selection
from retrieval.types import Audience, Chunk, Notice, Passage, Ranked

DEEP = 2
"""Headings a chunk must stand under for its subsections to belong to it: below a title stands everything."""


def with_neighbours(
    selection: Selection,
    ranked: Sequence[Ranked],
    chunks: Chunks,
    *,
    tokens: int,
    audience_of: Callable[[Chunk], Audience] | None = None,
) -> Selection:
    """The passages, then chunks of at most ``tokens`` together that complete them, with numbers of their own.

    A chunk completes a passage where nothing but chunks of its section lies between them: those behind it
    under the same headings or in its subsections, then those before it under the same headings. Better
    passages come first. ``relevance`` is that of the reranker where it judged the chunk. With ``audience_of``
    a passage is completed by chunks of its own audience only. Notice: ``neighbours_added`` (count).
    """
    passages = selection.passages
    taken = {passage.chunk.id for passage in passages}
    relevance: Mapping[str, float | None] = {entry.chunk.id: entry.relevance for entry in ranked}
    found = list(passages)
    for passage in passages:
        for chunk in _around(passage.chunk, chunks, taken):
            audience = None if audience_of is None else audience_of(chunk)
            if chunk.tokens > tokens or audience != passage.audience:
                break
            tokens -= chunk.tokens
            taken.add(chunk.id)
            number = len(found) + 1
            judged = relevance.get(chunk.id)
            found.append(
                Passage(number, chunk, chunk.text, judged, passage.number, audience=audience)
            )
    added = len(found) - len(passages)
    notices = (Notice.of("neighbours_added", count=added),) if added else ()
    return replace(selection, passages=tuple(found), notices=(*selection.notices, *notices))


def _around(chunk: Chunk, chunks: Chunks, taken: set[str]) -> Iterator[Chunk]:
    """The rest of a chunk's section, nearest first, without what is taken."""
    headings = chunk.headings
    if not headings:
        return
    following = chunks.neighbours(chunk)[1]
    while following is not None and _belongs(following, headings):
        if following.id not in taken:
            yield following
        following = chunks.neighbours(following)[1]
    before = chunks.neighbours(chunk)[0]
    while before is not None and before.headings == headings:
        if before.id not in taken:
            yield before
        before = chunks.neighbours(before)[0]


def _belongs(chunk: Chunk, headings: tuple[str, ...]) -> bool:
    if len(headings) < DEEP:
        return chunk.headings == headings
    return chunk.headings[: len(headings)] == headings
