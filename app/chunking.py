"""The size of a knowledge base's chunks: its own over the settings', and what was cut otherwise."""

from collections.abc import Sequence

from pydantic import ValidationError

from app.errors import BadRequest
from app.reports import FileNoticeView, notice_view
from app.result import View
from app.storage.collections import Chunking, Collection
from app.storage.documents import DocumentRow
from ingest.settings import IngestSettings
from retrieval.types import Notice


class ChunkingView(View):
    """How a knowledge base is cut: ``chunk_tokens`` and ``chunk_overlap`` are in force.

    ``own_tokens`` and ``own_overlap`` are its own, null where the settings decide. ``outdated`` names the
    documents whose chunks were cut to another size; ``notices`` say what cuts them anew.
    """

    chunk_tokens: int
    chunk_overlap: int
    own_tokens: int | None
    own_overlap: int | None
    outdated: tuple[str, ...]
    notices: tuple[FileNoticeView, ...]


def chunk_settings(settings: IngestSettings, own: Chunking) -> IngestSettings:
    """The settings with another size of chunks. Raises ``BadRequest`` naming the value and the remedy."""
    try:
        return settings.resized(own.tokens, own.overlap)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in first["loc"])
        said = str(first["msg"]).removeprefix("Value error, ")
        raise BadRequest(f"{name} cannot be {first['input']!r}: {said}" if name else said) from error


def chunking_view(
    collection: Collection, documents: Sequence[DocumentRow], settings: IngestSettings
) -> ChunkingView:
    """How a collection with these documents is cut. Raises ``BadRequest`` where its size cannot be used."""
    size = chunk_settings(settings, collection.chunking).chunk_size
    outdated = tuple(row.name for row in documents if row.cut != size)
    notice = Notice.of("chunks_outdated", count=len(outdated), collection=collection.name)
    return ChunkingView(
        chunk_tokens=size.tokens,
        chunk_overlap=size.overlap,
        own_tokens=collection.chunking.tokens,
        own_overlap=collection.chunking.overlap,
        outdated=outdated,
        notices=(notice_view(notice),) if outdated else (),
    )
