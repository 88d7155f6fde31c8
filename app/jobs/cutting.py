"""A parsed document cut into chunks, with what the reranker reads of them: the same work wherever it runs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from app.storage.token_ids import TokenRow
from ingest.chunk import budget_notices, chunk, context_notices
from ingest.settings import ChunkSize, IngestSettings
from ingest.suspicious import Flag, find, suspicion_notices
from ingest.types import Document
from retrieval.types import Chunk, Notice

ReadTokens = Callable[[Sequence[Chunk]], tuple[tuple[TokenRow, ...], tuple[int, ...]]]
"""``chunk_tokens.read_tokens`` for some tokenizer."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A document and its chunks, which belong to no version yet.

    ``tokens`` are the rows to store beside the chunks, in their order, or none. ``notices`` are of parsing
    and cutting, ``size`` is the one the chunks were cut to. ``flags``: what in the text speaks to a model.
    """

    size: ChunkSize
    document: Document
    chunks: tuple[Chunk, ...]
    tokens: tuple[TokenRow, ...]
    notices: tuple[Notice, ...]
    flags: tuple[Flag, ...]


def cut(document: Document, settings: IngestSettings, read_tokens: ReadTokens) -> Cut:
    """The document cut by these settings, its chunks counted by the reranker where it has a tokenizer."""
    chunks = chunk(document, 0, settings)
    tokens, counts = read_tokens(chunks)
    if counts:
        chunks = tuple(replace(each, tokens=count) for each, count in zip(chunks, counts, strict=True))
    flags = find(document.text)
    notices = (
        *document.notices,
        *context_notices(document, settings),
        *budget_notices(counts, settings),
        *suspicion_notices(flags),
    )
    return Cut(settings.chunk_size, document, chunks, tokens, notices, flags)
