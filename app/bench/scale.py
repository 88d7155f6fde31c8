"""What a chunk costs, stage by stage: the figures that ``app/docs/scale.md`` reckons with.

Processor time, not the clock: it is what grows with the number of chunks, and other work on the machine does
not change it much.
"""

import os
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from app.bench.ingest_corpus import read_pieces, write_documents
from app.bench.opening import Open, apart
from app.bench.resident import resident_bytes, trim
from app.bench.scale_model import measure_model
from app.bench.scale_vectors import measure_embedded, measure_server
from app.bulk.embedding import Embedding
from app.bulk.parcels import Parcel, made_of
from app.bulk.ray_data import Makers
from app.bulk.reading import Reading
from app.bulk.terms import Terms, terms_of
from app.services import Services
from app.settings import Settings, shipped
from ingest.load import to_source
from ingest.parse import parse
from ingest.types import Document
from ingest.worker import shared_sandbox

COLLECTION = "scale"
BLOCK = 16  # files embedded in one call, as on Ray


@dataclass(frozen=True, slots=True)
class Plan:
    """``chunks`` go down the whole path; ``vectors`` of each of ``dims`` go into Chroma alone.

    ``texts`` are embedded by a model of Qwen3-Embedding-0.6B's geometry; 0: it is not measured.
    """

    chunks: int = 10_000
    texts: int = 16
    vectors: int = 40_000
    dims: tuple[int, ...] = (256, 1024)


def measure(
    open_services: Open,
    makers: Makers,
    settings: Settings,
    corpus: Path | None,
    plan: Plan,
    *,
    tell: Callable[[str], None],
) -> dict[str, object]:
    """Both sides of bulk ingestion, each in this process and one after the other, then Chroma by itself."""
    tell(f"reading, embedding and taking in some {plan.chunks:,} chunks")
    path = apart(measure_path, open_services, makers, settings, corpus, plan.chunks)
    model = None
    if plan.texts:
        tell(f"{plan.texts} texts by a model of Qwen3-Embedding-0.6B's geometry (5 GB of memory)")
        model = apart(measure_model, plan.texts)
    vectors: dict[str, object] = {}
    for dim in plan.dims:
        for where, measured in (("embedded", measure_embedded), ("server", measure_server)):
            tell(f"{plan.vectors:,} vectors of {dim} dimensions in Chroma, {where}")
            vectors[f"{where}_{dim}"] = apart(measured, dim, plan.vectors)
    return {"path": path, "model": model, "chroma": vectors, "load_average": os.getloadavg()[0]}


def measure_path(
    open_services: Open, makers: Makers, settings: Settings, corpus: Path | None, chunks: int
) -> dict[str, object]:
    """``worker``: what Ray's workers do. ``owner``: what the process does that owns the data.

    Core milliseconds and bytes a chunk; ``parcels`` is what travels back. ``resident`` is what the owner's
    memory grows by. To be run in a process of its own.
    """
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        root = Path(scratch)
        (root / "files").mkdir()
        files = list(write_documents(read_pieces(corpus), root / "files", chunks))
        chosen = settings.model_copy(update={"data_dir": root / "data", "demo": False})
        with open_services(chosen) as services:
            began = time.process_time()
            parcels, terms = _hand_in(services, files)
            hand_in_s = time.process_time() - began
            pdfs = _pdfs(terms, makers)
            worker = _worker(services, makers, parcels, terms)
            owner, resident = _owner(services, parcels, terms)
            total = services.collections.named(COLLECTION).chunks
        sizes = {
            "database": _size(root / "data", "touchstone.sqlite3*"),
            "chroma": _size(root / "data", "chroma/**/*"),
            "blobs": _size(root / "data", "blobs/**/*"),
            "parcels": sum(map(_bytes, parcels)),
        }
    return {
        "files": len(files),
        "chunks": total,
        "embedder": terms.embedder,
        "hand_in_core_ms_a_file": round(hand_in_s / len(files) * 1000, 3),
        "worker_core_ms_a_chunk": {name: round(s / total * 1000, 3) for name, s in worker.items()},
        "worker_core_ms_a_chunk_of_demo_pdfs": pdfs,
        "owner_core_ms_a_chunk": owner,
        "bytes_a_chunk": {name: round(size / total) for name, size in sizes.items()} | {"resident": resident},
    }


