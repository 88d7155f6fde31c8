"""``POST /api/ask``: a question as a stream of events. Closing the connection frees the model."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from app.answering import Event, Offers, Sources, Stage, Stopped
from app.api.permitted import Asker
from app.api.state import gate, language_of, services
from app.api.stream import EventStream
from app.asking import MAX_QUESTION
from app.cards import PartBegins
from app.conversation import MOST_EXCHANGES
from app.gate import Gate
from app.result import Result, passage_view, result_view
from app.services import Services
from generation.types import Delta
from retrieval.types import Exchange, Language

MAX_INSTRUCTION = 2000
MAX_ANSWER = 50_000  # characters of an earlier answer

routes = APIRouter(prefix="/api", tags=["ask"])


class ExchangeBody(BaseModel):
    """An earlier question of the conversation and its answer."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    answer: str = Field("", max_length=MAX_ANSWER)


class AskBody(BaseModel):
    """A question with what the asker may set."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    collection: str | None = Field(None, description="name of a knowledge base; all of them where missing")
    assistant: str | None = Field(
        None, max_length=100, description="the id of an assistant, in place of a knowledge base"
    )
    instruction: str | None = Field(
        None, max_length=MAX_INSTRUCTION, description="what the reranker should prefer"
    )
    rerank: bool = True
    top_k: int | None = Field(None, ge=1, le=1000)
    top_n: int | None = Field(None, ge=1, le=50)
    history: list[ExchangeBody] = Field(
        default_factory=list, max_length=MOST_EXCHANGES, description="what was asked before, earliest first"
    )


@routes.post(
    "/ask", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
)
async def ask(
    body: AskBody,
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(gate)],
    asker: Asker,
) -> StreamingResponse:
    """Events: queued, stage, sources, delta, and last answer or error.

    With a sales assistant also offers, and part before the delta with the heading of each part.
    """
    asked = held.ask(
        body.question,
        principal=asker,
        collections=(body.collection,) if body.collection else (),
        instruction=body.instruction or None,
        rerank=body.rerank,
        top_k=body.top_k,
        top_n=body.top_n,
        assistant=body.assistant or None,
    )
    asked = replace(asked, history=tuple(Exchange(each.question, each.answer) for each in body.history))
    answering = held.answering
    visit = entrance.enter()

    def work(stopped: Stopped) -> Iterator[Event]:
        for event in answering.ask(asked, stopped):
            yield held.caretaker.answers.keep(event, owner=asker.id) if isinstance(event, Result) else event

    return EventStream(visit.run(work), visit, request, lambda event: _as_json(event, language_of(request)))


def _as_json(event: Event, language: Language) -> tuple[str, object]:
    match event:
        case Stage():
            return "stage", {"name": event.name, "ms": round(event.ms, 3)}
        case Sources():
            return "sources", {"passages": [passage_view(p).model_dump(mode="json") for p in event.passages]}
        case Offers():
            return "offers", {"offers": [each.model_dump(mode="json") for each in event.offers]}
        case PartBegins():
            return "part", event.model_dump(mode="json")
        case Delta():
            return "delta", {"text": event.text}
        case Result():
            return "answer", result_view(event, language).model_dump(mode="json")
