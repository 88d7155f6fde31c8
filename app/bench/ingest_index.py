"""A large collection: how long its indexing takes, what it takes on the disk, and how fast it is searched."""

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from app.bench.ingest_corpus import make_queries, read_pieces, write_documents
from app.bench.ingest_jobs import COLLECTION, by_step, ingest_all
from app.bench.ingest_search import measure_queries
from app.bench.opening import Open
from app.bench.resident import ChildrenWatched, peak_bytes, reset_peak, resident_bytes
from app.errors import NotFound, TouchstoneError
from app.services import Services
from app.settings import Settings

BUILT = "bench-ingest.json"
"""In a kept data directory: how its indexing went, for runs that use it again."""
TELL_S = 30.0
_MEGABYTE = 1e6


class NothingToReuse(TouchstoneError):
    """The directory holds no collection that this benchmark has made."""


@dataclass(frozen=True, slots=True)
class Large:
    """``chunks`` are made, about so many come out of the chunker; ``queries`` of each kind are asked."""

    chunks: int = 100_000
    queries: int = 200


def measure_index(
    open_services: Open,
    settings: Settings,
    corpus: Path | None,
    plan: Large,
    *,
    keep: Path | None,
    reuse: Path | None,
    tell: Callable[[str], None],
) -> dict[str, object]:
    """Figures of a collection made for it; ``keep``: where it stays, ``reuse``: one that was kept.

    Searching opens it anew, as after a start. Raises ``CouldNotMeasure``, ``NothingToReuse``.
    """
    pieces = read_pieces(corpus)
    with ExitStack() as stack:
        folder = reuse or keep
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="touchstone-bench-")))
        chosen = settings.model_copy(update={"data_dir": folder, "demo": False})
        if reuse is not None:
            indexing = _kept(reuse)
        else:
            indexing = _index(open_services, chosen, corpus, plan, tell)
            (folder / BUILT).write_text(json.dumps(indexing, indent=1) + "\n", encoding="utf-8")
        tell(f"searching: {2 * plan.queries} queries")
        began = time.perf_counter()
        with open_services(chosen) as services:
            opened_s = time.perf_counter() - began
            queries = make_queries(pieces, plan.queries)
            searching = measure_queries(services, chosen, COLLECTION, queries)
            held = resident_bytes() or 0
    return {
        "indexing": indexing,
        "opening_seconds": round(opened_s, 2),
        "searching": searching,
        "resident_mb_after_searching": round(held / _MEGABYTE, 1),
    }


def _index(
    open_services: Open, settings: Settings, corpus: Path | None, plan: Large, tell: Callable[[str], None]
) -> dict[str, object]:
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        files = list(write_documents(read_pieces(corpus), Path(scratch), plan.chunks))
        with open_services(settings) as services, ChildrenWatched() as children, Telling(services, tell):
            reset_peak()
            began = time.perf_counter()
            reports = ingest_all(services, files)
            seconds = time.perf_counter() - began
            figures = by_step(reports, seconds)
            memory = {
                "peak_mb": round((peak_bytes() or 0) / _MEGABYTE, 1),
                "children_peak_mb": round(children.take() / _MEGABYTE, 1),
            }
    return {
        "asked_for": asdict(plan),
        "embedder": services.models.embedder.identity,
        **figures,
        "memory": memory,
        "disk_mb": _disk(settings.data_dir),
        "load_average": os.getloadavg()[0],
    }


class Telling:
    """While the block runs, says every half minute how many chunks can be searched."""

    def __init__(self, services: Services, tell: Callable[[str], None]) -> None:
        self._services = services
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telling", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(TELL_S):
            try:
                self._tell(f"{self._services.collections.named(COLLECTION).chunks:,} chunks indexed")
            except NotFound:
                continue  # not made yet


def _disk(folder: Path) -> dict[str, float]:
    """Megabytes of files, by what stands in the data directory."""
    sizes: dict[str, int] = {}
    for path in folder.rglob("*"):
        if path.is_file():
            top = path.relative_to(folder).parts[0].split("-")[0]  # the database with its journal
            sizes[top] = sizes.get(top, 0) + path.stat().st_size
    told = {name: round(size / _MEGABYTE, 1) for name, size in sorted(sizes.items()) if size > _MEGABYTE / 10}
    return {**told, "all": round(sum(sizes.values()) / _MEGABYTE, 1)}


def _kept(folder: Path) -> dict[str, object]:
    try:
        found = json.loads((folder / BUILT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NothingToReuse(
            f"{folder} holds no {BUILT} that can be read: it was not kept by `touchstone bench ingest --keep`"
        ) from error
    if not isinstance(found, dict):
        raise NothingToReuse(f"{folder / BUILT} holds no figures; build again with --keep")
    return {**found, "reused": True}
