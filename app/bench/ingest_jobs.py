"""The real jobs on many files: pages and chunks a second by step, and whether memory stays flat."""

import gc
import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from app.bench.ingest_corpus import read_pieces, write_documents
from app.bench.ingest_search import CouldNotMeasure
from app.bench.opening import Open
from app.bench.resident import ChildrenWatched, allocated_bytes, peak_bytes, reset_peak, resident_bytes
from app.reports import FileReport
from app.services import Services
from app.settings import Settings, shipped
from ingest.load import find_files

COLLECTION = "bench"
STEPS = ("parse", "chunk", "embed", "index", "publish")
_MEGABYTE = 1e6


@dataclass(frozen=True, slots=True)
class Many:
    """Small files, and after how many of them memory is looked at."""

    files: int = 1_000
    sections: int = 3
    wave: int = 250
    pool_files: int = 200


def measure_jobs(
    open_services: Open, settings: Settings, corpus: Path | None, folder: Path | None, plan: Many
) -> dict[str, object]:
    """Small files in waves, then PDFs (the demo's, or those of ``folder``), then one worker against all.

    Each in a data directory of its own. Raises ``CouldNotMeasure`` where a small file fails.
    """
    pieces = read_pieces(corpus)
    with tempfile.TemporaryDirectory(prefix="touchstone-bench-") as scratch:
        root = Path(scratch)
        (root / "small").mkdir()
        small = list(
            write_documents(pieces, root / "small", plan.files * plan.sections, sections=plan.sections)
        )
        measured: dict[str, object] = {}
        with open_services(_in(settings, root / "waves")) as services:
            measured["small_files"] = _waves(services, small, plan.wave)
        with open_services(_in(settings, root / "pdfs")) as services:
            found = find_files([folder or shipped("demo") / "documents"]).files
            measured["pdfs"] = _pdfs(services, [each for each in found if each[0].suffix.lower() == ".pdf"])
        measured["workers"] = {
            str(workers): _with_workers(open_services, _in(settings, root / f"w{workers}"), workers,
                                        small[: plan.pool_files])
            for workers in sorted({1, os.cpu_count() or 1})
        }  # fmt: skip
    measured["load_average"] = os.getloadavg()[0]
    return measured


def by_step(reports: Sequence[FileReport], seconds: float) -> dict[str, object]:
    """Files, pages and chunks a second: of the wall clock, and of the seconds each step took in all files.

    Steps of different files run at the same time, so theirs add up to more than the wall clock.
    """
    took: dict[str, float] = defaultdict(float)
    for report in reports:
        for step, each in report.seconds:
            took[step] += each
    pages, chunks = sum(each.pages for each in reports), sum(each.chunks for each in reports)
    return {
        "files": len(reports),
        "pages": pages,
        "chunks": chunks,
        "seconds": round(seconds, 3),
        "files_per_s": round(len(reports) / seconds, 1),
        "pages_per_s": round(pages / seconds, 1),
        "chunks_per_s": round(chunks / seconds, 1),
        "by_step": {
            step: {
                "seconds": round(took[step], 3),
                "pages_per_s": round(pages / took[step], 1),
                "chunks_per_s": round(chunks / took[step], 1),
            }
            for step in STEPS
            if took[step] > 0
        },
    }


def ingest_all(services: Services, files: Sequence[tuple[Path, str]]) -> list[FileReport]:
    """The reports of files that are all in. Raises ``CouldNotMeasure`` naming the first that is not."""
    reports = services.ingest(files, COLLECTION)
    for report in reports:
        if report.status != "added":
            why = report.error[1] if report.error else report.status
            raise CouldNotMeasure(f"{report.name} was not ingested, so times would not compare: {why}")
    return reports


def _waves(services: Services, files: Sequence[tuple[Path, str]], wave: int) -> dict[str, object]:
    """The files in waves of equal size; the peak of each wave, of this process and of those below it.

    Least-squares slopes for each 1,000 files: ``megabytes_per_1000_files`` of this process's peaks,
    ``allocated_per_1000_files`` of what it holds. An index in memory has to grow (vectors, graph, words);
    ``python_objects`` shows whether anything else piles up. ``of_vectors``: the bare share of the vectors.
    """
    reports: list[FileReport] = []
    peaks: list[dict[str, float]] = []
    began = time.perf_counter()
    with ChildrenWatched() as children:
        for first in range(0, len(files), wave):
            reset_peak()
            reports += ingest_all(services, files[first : first + wave])
            peaks.append({
                "files": len(reports),
                "peak_mb": round((peak_bytes() or 0) / _MEGABYTE, 1),
                "after_mb": round((resident_bytes() or 0) / _MEGABYTE, 1),
                "allocated_mb": round((allocated_bytes() or 0) / _MEGABYTE, 1),
                "python_objects": len(gc.get_objects()),
                "children_peak_mb": round(children.take() / _MEGABYTE, 1),
            })  # fmt: skip
    seconds = time.perf_counter() - began
    chunks = sum(report.chunks for report in reports)
    vectors = chunks / len(reports) * 1_000 * services.models.embedder.dim * 4 / _MEGABYTE
    return {
        **by_step(reports, seconds),
        "memory": peaks,
        "megabytes_per_1000_files": _slope(peaks, "peak_mb"),
        "allocated_per_1000_files": _slope(peaks, "allocated_mb"),
        "of_vectors": round(vectors, 1),
    }


def _slope(peaks: Sequence[dict[str, float]], of: str) -> float | None:
    """Megabytes more for each 1,000 files; None for a single wave."""
    if len(peaks) < 2:
        return None
    files, most = ([each[name] for each in peaks] for name in ("files", of))
    return round(1_000 * float(np.polyfit(files, most, 1)[0]), 1)


def _pdfs(services: Services, files: Sequence[tuple[Path, str]]) -> dict[str, object]:
    """The PDFs that can be ingested; ``failed``: the reason codes of the others."""
    began = time.perf_counter()
    reports = services.ingest(files, COLLECTION)
    seconds = time.perf_counter() - began
    good = [report for report in reports if report.error is None]
    failed = {report.name: report.error[0] for report in reports if report.error is not None}
    if not good:
        raise CouldNotMeasure(f"none of {len(files)} PDFs could be ingested: {failed}")
    return {**by_step(good, seconds), "failed": failed}


def _with_workers(
    open_services: Open, settings: Settings, workers: int, files: Sequence[tuple[Path, str]]
) -> dict[str, object]:
    chosen = settings.model_copy(update={"jobs": settings.jobs.model_copy(update={"parsers": workers})})
    with open_services(chosen) as services:
        began = time.perf_counter()
        reports = ingest_all(services, files)
        seconds = time.perf_counter() - began
    return {"files": len(reports), "files_per_s": round(len(reports) / seconds, 1)}


def _in(settings: Settings, folder: Path) -> Settings:
    return settings.model_copy(update={"data_dir": folder, "demo": False})
