"""The whole of ingestion for one file: parse, chunk, embed."""

import time
from collections.abc import Callable
from typing import TypeVar

from ingest.chunk import chunk, context_notices
from ingest.embed import embed
from ingest.parse import parse
from ingest.protocols import Progress
from ingest.settings import IngestSettings
from ingest.types import Prepared, Source
from retrieval.protocols import Embedder

__all__ = ["Progress", "prepare"]  # callers of prepare need its Progress, too

_Result = TypeVar("_Result")


def prepare(
    source: Source, version: int, *, settings: IngestSettings, embedder: Embedder, progress: Progress
) -> Prepared:
    """A document's chunks and vectors, ready to be published as ``version``.

    Reports when each of the stages parse, chunk and embed starts and ends, and embed also in between. Raises
    ``IngestError`` for a file that cannot be ingested; what ``progress`` or the embedder raises is passed on.
    """
    seconds: list[tuple[str, float]] = []

    def timed(name: str, work: Callable[[], _Result]) -> _Result:
        started = time.perf_counter()
        result = work()
        seconds.append((name, time.perf_counter() - started))
        return result

    document = timed("parse", lambda: parse(source, settings, progress=progress))
    progress("chunk", 0, 1)
    chunks = timed("chunk", lambda: chunk(document, version, settings))
    progress("chunk", 1, 1)
    progress("embed", 0, len(chunks))
    vectors = timed("embed", lambda: embed(chunks, embedder, progress))
    notices = document.notices + context_notices(document, settings) + embedder.drain_notices()
    return Prepared(document, chunks, vectors, notices, tuple(seconds))
