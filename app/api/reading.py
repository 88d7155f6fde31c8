"""What the page reads besides answers and collections: status, examples, and a chunk with its neighbours."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.access.visible import Visible
from app.api.permitted import Asker
from app.api.state import language_of, services
from app.catalogue import say
from app.demo import DEMO
from app.errors import NotFound
from app.preview import BoxView
from app.result import ModelsView, NoticeView, View
from app.services import Services
from app.settings import shipped
from rerank.guarded import GuardedReranker
from rerank.permit import Arithmetic
from rerank.presets import PRESETS
from retrieval.types import Notice

routes = APIRouter(prefix="/api", tags=["reading"])
Held = Annotated[Services, Depends(services)]


class DtypeView(View):
    """What the local reranker was asked to compute in, what it computes in, and what was measured of that.

    Agreements with float32 and the day of the measurement are null where there is no permit.
    """

    asked: str
    used: str
    kendall_tau: float | None = None
    top_3_agreement: float | None = None
    set_name: str | None = None
    measured_at: datetime | None = None


class RerankerView(View):
    """Who judges: breaker state (closed, open, half_open, off), counts since the start, measured speed.

    ``trouble`` says why the configured reranker is not trusted; empty when it is. ``failures`` by reason.
    ``latency_budget_s`` and ``passages_per_s`` are null where no budget applies or nothing was measured yet.
    ``floor`` is the relevance below which nothing is evidence; ``dtype`` is null where no model runs here.
    """

    configured: str
    fallback: str
    trouble: str
    breaker: str
    retry_in_s: float
    calls: int
    failures: dict[str, int]
    refused: int
    opens: int
    fallbacks: int
    unjudged: int
    latency_budget_s: float | None
    passages_per_s: float | None
    floor: float
    dtype: DtypeView | None


class PresetView(View):
    """An instruction to begin with, in both languages; ``instruction`` is the reader's."""

    name: str
    title: str
    instruction: str
    zh: str
    en: str


class Presets(View):
    """A list of presets."""

    data: tuple[PresetView, ...]


class StatusView(View):
    """Whether questions can be asked, which models answer, and why these."""

    ready: bool
    state: str
    detail: str
    profile: str
    profile_reason: str
    models: ModelsView
    reranker: RerankerView | None
    documents: int
    chunks: int
    top_k: int
    top_n: int
    notices: tuple[NoticeView, ...]


class ExampleView(View):
    """A question that the demo knowledge base answers well."""

    question: str
    language: str
    instruction: str


class ChunkView(View):
    """A chunk as it stands in its document; ``before`` and ``after`` are its neighbours' text.

    ``collection``: the name of its knowledge base. ``boxes``: where it stands on its pages.
    """

    chunk_id: str
    collection: str
    document: str
    title: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    text: str
    start: int
    end: int
    before: str
    after: str
    boxes: tuple[BoxView, ...]


class Examples(View):
    """A list of examples."""

    data: tuple[ExampleView, ...]


@routes.get("/status")
def status(request: Request, held: Held, asker: Asker) -> StatusView:
    """Whether questions can be asked, what runs, and how much of it the caller may search."""
    language = language_of(request)
    found = Visible(held.collections, asker).all()
    ready = held.state.name == "ready"
    models = held.models if ready else None
    notices = held.notices
    if models is not None:
        notices = (*notices, *models.notices, *models.reranker.notices(), *models.reranker.limits())
    return StatusView(
        ready=ready,
        state=held.state.name,
        detail=held.state.detail if held.state.name == "failed" else _step(held.state.detail, request),
        profile=models.profile if models else held.settings.profile,
        profile_reason=say(models.reason, language) if models else "",
        models=ModelsView(
            embedder=models.embedder.identity if models else "",
            reranker=models.reranker.identity if models else "",
            generator=models.generator.identity if models else "",
        ),
        reranker=_reranker_view(models.reranker, held.settings.rerank.floor) if models else None,
        documents=sum(each.documents for each in found),
        chunks=sum(each.chunks for each in found),
        top_k=held.settings.retrieval.top_k,
        top_n=held.settings.rerank.top_n,
        notices=tuple(NoticeView(code=n.code, text=say(n, language)) for n in notices),
    )


@routes.get("/examples")
def examples(held: Held, asker: Asker) -> Examples:
    """Questions to begin with; none where the demo knowledge base is not loaded."""
    if not any(each.name == DEMO and each.documents for each in Visible(held.collections, asker).all()):
        return Examples(data=())
    listed = json.loads((shipped("demo") / "examples.json").read_text(encoding="utf-8"))
    return Examples(
        data=tuple(
            ExampleView(question=e["question"], language=e["language"], instruction=e["instruction"])
            for e in listed
            if e["shown"]
        )
    )


@routes.get("/presets")
def presets(request: Request) -> Presets:
    """Rerank instructions to begin with."""
    language = language_of(request)
    return Presets(
        data=tuple(
            PresetView(
                name=each.name,
                title=each.title(language),
                instruction=each.instruction(language),
                zh=each.zh,
                en=each.en,
            )
            for each in PRESETS
        )
    )


@routes.get("/chunks/{chunk_id}")
def chunk(chunk_id: str, held: Held, asker: Asker) -> ChunkView:
    """A chunk of a current document version; 404 for anything else."""
    found = held.chunks.chunks([chunk_id], Visible(held.collections, asker).scope()).get(chunk_id)
    if found is None:
        raise NotFound(f"passage {chunk_id!r} is not there; its document may have been replaced or deleted")
    before, after = held.chunks.neighbours(found)
    return ChunkView(
        chunk_id=found.id,
        collection=held.collections.names().get(found.collection, ""),
        document=found.document,
        title=found.title,
        pages=found.pages,
        headings=found.headings,
        text=found.text,
        start=found.start,
        end=found.end,
        before=before.text if before else "",
        after=after.text if after else "",
        boxes=tuple(BoxView(**asdict(box)) for box in found.boxes),
    )


def _reranker_view(reranker: GuardedReranker, floor_set: float | None) -> RerankerView:
    status = reranker.status()
    floor_set = None if status.trouble else floor_set  # what a person set is not meant for the fallback
    return RerankerView(
        configured=status.primary,
        fallback=status.fallback,
        trouble=status.trouble,
        breaker=status.breaker.state,
        retry_in_s=round(status.breaker.retry_in_s, 1),
        calls=status.breaker.calls,
        failures=dict(status.breaker.failures),
        refused=status.breaker.refused,
        opens=status.breaker.opens,
        fallbacks=status.fallbacks,
        unjudged=status.unjudged,
        latency_budget_s=status.budget_s,
        passages_per_s=None if status.passages_per_s is None else round(status.passages_per_s, 2),
        floor=reranker.floor if floor_set is None else floor_set,
        dtype=_dtype_view(reranker.arithmetic) if reranker.arithmetic else None,
    )


def _dtype_view(found: Arithmetic) -> DtypeView:
    permit = found.permit
    if permit is None:
        return DtypeView(asked=found.asked, used=found.used)
    return DtypeView(
        asked=found.asked,
        used=found.used,
        kendall_tau=permit.kendall_tau,
        top_3_agreement=permit.top_3_agreement,
        set_name=permit.set_name,
        measured_at=permit.at,
    )


def _step(detail: str, request: Request) -> str:
    return say(Notice.of(f"loading_{detail}"), language_of(request)) if detail else ""