def _hand_in(services: Services, files: Sequence[tuple[Path, str]]) -> tuple[list[Parcel], Terms]:
    collection = services.collections.create(COLLECTION)
    for path, name in files:
        services.ingestion.service.submit_path(path, name, collection.id)
    unread = services.ingestion.jobs.unread()
    terms = terms_of(
        services.settings, services.models, services.tokens.identity, services.ingestion, {collection.id}
    )
    return [Parcel(each.job_id, each.name, each.collection_id, each.sha256) for each in unread], terms


def _worker(
    services: Services, makers: Makers, parcels: Sequence[Parcel], terms: Terms
) -> dict[str, float]:
    """Fill the parcels; core seconds by stage."""
    parse_s, chunk_s = _read(parcels, terms, makers, lambda key: services.blobs.path(key).read_bytes())
    embed = Embedding(terms, embedder=lambda: makers.embedder(terms.settings))
    began = time.process_time()
    for start in range(0, len(parcels), BLOCK):
        embed(parcels[start : start + BLOCK])
    return {"parse": parse_s, "chunk": chunk_s, "embed": time.process_time() - began}


def _pdfs(terms: Terms, makers: Makers) -> dict[str, float]:
    """Core milliseconds a chunk of the demo's PDFs."""
    (collection,) = terms.sizes
    paths = sorted((shipped("demo") / "documents").glob("*.pdf"))
    data = {path.name: path.read_bytes() for path in paths}
    parcels = [Parcel(name, name, collection, name) for name in data]
    parse_s, chunk_s = _read(parcels, terms, makers, data.__getitem__)
    chunks = sum(len(parcel.texts_to_embed()) for parcel in parcels)
    return {"parse": round(parse_s / chunks * 1000, 3), "chunk": round(chunk_s / chunks * 1000, 3)}


def _read(
    parcels: Sequence[Parcel], terms: Terms, makers: Makers, bytes_of: Callable[[str], bytes]
) -> tuple[float, float]:
    """Core seconds of parsing, in the sandbox and here, and of cutting and packing what came of it."""
    read = Reading(terms, tokenizer=lambda: makers.tokenizer(terms.settings), bytes_of=bytes_of)
    ingest = terms.settings.ingest

    def only_parse(parcel: Parcel) -> Document:
        data = bytes_of(parcel.sha256)
        source = to_source(data, name=parcel.name, collection="", document_id="", settings=ingest)
        return parse(source, ingest)

    parse_s = _spent(lambda: [only_parse(parcel) for parcel in parcels])
    return parse_s, _spent(lambda: [read(parcel) for parcel in parcels]) - parse_s


def _spent(work: Callable[[], object]) -> float:
    """Core seconds of this process and of the sandbox's, which count once they have ended."""
    shared_sandbox().close()
    began, children = time.process_time(), _children_seconds()
    work()
    shared_sandbox().close()
    return time.process_time() - began + _children_seconds() - children


def _owner(services: Services, parcels: Sequence[Parcel], terms: Terms) -> tuple[dict[str, float], int]:
    """Core milliseconds a chunk of taking in, then of indexing and publishing; bytes its memory grows by.

    Times are of the first half, memory of the second.
    """
    half = len(parcels) // 2
    began = time.process_time()
    _deliver(services, parcels[:half], terms)
    staged = time.process_time()
    services.ingestion.start(parse=False)
    chunks = _ended(services, parcels[:half])
    indexed = time.process_time()
    trim()
    before = resident_bytes() or 0
    _deliver(services, parcels[half:], terms)
    added = _ended(services, parcels[half:])
    trim()
    times = {"stage": staged - began, "index_and_publish": indexed - staged}
    return (
        {name: round(seconds / chunks * 1000, 3) for name, seconds in times.items()},
        round(((resident_bytes() or 0) - before) / added),
    )


def _deliver(services: Services, parcels: Sequence[Parcel], terms: Terms) -> None:
    for parcel in parcels:
        made = partial(made_of, parcel, terms=terms)
        if not services.ingestion.deliver(parcel.job_id, made) or parcel.refused:
            raise RuntimeError(f"{parcel.name} was not taken in: {parcel.message}")


def _ended(services: Services, parcels: Sequence[Parcel]) -> int:
    """Chunks of these files, once all can be searched."""
    chunks = 0
    for job in services.ingestion.service.wait([parcel.job_id for parcel in parcels]):
        if job.state != "ready":
            raise RuntimeError(f"{job.name} is {job.state}: {job.message}")
        chunks += job.chunks
    services.library.settle()
    return chunks


def _bytes(parcel: Parcel) -> int:
    return len(parcel.document) + len(parcel.chunks) + len(parcel.tokens) + len(parcel.vectors)


def _children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _size(folder: Path, pattern: str) -> int:
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())
