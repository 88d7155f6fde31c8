"""``GET /api/monitoring``: the counters of ``/metrics`` as a page shows them, read at the same moment."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Annotated

from fastapi import APIRouter, Depends
from prometheus_client.samples import Sample

from app.api.metrics import Present
from app.api.state import gates, services
from app.gate import Gate
from app.monitoring.quantiles import quantile
from app.result import View
from app.services import Services
from rerank.device_memory import device_memory

routes = APIRouter(prefix="/api", tags=["operation"])
QUANTILES = (0.5, 0.95, 0.99)


class CountView(View):
    """How often something was the case, by its name."""

    name: str
    count: float


class LatencyView(View):
    """How long something took, in milliseconds, estimated from a histogram; null where nothing was timed.

    A percentile in the last bucket, which has no end, is told as that bucket's beginning.
    """

    name: str
    count: int
    mean_ms: float | None
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None


class GateView(View):
    """A queue: requests that have a place, that wait for one to be free, that found none."""

    name: str
    inside: int
    waiting: int
    places: int
    refused: int


class GpuView(View):
    """Memory of a GPU in bytes; see ``rerank.device_memory``."""

    name: str
    allocated_bytes: int
    reserved_bytes: int
    used_bytes: int
    total_bytes: int


class MonitoringView(View):
    """What has happened since this process started ``uptime_s`` ago, and what is the case now.

    ``answers`` by outcome; divide their difference by that of ``uptime_s`` for questions a second.
    ``breaker`` "" until the models are loaded. ``resident_bytes`` null where the system does not tell.
    ``gpus``: those that this process uses, none where its models run on the processor.
    """

    uptime_s: float
    ready: bool
    answers: tuple[CountView, ...]
    stages: tuple[LatencyView, ...]
    requests: tuple[LatencyView, ...]
    gates: tuple[GateView, ...]
    breaker: str
    reranker: tuple[CountView, ...]
    jobs: tuple[CountView, ...]
    problems: tuple[CountView, ...]
    rejected: tuple[CountView, ...]
    tokens: tuple[CountView, ...]
    documents: int
    chunks: int
    disk_free_bytes: int
    resident_bytes: int | None
    gpus: tuple[GpuView, ...]


@routes.get("/monitoring")
def show_monitoring(
    held: Annotated[Services, Depends(services)], entrances: Annotated[tuple[Gate, ...], Depends(gates)]
) -> MonitoringView:
    """How busy, how fast and how healthy this server is."""
    families = chain(held.metrics.registry.collect(), Present(held, entrances).collect())
    samples = [sample for family in families for sample in family.samples]
    read = _Read(samples)
    started = read.one("process_start_time_seconds")
    memory = read.one("process_resident_memory_bytes")
    named = dict(read.by("touchstone_breaker_state", "state"))
    reranker = ("calls", "fallbacks", "unjudged", "refused", "opens")
    return MonitoringView(
        uptime_s=round(max(0.0, time.time() - started), 1) if started else 0.0,
        ready=bool(read.one("touchstone_ready")),
        answers=read.counts("touchstone_answers_total", "outcome"),
        stages=tuple(read.latencies("touchstone_stage_seconds", "stage")),
        requests=tuple(read.latencies("touchstone_http_request_seconds", "route")),
        gates=tuple(_gate(each) for each in entrances),
        breaker=next((state for state, value in named.items() if value), ""),
        reranker=tuple(
            CountView(name=name, count=value)
            for name in reranker
            if (value := read.one(f"touchstone_reranker_{name}_total")) is not None
        ),
        jobs=read.counts("touchstone_jobs", "state"),
        problems=read.counts("touchstone_problems_total", "code"),
        rejected=read.counts("touchstone_uploads_rejected_total", "code"),
        tokens=read.counts("touchstone_tokens_total", "role"),
        documents=int(read.one("touchstone_documents") or 0),
        chunks=int(read.one("touchstone_chunks") or 0),
        disk_free_bytes=int(read.one("touchstone_disk_free_bytes") or 0),
        resident_bytes=None if memory is None else int(memory),
        gpus=tuple(
            GpuView(
                name=each.name,
                allocated_bytes=each.allocated,
                reserved_bytes=each.reserved,
                used_bytes=each.used,
                total_bytes=each.total,
            )
            for each in device_memory()
        ),
    )


class _Read:
    """Samples by name."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._by_name: dict[str, list[Sample]] = {}
        for sample in samples:
            self._by_name.setdefault(sample.name, []).append(sample)

    def one(self, name: str) -> float | None:
        """The value of a metric without labels, None where there is none."""
        found = self._by_name.get(name)
        return found[0].value if found else None

    def by(self, name: str, label: str) -> Iterator[tuple[str, float]]:
        """Each value of a label with the metric's value for it."""
        return ((sample.labels[label], sample.value) for sample in self._by_name.get(name, ()))

    def counts(self, name: str, label: str) -> tuple[CountView, ...]:
        """The same for JSON, largest first, then by name."""
        found = sorted(self.by(name, label), key=lambda each: (-each[1], each[0]))
        return tuple(CountView(name=each, count=value) for each, value in found)

    def latencies(self, name: str, label: str) -> Iterator[LatencyView]:
        """The histogram's figures for each value of a label, in the order they were first seen."""
        buckets: dict[str, dict[float, float]] = {}
        for sample in self._by_name.get(f"{name}_bucket", ()):
            buckets.setdefault(sample.labels[label], {})[float(sample.labels["le"])] = sample.value
        sums, counts = dict(self.by(f"{name}_sum", label)), dict(self.by(f"{name}_count", label))
        for each, own in buckets.items():
            p50, p95, p99 = (_ms(quantile(own, q)) for q in QUANTILES)
            mean = sums[each] / counts[each] if counts[each] else None
            yield LatencyView(
                name=each, count=int(counts[each]), mean_ms=_ms(mean), p50_ms=p50, p95_ms=p95, p99_ms=p99
            )


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)


def _gate(gate: Gate) -> GateView:
    return GateView(
        name=gate.name,
        inside=gate.inside,
        waiting=max(0, gate.inside - gate.concurrency),
        places=gate.places,
        refused=gate.refused,
    )
