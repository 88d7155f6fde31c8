"""``/api/messages``: answers of conversations; their events can be read from any place, again and again."""

import json
from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event

from app.api.conversations import Own
from app.api.credentials import Recheck
from app.api.problems import describe
from app.conversations.asking import Wanted
from app.conversations.run import Run
from app.conversations.talks import Talks
from app.conversations.views import Accepted, MessageView
from app.errors import NotFound, NotSignedIn
from app.storage.message_events import DONE, MessageEvent

HEARTBEAT_S = 10.0
POLL_S = 0.5  # how soon a closed connection is noticed while nothing is written
LARGEST = 2**31  # no answer has so many events
STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
routes = APIRouter(prefix="/api", tags=["messages"])


@routes.get("/messages/{message_id}")
def show_message(message_id: str, own: Own) -> MessageView:
    """One message as it stands, and as far as you may see what it rests on."""
    return own.reading.message(message_id)


@routes.get("/messages/{message_id}/events", response_class=StreamingResponse, responses=STREAM)
async def follow_message(
    message_id: str,
    request: Request,
    own: Own,
    after: Annotated[int, Query(ge=0, le=LARGEST)] = 0,
    last_event_id: Annotated[str | None, Header(max_length=20)] = None,
) -> StreamingResponse:
    """Events ``queued`` (position), ``stage``, ``sources``, ``delta`` (text), last ``done`` (the message).

    With a sales assistant also ``offers``, and ``part`` before the ``delta`` with the heading of each part.

    Each has a number as its id; what comes behind the one in Last-Event-ID (or ``after``) is told, without
    gaps and nothing twice, also after a restart. The texts of all ``delta`` are what was written; the text of
    ``done`` takes their place. Where the reader is signed out, or loses a right, it ends with ``error``.
    """
    if last_event_id is not None and last_event_id.isdecimal():
        after = min(int(last_event_id), LARGEST)
    run = await own.run_of(message_id)
    if run is None:
        told = _ended(await run_in_threadpool(own.reading.events, message_id, after), own, message_id)
    elif await run_in_threadpool(own.reading.hides, message_id):
        raise NotFound(f"message {message_id!r} rests on documents that you may not see any more")
    else:
        told = _live(run, after, own, request)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(told, headers=headers, media_type="text/event-stream")


@routes.post("/messages/{message_id}/stop")
async def stop_message(message_id: str, own: Own) -> MessageView:
    """End an answer that is being written. The model is free for others, what is written stays."""
    return await own.stop(message_id)


@routes.post("/messages/{message_id}/regenerate", status_code=202)
async def regenerate_message(
    message_id: str, own: Own, response: Response, body: Wanted | None = None
) -> Accepted:
    """Have another answer written to the same question, with the same settings or others; it is chosen."""
    accepted = await own.ask_again(message_id, body)
    response.headers["Location"] = f"/api/messages/{accepted.message_id}"
    return accepted


@routes.post("/messages/{message_id}/choose")
def choose_message(message_id: str, own: Own) -> MessageView:
    """Let the conversation go on from this one of several answers."""
    return own.choose(message_id)


async def _ended(events: Iterable[MessageEvent], own: Talks, message_id: str) -> AsyncIterator[bytes]:
    for event in events:
        yield await _shape(event, own, message_id)


async def _live(run: Run, after: int, own: Talks, request: Request) -> AsyncIterator[bytes]:
    reader, silent_s = Recheck(request), 0.0
    try:
        async with aclosing(run.follow(after, POLL_S)) as events:
            async for event in events:
                await reader.check()
                if event is not None:
                    silent_s = 0.0
                    yield await _shape(event, own, run.message_id)
                    continue
                if await request.is_disconnected():
                    return
                silent_s += POLL_S
                if silent_s >= HEARTBEAT_S:
                    silent_s = 0.0
                    yield format_sse_event(comment="ping")
    except (NotSignedIn, NotFound) as error:  # meanwhile signed out, or the conversation deleted
        yield format_sse_event(
            data_str=json.dumps(describe(error, request), ensure_ascii=False), event="error"
        )


async def _shape(event: MessageEvent, own: Talks, message_id: str) -> bytes:
    data = event.data
    if event.name == DONE:  # made now, for this reader: what he may see decides, not what was written
        view = await run_in_threadpool(own.reading.message, message_id)
        data = json.dumps(view.model_dump(mode="json"), ensure_ascii=False)
    return format_sse_event(data_str=data, event=event.name, id=str(event.seq))
