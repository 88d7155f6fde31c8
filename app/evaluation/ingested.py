"""A set's documents in a knowledge base of their own, through the path every upload takes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from app.chunking import chunk_settings
from app.evaluation.questions import EvaluationSet
from app.evaluation.rows import SetUnreadable
from app.jobs.waiting import unheard
from app.services import Services
from ingest.settings import IngestSettings
from retrieval.errors import IndexMismatch
from retrieval.manifest import check

COLLECTION = "evaluation"
FAILED = "not-ingested.json"  # written last: the folder is whole


@contextmanager
def data_folder(found: EvaluationSet, settings: IngestSettings, keep: Path | None) -> Iterator[Path]:
    """A data directory: a temporary one, or one under ``keep`` for these documents and chunks."""
    if keep is None:
        with TemporaryDirectory(prefix="touchstone-evaluate-") as scratch:
            yield Path(scratch)
        return
    size = chunk_settings(settings, found.own.chunking).chunk_size
    yield keep.resolve() / f"{found.name}-{found.digest()[:12]}-{size.tokens}-{size.overlap}"


def ingest(services: Services, found: EvaluationSet) -> dict[str, str]:
    """Make the set's documents searchable in ``COLLECTION``; name -> reason of those that could not be read.

    What an earlier run kept is used again, embedded anew where the embedder is another. The collection has
    the set's own settings.
    """
    told = services.settings.data_dir / FAILED
    collection = services.collections.create(COLLECTION)
    services.collections.set_chunking(collection.id, found.own.chunking.tokens, found.own.chunking.overlap)
    services.collections.set_instruction(collection.id, found.own.instruction)
    services.floors.forget(collection.id)
    for floor in found.own.floors:
        services.floors.keep(collection.id, floor)
    if told.is_file():
        _embed_anew(services)
        failed: dict[str, str] = json.loads(told.read_text(encoding="utf-8"))
        return failed
    reports = services.ingest(found.files, COLLECTION)
    failed = {each.name: f"[{each.error[0]}] {each.error[1]}" for each in reports if each.error is not None}
    told.write_text(json.dumps(failed, ensure_ascii=False), encoding="utf-8")
    return failed


def _embed_anew(services: Services) -> None:
    """Build the index of a kept collection again where another embedder built it."""
    manifest = services.collections.named(COLLECTION).manifest
    try:
        if manifest is not None:
            check(manifest, services.models.embedder, COLLECTION)
    except IndexMismatch:
        for report in services.reindex(COLLECTION, unheard):
            if report.error is not None:
                raise SetUnreadable(f"{report.name} could not be embedded again: {report.error[1]}") from None
