"""``POST /api/search``: what a question finds, on the very way of the chat; nothing is kept."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Request
from pydantic import Field

from app.answering import Stopped
from app.api.permitted import Asker
from app.api.single import only
from app.api.state import gate, language_of, services
from app.asking import MAX_QUESTION
from app.cards import AssistantName, Offer, Part
from app.conversations.asking import Wanted
from app.errors import Forbidden
from app.gate import Gate
from app.result import (
    CandidateView,
    CitationView,
    ModelsView,
    NoticeView,
    PassageView,
    Result,
    View,
    passage_tokens,
    passage_view,
    result_view,
)
from app.services import Services
from generation.types import Outcome, Role
from retrieval.types import Language

routes = APIRouter(prefix="/api", tags=["search"])


class SearchBody(Wanted):
    """A question. ``collections`` null: all that you may see.

    ``answer``: have the answer written as well; an API key must be for chat, too.
    """

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    floor: float | None = Field(
        None, ge=0, le=1, description="relevance that evidence needs, for this search; null: what holds here"
    )
    answer: bool = False


class ScaleView(View):
    """What a score measures, and between which values; ``high`` null: no bound."""

    measure: Literal["cosine_similarity", "bm25", "reciprocal_rank_fusion", "weighted_sum", "relevance"]
    low: float
    high: float | None


class ScalesView(View):
    """The measure of each score. Only scores of one column compare."""

    vector: ScaleView
    lexical: ScaleView
    fused: ScaleView
    relevance: ScaleView


class FoundView(CandidateView):
    """A candidate with its way through the stages, and its words.

    ``above_floor``: whether its relevance counts as evidence, null where nobody judged it. ``passage``: the
    number under which the generator would read it, null where it would not.
    """

    document_id: str
    collection: str
    text: str
    above_floor: bool | None


class SaidView(View):
    """One message of a prompt, as the generator reads it."""

    role: Role
    content: str


class PromptView(View):
    """What the generator read, or would read: the whole prompt, word for word.

    ``tokens`` of all of it, by the generator's measure; with the answer they must fit ``context_tokens``.
    """

    tokens: int
    context_tokens: int
    messages: tuple[SaidView, ...]


class SearchView(View):
    """Every candidate in its final order, and what led to it.

    ``collections``: what was searched. ``floor``: the relevance that evidence needs, null where nobody
    judged. ``outcome``: retrieved where the chat would answer, abstained where it would not; with ``answer``
    that of the answer. ``passages``: as they are sent, in their order, cut where a notice says so; among them
    may be neighbours that are no candidates. ``prompt``: null where nothing is sent. ``timings_ms`` by stage.
    """

    trace_id: str
    question: str
    language: Language
    collections: tuple[str, ...]
    instruction: str
    top_k: int
    top_n: int
    outcome: Outcome
    scales: ScalesView
    floor: float | None
    candidates: tuple[FoundView, ...]
    assistant: AssistantName | None
    offers: tuple[Offer, ...]
    answer: str
    parts: tuple[Part, ...]
    citations: tuple[CitationView, ...]
    passages: tuple[PassageView, ...]
    prompt: PromptView | None
    suggestions: tuple[str, ...]
    notices: tuple[NoticeView, ...]
    profile: str
    models: ModelsView
    rerank_tokens: int
    timings_ms: dict[str, float]


@routes.post("/search")
async def search(
    body: SearchBody,
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(gate)],
    asker: Asker,
) -> SearchView:
    """What is found, with every rank and score of every stage, and what is sent to the generator."""
    if body.answer and "chat" not in asker.uses:
        raise Forbidden("having an answer written needs an API key for chat")
    asked = held.ask(
        body.question,
        principal=asker,
        collections=body.collections or (),
        instruction=body.instruction or None,
        rerank=body.rerank,
        top_k=body.top_k,
        top_n=body.top_n,
        generate=body.answer,
        assistant=body.assistant or None,
    )
    asked = replace(asked, floor=body.floor)
    answering = held.answering

    def work(stopped: Stopped) -> Iterator[Result]:
        yield next(each for each in answering.ask(asked, stopped) if isinstance(each, Result))

    result = await only(entrance.enter(), work, request)
    names = held.collections.names()
    view, sent = result_view(result, language_of(request)), _sent(result)
    numbers = {each.chunk_id: each.number for each in sent}
    return SearchView(
        trace_id=view.trace_id,
        question=view.question,
        language=view.language,
        collections=result.collections,
        instruction=view.instruction,
        top_k=asked.top_k,
        top_n=asked.top_n,
        outcome=view.outcome,
        scales=_scales(held),
        floor=result.floor,
        candidates=tuple(
            FoundView(
                **(dict(each) | {"passage": numbers.get(each.chunk_id)}),
                document_id=ranked.chunk.document_id,
                collection=names.get(ranked.chunk.collection, ""),
                text=ranked.chunk.text,
                above_floor=_above(ranked.relevance, result.floor),
            )
            for each, ranked in zip(view.candidates, result.candidates, strict=True)
        ),
        assistant=view.assistant,
        offers=view.offers,
        answer=view.answer,
        parts=view.parts,
        citations=view.citations,
        passages=sent,
        prompt=_prompt(result, held),
        suggestions=view.suggestions,
        notices=view.notices,
        profile=view.profile,
        models=view.models,
        rerank_tokens=result.rerank_tokens,
        timings_ms=view.timings_ms,
    )


def _sent(result: Result) -> tuple[PassageView, ...]:
    """In the order in which they are read: no two prompts of one answer hold the same one."""
    counted = passage_tokens(result.prompt)
    sent = result.prompt.passages if result.prompt else result.answer.passages
    return tuple(passage_view(each, counted.get(each.number)) for each in sent)


def _prompt(result: Result, held: Services) -> PromptView | None:
    if result.prompt is None:
        return None
    return PromptView(
        tokens=result.prompt.tokens,
        context_tokens=held.models.generator.context_tokens,
        messages=tuple(SaidView(role=each.role, content=each.content) for each in result.prompt.messages),
    )


def _above(relevance: float | None, floor: float | None) -> bool | None:
    return None if relevance is None or floor is None else relevance >= floor


def _scales(held: Services) -> ScalesView:
    retrieval = held.settings.retrieval
    if held.models.profile == "starter":
        retrieval = retrieval.for_starter()
    fused = ScaleView(measure="reciprocal_rank_fusion", low=0, high=None)
    if retrieval.fusion == "weighted":
        fused = ScaleView(measure="weighted_sum", low=0, high=1)
    return ScalesView(
        vector=ScaleView(measure="cosine_similarity", low=-1, high=1),
        lexical=ScaleView(measure="bm25", low=0, high=None),
        fused=fused,
        relevance=ScaleView(measure="relevance", low=0, high=1),
    )
