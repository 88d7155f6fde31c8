"""The whole path on the demo documents: reading, recall against exact search, every stage of an answer."""

import json
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np

from app.access.principal import LOCAL
from app.bench.machine import percentiles
from app.services import Services
from app.settings import shipped
from ingest.load import find_files
from retrieval.protocols import Vectors
from retrieval.types import Scope

COLLECTION = "bench"


def measure(
    services: Services, rounds: int, pdfium_alone: Callable[[list[Path]], float]
) -> dict[str, object]:
    """Figures of one run. ``pdfium_alone``: seconds pypdfium2 takes to read the text of these PDFs."""
    files = list(find_files([shipped("demo") / "documents"]).files)
    began = time.perf_counter()
    reports = services.ingest(files, COLLECTION)
    ingest_s = time.perf_counter() - began
    steps: dict[str, float] = defaultdict(float)
    for report in reports:
        for step, seconds in report.seconds:
            steps[step] += seconds
    pdfs = [path for path, _ in files if path.suffix == ".pdf"]
    pdf_names = {name for path, name in files if path.suffix == ".pdf"}
    pdf_parse_s = sum(s for r in reports if r.name in pdf_names for step, s in r.seconds if step == "parse")
    alone_s = pdfium_alone(pdfs)
    questions = [
        e["question"] for e in json.loads((shipped("demo") / "examples.json").read_text(encoding="utf-8"))
    ]
    return {
        "profile": services.models.profile,
        "models": {
            "embedder": services.models.embedder.identity,
            "reranker": services.models.reranker.identity,
            "generator": services.models.generator.identity,
        },
        "ingest": {
            "files": len(reports),
            "pages": sum(r.pages for r in reports),
            "chunks": sum(r.chunks for r in reports),
            "seconds": round(ingest_s, 3),
            "seconds_by_step": {step: round(s, 3) for step, s in steps.items()},
            "pdf_parse_seconds": round(pdf_parse_s, 3),
            "pypdfium2_alone_seconds": round(alone_s, 3),
            "pdf_parse_over_pypdfium2_alone": round(pdf_parse_s / alone_s, 2),
        },
        "vector_search": _vector_search(services, questions, rounds),
        "stages_ms": _stages(services, questions, rounds),
        "questions": len(questions),
        "rounds": rounds,
    }


def _vector_search(services: Services, questions: list[str], rounds: int) -> dict[str, object]:
    """Chroma against exact search over the same vectors (numpy, one matrix product), in milliseconds."""
    collection = services.collections.named(COLLECTION)
    scope, k = Scope(frozenset({collection.id})), services.settings.retrieval.channel_k
    parts = list(services.chunks.vectors(collection.id, batch=2_000))
    matrix = np.concatenate([vectors for _, _, vectors in parts])
    ids = [chunk_id for chunk_ids, _, _ in parts for chunk_id in chunk_ids]
    chroma_ms, exact_ms, shared = [], [], 0
    queries = services.models.embedder.embed_queries(questions)
    for vector in [vector for _ in range(rounds) for vector in queries]:
        began = time.perf_counter()
        found = {hit.chunk_id for hit in services.vectors.search(vector, k, scope)}
        chroma_ms.append((time.perf_counter() - began) * 1000)
        began = time.perf_counter()
        exact = _exact(matrix, vector, k)
        exact_ms.append((time.perf_counter() - began) * 1000)
        shared += len(found & {ids[i] for i in exact[:10]})
    return {
        "vectors": len(ids),
        "dim": int(matrix.shape[1]),
        "k": k,
        "chroma_ms": percentiles(chroma_ms),
        "exact_numpy_ms": percentiles(exact_ms),
        "recall_at_10_of_chroma": round(shared / (10 * len(chroma_ms)), 4),
    }


def _exact(matrix: Vectors, vector: Vectors, k: int) -> list[int]:
    scores = matrix @ vector
    order: list[int] = np.argsort(-scores, kind="stable")[:k].tolist()
    return order


def _stages(services: Services, questions: list[str], rounds: int) -> dict[str, dict[str, float]]:
    times: dict[str, list[float]] = defaultdict(list)
    for question in questions * rounds:
        for name, ms in services.answer(
            services.ask(question, collections=(COLLECTION,), principal=LOCAL)
        ).timings_ms:
            times[name].append(ms)
    return {name: percentiles(values) for name, values in times.items()}
