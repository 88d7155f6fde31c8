"""``GET /metrics``: counts, times and the state of everything, as Prometheus reads it."""

import shutil
from collections.abc import Iterable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.api.state import gates, services
from app.errors import NotReady
from app.gate import Gate
from app.services import Services
from rerank.guarded import GuardStatus

BREAKER = ("closed", "open", "half_open", "off")
routes = APIRouter(tags=["operation"])


@routes.get(
    "/metrics", response_class=Response, responses={200: {"content": {"text/plain": {"schema": {}}}}}
)
def metrics(
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrances: Annotated[tuple[Gate, ...], Depends(gates)],
) -> Response:
    """Metrics in Prometheus' text format, or in OpenMetrics' where that is asked for."""
    encode, media_type = choose_encoder(request.headers.get("accept", ""))
    now = CollectorRegistry()
    now.register(Present(held, entrances))
    counted: bytes = encode(held.metrics.registry)
    present: bytes = encode(now)
    end = b"# EOF\n"  # of OpenMetrics, which stands once
    return Response(counted.removesuffix(end) + present, headers={"Content-Type": media_type})


class Present(Collector):
    """What is the case at this moment."""

    def __init__(self, held: Services, entrances: Iterable[Gate]) -> None:
        self._held = held
        self._entrances = tuple(entrances)

    def collect(self) -> Iterator[Metric]:
        """The families of metrics."""
        yield from self._gates()
        yield from self._work()
        try:
            models = self._held.models
        except NotReady:
            return
        about = {
            "profile": models.profile,
            "embedder": models.embedder.identity,
            "reranker": models.reranker.identity,
            "generator": models.generator.identity,
        }
        info = GaugeMetricFamily("touchstone_models", "Which models run; always 1.", labels=[*about])
        info.add_metric([*about.values()], 1)
        yield info
        yield from _reranker(models.reranker.status())

    def _gates(self) -> Iterator[Metric]:
        inside = GaugeMetricFamily("touchstone_gate_inside", "Requests with a place.", labels=["gate"])
        waiting = GaugeMetricFamily("touchstone_gate_waiting", "Requests that wait.", labels=["gate"])
        places = GaugeMetricFamily("touchstone_gate_places", "Places there are.", labels=["gate"])
        refused = CounterMetricFamily("touchstone_gate_refused", "Requests without one.", labels=["gate"])
        for gate in self._entrances:
            inside.add_metric([gate.name], gate.inside)
            waiting.add_metric([gate.name], max(0, gate.inside - gate.concurrency))
            places.add_metric([gate.name], gate.places)
            refused.add_metric([gate.name], gate.refused)
        yield from (inside, waiting, places, refused)

    def _work(self) -> Iterator[Metric]:
        held = self._held
        ready = GaugeMetricFamily("touchstone_ready", "Whether questions can be asked.")
        ready.add_metric([], held.state.name == "ready")
        jobs = GaugeMetricFamily("touchstone_jobs", "Jobs that are known, by state.", labels=["state"])
        for state, count in held.ingestion.service.jobs.counts().items():
            jobs.add_metric([state], count)
        found = held.collections.all()
        documents = GaugeMetricFamily("touchstone_documents", "Documents that are shown.")
        documents.add_metric([], sum(each.documents for each in found))
        chunks = GaugeMetricFamily("touchstone_chunks", "Their chunks.")
        chunks.add_metric([], sum(each.chunks for each in found))
        free = GaugeMetricFamily("touchstone_disk_free_bytes", "Room beside the data, the reserve included.")
        free.add_metric([], shutil.disk_usage(held.settings.data_dir).free)
        yield from (ready, jobs, documents, chunks, free)


def _reranker(status: GuardStatus) -> Iterator[Metric]:
    breaker = status.breaker
    state = GaugeMetricFamily("touchstone_breaker_state", "1 for the breaker's state.", labels=["state"])
    for each in BREAKER:
        state.add_metric([each], each == breaker.state)
    failures = CounterMetricFamily(
        "touchstone_reranker_failures", "Failed calls of the configured reranker.", labels=["reason"]
    )
    for reason, count in breaker.failures:
        failures.add_metric([reason], count)
    yield from (state, failures)
    for name, about, value in (
        ("calls", "Calls that the breaker let in.", breaker.calls),
        ("refused", "Calls that it did not.", breaker.refused),
        ("opens", "Times it opened.", breaker.opens),
        ("fallbacks", "Judgements of the fallback.", status.fallbacks),
        ("unjudged", "Judgements that nobody made.", status.unjudged),
    ):
        counted = CounterMetricFamily(f"touchstone_reranker_{name}", about)
        counted.add_metric([], value)
        yield counted
