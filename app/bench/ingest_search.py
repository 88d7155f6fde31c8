"""Queries on a large collection: recall, fusion and hydration by part, and Chroma against exact search."""

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from app.bench.machine import percentiles
from app.errors import TouchstoneError
from app.evaluation.intervals import Interval, interval
from app.services import Services
from app.settings import Settings
from retrieval.manifest import check
from retrieval.protocols import Vectors
from retrieval.recall import recall
from retrieval.settings import RetrievalSettings
from retrieval.types import Scope
from retrieval.understand import understand

AT = 10
WARMING = 10  # queries before the first timed one: Chroma reads its index from the disk when first asked
BATCH = 2_000  # vectors read at once
_TIE = 1e-6  # of cosine similarity; what is this near to the tenth stands where the tenth could


class CouldNotMeasure(TouchstoneError):
    """A part of what was to be measured did not work, so its time would say nothing."""


def measure_queries(
    services: Services, settings: Settings, collection: str, queries: Mapping[str, Sequence[str]]
) -> dict[str, object]:
    """Each kind of queries, one query after the other, over the path that chat uses up to fusion.

    ``parts_ms``: embed (the query), vector, lexical, hydrate, fuse; ``recall_ms`` is the whole call without
    embed, ``core_ms`` its processor time, which other programs lengthen less. ``recall_at_10`` of the vector
    index is measured on the ten best of the hits a query really asks for (``channel_k``), against a matrix
    product over the same vectors. Raises ``IndexMismatch`` where another embedder made them, and
    ``CouldNotMeasure``.
    """
    found = services.collections.named(collection)
    if found.manifest is not None:
        check(found.manifest, services.models.embedder, collection)
    scope = Scope(frozenset({found.id}))
    chosen = settings.retrieval
    retrieval = chosen.for_starter() if services.models.profile == "starter" else chosen
    exact = _Exact(services, found.id)
    first_ms = _warm(services, scope, retrieval, [text for kind in queries.values() for text in kind])
    measured: dict[str, object] = {
        "chunks": found.chunks,
        "dim": services.models.embedder.dim,
        "channel_k": retrieval.channel_k,
        "lexical_index": type(services.lexical).__name__,
        "first_query_ms": round(first_ms, 3),
    }
    together: dict[str, list[float]] = defaultdict(list)
    shares: list[float] = []
    for kind, texts in queries.items():
        if not texts:
            continue
        times = _times(services, scope, retrieval, texts)
        right, exact_ms = exact.recall(services, scope, retrieval.channel_k, texts)
        measured[kind] = {"queries": len(texts), **_figures(times), "recall_at_10": _told(interval(right)),
                          "exact_numpy_ms": percentiles(exact_ms)}  # fmt: skip
        shares += right
        for name, values in times.items():
            together[name] += values
    measured["all"] = {"queries": len(shares), **_figures(together), "recall_at_10": _told(interval(shares))}
    measured["load_average"] = os.getloadavg()[0]
    return measured


def _warm(services: Services, scope: Scope, retrieval: RetrievalSettings, texts: Sequence[str]) -> float:
    """Milliseconds of the very first query; some more follow."""
    first = _times(services, scope, retrieval, texts[:1])["recall"][0]
    _times(services, scope, retrieval, texts[1 : WARMING + 1])
    return first


def _times(
    services: Services, scope: Scope, retrieval: RetrievalSettings, texts: Sequence[str]
) -> dict[str, list[float]]:
    """Milliseconds of each part by query, and of ``recall`` and ``core`` (see ``measure_queries``)."""
    times: dict[str, list[float]] = defaultdict(list)
    for text in texts:
        query = understand(text, scope)
        began, used = time.perf_counter(), time.process_time()
        recalled = recall(
            query,
            embedder=services.models.embedder,
            vectors=services.vectors,
            lexical=services.lexical,
            chunks=services.chunks,
            settings=retrieval,
        )
        whole, core = (time.perf_counter() - began) * 1000, (time.process_time() - used) * 1000
        if recalled.notices:
            raise CouldNotMeasure(f"a query could not be searched as it should: {recalled.notices}")
        parts = dict(recalled.timings_ms)
        for name, ms in parts.items():
            times[name].append(ms)
        times["recall"].append(whole - parts.get("embed", 0.0))
        times["core"].append(core - parts.get("embed", 0.0))
    return times


def _figures(times: Mapping[str, list[float]]) -> dict[str, object]:
    parts = {name: percentiles(values) for name, values in times.items() if name not in ("recall", "core")}
    return {
        "recall_ms": percentiles(times["recall"]),
        "core_ms": percentiles(times["core"]),
        "parts_ms": parts,
    }


def _told(share: Interval) -> dict[str, float]:
    return {"mean": share.mean, "low": share.low, "high": share.high}


class _Exact:
    """Exact search over the vectors of a collection as SQLite holds them, the same that Chroma was given."""

    def __init__(self, services: Services, collection_id: str) -> None:
        parts = list(services.chunks.vectors(collection_id, batch=BATCH))
        self._matrix: Vectors = np.concatenate([vectors for _, _, vectors in parts])
        ids = [chunk_id for chunk_ids, _, _ in parts for chunk_id in chunk_ids]
        self._row = {chunk_id: row for row, chunk_id in enumerate(ids)}

    def recall(
        self, services: Services, scope: Scope, k: int, texts: Sequence[str]
    ) -> tuple[list[float], list[float]]:
        """The share of the ten nearest that the index finds, by query; milliseconds of the exact search."""
        shares, took_ms = [], []
        most = min(AT, len(self._row))
        for vector in services.models.embedder.embed_queries(texts):
            began = time.perf_counter()
            scores = self._matrix @ vector  # (n, dim) x (dim,) -> (n,)
            nearest = np.argpartition(-scores, most - 1)[:most]
            took_ms.append((time.perf_counter() - began) * 1000)
            least = float(scores[nearest].min()) - _TIE
            hits = services.vectors.search(vector, k, scope)[:most]
            shares.append(sum(scores[self._row[hit.chunk_id]] >= least for hit in hits) / most)
        return shares, took_ms
