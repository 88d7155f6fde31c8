"""Evaluations: a golden set asked in the background down the path of chat, its figures, two compared."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, Field

from app.api.credentials import Recheck
from app.api.paging import PAGE, Cursor, Limit, number_of, written
from app.api.permitted import Asker
from app.api.problems import describe
from app.api.state import language_of, services
from app.errors import NotFound, NotSignedIn
from app.evaluation.background import Evaluations, Live
from app.evaluation.evaluations import EvaluationDesk
from app.evaluation.golden_sets import GoldenSets
from app.evaluation.questions import Half
from app.evaluation.result_file import Rerank
from app.evaluation.shown import Wanted
from app.evaluation.views import (
    ComparisonView,
    EvaluationDetail,
    EvaluationList,
    EvaluationView,
    QuestionList,
)
from app.services import Services
from app.storage.collections import MAX_INSTRUCTION, MAX_NAME

HEARTBEAT_S = 10.0
POLL_S = 0.5  # how soon a closed connection is noticed while nothing happens
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
routes = APIRouter(prefix="/api", tags=["evaluation"])
Held = Annotated[Services, Depends(services)]


def evaluations(request: Request, held: Held, asker: Asker) -> EvaluationDesk:
    """The evaluations that whoever makes the request may see."""
    found: Evaluations = request.app.state.evaluations
    return EvaluationDesk(held, found, asker, language_of(request))


Desk = Annotated[EvaluationDesk, Depends(evaluations)]


class NewEvaluation(BaseModel):
    """What to ask, and how. What is null is as chat has it.

    ``golden_set``: the name of a set about this knowledge base. ``both``: every question with and without
    reranking. ``generate`` false: nothing is written, only what is found is measured. ``half``: choose
    settings on one half of the questions and report the other. ``limit``: a sample of so many.
    """

    model_config = ConfigDict(extra="forbid")

    golden_set: str = Field(min_length=1, max_length=MAX_NAME)
    rerank: Rerank = "both"
    instruction: str | None = Field(None, max_length=MAX_INSTRUCTION)
    top_k: int | None = Field(None, ge=1, le=1000)
    generate: bool = True
    half: Half = "all"
    limit: int | None = Field(None, ge=1, le=1_000_000)


@routes.post("/collections/{collection:path}/evaluations", status_code=202)
async def start_evaluation(
    collection: str, body: NewEvaluation, held: Held, asker: Asker, desk: Desk, response: Response
) -> EvaluationView:
    """Ask a golden set in the background; one at a time, and between two questions chat goes first.

    It asks what the knowledge base shows, down the path of chat. Follow it at ``…/events``.
    """
    found = await asyncio.to_thread(GoldenSets(held, asker).about, collection, body.golden_set)
    wanted = Wanted(
        body.rerank, body.instruction or None, body.top_k, body.generate, body.half, body.limit
    )
    made = await desk.start(collection, found.name, wanted)
    response.headers["Location"] = f"/api/evaluations/{made.id}"
    return made


@routes.get("/evaluations")
def list_evaluations(
    desk: Desk,
    collection: Annotated[str | None, Query(min_length=1, max_length=MAX_NAME)] = None,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> EvaluationList:
    """Evaluations of the knowledge bases that you may write to, newest first."""
    before = number_of(cursor) if cursor else 0
    data, more = desk.page(collection=collection, before=before, limit=limit)
    return EvaluationList(data=tuple(data), next_cursor=written(str(more)) if more else None)


@routes.get("/evaluations/{evaluation_id}")
def show_evaluation(evaluation_id: str, desk: Desk) -> EvaluationDetail:
    """One evaluation: how far it is, and its result once it is done."""
    return desk.get(evaluation_id)


@routes.get("/evaluations/{evaluation_id}/questions")
def list_questions(
    evaluation_id: str, desk: Desk, cursor: Cursor = "", limit: Limit = PAGE
) -> QuestionList:
    """Every question with its answers, ranks, citations and times, also while others are still asked."""
    after = number_of(cursor) if cursor else 0
    data, more = desk.questions(evaluation_id, after=after, limit=limit)
    return QuestionList(data=tuple(data), next_cursor=written(str(more)) if more else None)


@routes.get("/evaluations/{evaluation_id}/compare/{other}")
def compare_evaluations(evaluation_id: str, other: str, desk: Desk) -> ComparisonView:
    """What changed from this one to the other: paired bootstrap on every measure, question by question."""
    return desk.compare(evaluation_id, other)


@routes.get("/evaluations/{evaluation_id}/events", response_class=StreamingResponse, responses=STREAM)
async def follow_evaluation(evaluation_id: str, request: Request, desk: Desk) -> StreamingResponse:
    """Events ``progress`` (state, done, total, waiting), last ``done`` (the evaluation without its result).

    Whoever comes back is told first where it stands. Where the reader is signed out, or loses a right, it
    ends with ``error``.
    """
    row = await asyncio.to_thread(desk.row, evaluation_id)
    found: Evaluations = request.app.state.evaluations
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    told = _events(found.live(row.id), desk, row.id, request)
    return StreamingResponse(told, headers=headers, media_type="text/event-stream")


@routes.post("/evaluations/{evaluation_id}/cancel")
async def cancel_evaluation(evaluation_id: str, desk: Desk) -> EvaluationView:
    """End it soon; the questions that were asked stay. One that has ended stays as it is."""
    row = await asyncio.to_thread(desk.row, evaluation_id)
    await desk.cancel(row.id)
    return await asyncio.to_thread(desk.view, evaluation_id)


@routes.delete("/evaluations/{evaluation_id}")
def delete_evaluation(evaluation_id: str, desk: Desk) -> EvaluationView:
    """Delete an evaluation that has ended; the answer is what it was."""
    return desk.remove(evaluation_id)


async def _events(
    live: Live | None, desk: EvaluationDesk, evaluation_id: str, request: Request
) -> AsyncIterator[bytes]:
    reader, silent_s, number = Recheck(request), 0.0, 0
    try:
        if live is not None:
            async with aclosing(live.follow(POLL_S)) as steps:
                async for step in steps:
                    await reader.check()
                    if step is not None:
                        silent_s, number = 0.0, number + 1
                        told = {"state": step.state, "done": step.done, "total": step.total}
                        yield _event("progress", {**told, "waiting": step.waiting}, number)
                        continue
                    if await request.is_disconnected():
                        return
                    silent_s += POLL_S
                    if silent_s >= HEARTBEAT_S:
                        silent_s = 0.0
                        yield format_sse_event(comment="ping")
        view = await asyncio.to_thread(desk.view, evaluation_id)
        yield _event("done", view.model_dump(mode="json"), number + 1)
    except (NotSignedIn, NotFound) as error:  # meanwhile signed out, or it was deleted
        yield _event("error", describe(error, request), number + 1)


def _event(name: str, data: object, number: int) -> bytes:
    return format_sse_event(data_str=json.dumps(data, ensure_ascii=False), event=name, id=str(number))
