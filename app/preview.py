"""How a file would be cut: parsed and chunked as for ingestion, nothing kept, no model needed."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from statistics import median_low

from app.access.principal import Principal
from app.access.visible import Visible
from app.chunking import chunk_settings
from app.errors import NotFound
from app.reports import FileNoticeView, notice_view
from app.result import View
from app.services import Services
from app.storage.collections import Chunking
from ingest.chunk import budget_notices, chunk, context_notices
from ingest.load import to_source
from ingest.parse import parse
from ingest.protocols import Progress, quiet
from ingest.settings import IngestSettings
from ingest.types import Source
from retrieval.types import Chunk

Counts = Callable[[Sequence[Chunk]], tuple[int, ...]]
"""How many tokens a reranker reads of each chunk; nothing where it reads none."""


class BoxView(View):
    """A rectangle on a page: page from 1, sides as shares (0..1) of width and height, from the top left."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


class PreviewChunkView(View):
    """A chunk: ``text`` is ``start`` to ``end`` of the parsed text. ``tokens`` counts context, lead and text.

    ``lead`` is the header of the table that the text goes on with.
    """

    ordinal: int
    context: str
    lead: str
    text: str
    tokens: int
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    start: int
    end: int
    boxes: tuple[BoxView, ...]


class PreviewSummary(View):
    """How many chunks there are, and their tokens; of two in the middle the median is the smaller one."""

    chunks: int
    tokens: int
    tokens_min: int
    tokens_median: int
    tokens_max: int


class PreviewView(View):
    """What ingestion would make of a file.

    ``pages`` and ``characters`` are of the parsed document. ``estimated``: tokens are estimated, because no
    reranker with a tokenizer runs here. ``notices`` are those a job would report.
    """

    name: str
    title: str
    media_type: str
    pages: int
    characters: int
    chunk_tokens: int
    chunk_overlap: int
    estimated: bool
    summary: PreviewSummary
    notices: tuple[FileNoticeView, ...]
    chunks: tuple[PreviewChunkView, ...]


def uncounted(chunks: Sequence[Chunk]) -> tuple[int, ...]:
    """The ``Counts`` of callers without a tokenizer."""
    return ()


def preview(
    source: Source,
    settings: IngestSettings,
    *,
    password: str = "",
    counts: Counts = uncounted,
    progress: Progress = quiet,
) -> PreviewView:
    """The file as ingestion with these settings would cut it.

    ``password`` opens an encrypted file. ``progress`` hears of the steps parse and chunk, and ends the work
    by raising. Raises ``IngestError``.
    """
    document = parse(source, settings, progress=progress, password=password)
    progress("chunk", 0, 1)
    chunks = chunk(document, 0, settings)
    counted = counts(chunks)
    tokens = counted or tuple(each.tokens for each in chunks)
    notices = (
        *document.notices,
        *context_notices(document, settings),
        *budget_notices(counted, settings),
    )
    progress("chunk", 1, 1)
    return PreviewView(
        name=source.name,
        title=document.title,
        media_type=source.media_type,
        pages=len(document.pages),
        characters=len(document.text),
        chunk_tokens=settings.chunk_tokens,
        chunk_overlap=settings.chunk_overlap,
        estimated=not counted,
        summary=PreviewSummary(
            chunks=len(chunks),
            tokens=sum(tokens),
            tokens_min=min(tokens),
            tokens_median=median_low(tokens),
            tokens_max=max(tokens),
        ),
        notices=tuple(map(notice_view, notices)),
        chunks=tuple(_chunk_view(each, count) for each, count in zip(chunks, tokens, strict=True)),
    )


def _chunk_view(chunk: Chunk, tokens: int) -> PreviewChunkView:
    return PreviewChunkView(
        ordinal=chunk.ordinal,
        context=chunk.context,
        lead=chunk.lead,
        text=chunk.text,
        tokens=tokens,
        pages=chunk.pages,
        headings=chunk.headings,
        start=chunk.start,
        end=chunk.end,
        boxes=tuple(BoxView(**asdict(box)) for box in chunk.boxes),
    )


class Previews:
    """Previews with what an instance has: stored documents, and the reranker's tokenizer once loaded."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._visible = Visible(services.collections, principal)

    def settings(self, tokens: int | None, overlap: int | None, collection: str = "") -> IngestSettings:
        """The size asked for; else the collection's, where one is named; else the settings'.

        Raises ``BadRequest`` for a size that cannot be used, ``NotFound`` for an unknown collection.
        """
        services = self._services
        own = self._visible.named(collection, "write").chunking if collection else Chunking()
        asked = Chunking(
            own.tokens if tokens is None else tokens, own.overlap if overlap is None else overlap
        )
        return chunk_settings(services.settings.ingest, asked)

    def file(
        self, data: bytes, name: str, settings: IngestSettings, progress: Progress, password: str = ""
    ) -> PreviewView:
        """A file that is not kept, nor its password. Raises ``IngestError``."""
        source = to_source(data, name=name, collection="", document_id="", settings=settings)
        return preview(source, settings, password=password, counts=self._counts, progress=progress)

    def document(
        self, collection: str, name: str, settings: IngestSettings, progress: Progress, password: str = ""
    ) -> PreviewView:
        """A stored document, cut anew. Raises ``NotFound``, ``IngestError``."""
        found = self._visible.named(collection, "write")
        row = self._services.documents.find(found.id, name)
        if row is None or not row.version:
            raise NotFound(
                f"document {name!r} is not in collection {collection!r}; "
                f"`touchstone documents --collection {collection}` lists what is"
            )
        try:
            data = self._services.blobs.path(row.sha256).read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"{name}: its kept bytes are gone; upload it again") from error
        return self.file(data, name, settings, progress, password)

    def _counts(self, chunks: Sequence[Chunk]) -> tuple[int, ...]:
        services = self._services
        return services.tokens.read(chunks)[1] if services.state.name == "ready" else ()
