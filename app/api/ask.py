"""``POST /api/ask``: a question as a stream of events. Closing the connection frees the model."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field
from starlette.types import Receive, Scope, Send

from app.answering import Event, Sources, Stage, Stopped
from app.api.problems import describe
from app.api.state import gate, language_of, services
from app.gate import Gate, Visit
from app.result import Result, passage_view, result_view
from app.services import MAX_QUESTION, Services
from generation.types import Delta
from retrieval.types import Language

HEARTBEAT_S = 10.0
POLL_S = 0.5  # how soon a closed connection is noticed while a stage is silent
MAX_INSTRUCTION = 2000

routes = APIRouter(prefix="/api", tags=["ask"])


class AskBody(BaseModel):
    """A question with what the asker may set."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(min_length=1, max_length=MAX_QUESTION)
    collection: str | None = Field(None, description="name of a knowledge base; all of them where missing")
    instruction: str | None = Field(
        None, max_length=MAX_INSTRUCTION, description="what the reranker should prefer"
    )
    rerank: bool = True
    top_k: int | None = Field(None, ge=1, le=1000)
    top_n: int | None = Field(None, ge=1, le=50)


@routes.post(
    "/ask", response_class=StreamingResponse, responses={200: {"content": {"text/event-stream": {}}}}
)
async def ask(
    body: AskBody,
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(gate)],
) -> StreamingResponse:
    """Events: queued, stage, sources, delta, and last answer or error."""
    asked = held.ask(
        body.question,
        collection=body.collection,
        instruction=body.instruction or None,
        rerank=body.rerank,
        top_k=body.top_k,
        top_n=body.top_n,
    )
    answering = held.answering
    visit = entrance.enter()

    def work(stopped: Stopped) -> Iterator[Event]:
        return answering.ask(asked, stopped)

    async def events() -> AsyncIterator[bytes]:
        number = 0
        try:
            yield _event("queued", {"position": visit.position}, number)
            async for event in _with_heartbeat(visit, work, request):
                if event is None:
                    yield format_sse_event(comment="ping")
                    continue
                number += 1
                name, data = _as_json(event, language_of(request))
                yield _event(name, data, number)
        except Exception as error:  # noqa: BLE001 - the request's boundary: told to the reader, logged in describe
            yield _event("error", describe(error, request), number + 1)

    return AnswerStream(events(), visit)


class AnswerStream(StreamingResponse):
    """An event stream that frees its place when it ends, also when the reader left before the first event."""

    def __init__(self, events: AsyncIterator[bytes], visit: Visit) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._visit.leave()


async def _with_heartbeat(
    visit: Visit, work: Callable[[Stopped], Iterator[Event]], request: Request
) -> AsyncGenerator[Event | None]:
    """The events; None when nothing came for a while. Ends when the reader has gone."""
    items = visit.run(work)
    silent_s = 0.0
    waiting: asyncio.Task[Event] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({waiting}, timeout=POLL_S)
            if done:
                try:
                    event = waiting.result()
                except StopAsyncIteration:
                    return
                finally:
                    waiting = None
                silent_s = 0.0
                yield event
                continue
            if await request.is_disconnected():
                return
            silent_s += POLL_S
            if silent_s >= HEARTBEAT_S:
                silent_s = 0.0
                yield None
    finally:
        if waiting is not None:
            waiting.cancel()
        await items.aclose()


def _as_json(event: Event, language: Language) -> tuple[str, object]:
    match event:
        case Stage():
            return "stage", {"name": event.name, "ms": round(event.ms, 3)}
        case Sources():
            return "sources", {"passages": [passage_view(p).model_dump(mode="json") for p in event.passages]}
        case Delta():
            return "delta", {"text": event.text}
        case Result():
            return "answer", result_view(event, language).model_dump(mode="json")


def _event(name: str, data: object, number: int) -> bytes:
    return format_sse_event(data_str=json.dumps(data, ensure_ascii=False), event=name, id=str(number))
