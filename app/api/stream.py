"""Work that tells how it goes on: an event stream (WHATWG HTML, server-sent events) behind a gate."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import TypeVar

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from app.api.credentials import Recheck
from app.api.problems import describe
from app.gate import Visit

T = TypeVar("T")
HEARTBEAT_S = 10.0
POLL_S = 0.5  # how soon a closed connection is noticed while the work is silent


class EventStream(StreamingResponse):
    """Events ``queued`` (position), then each item as ``shape`` names it, and ``error`` where the work fails.

    It fails with ``session_revoked`` where the reader is signed out, or loses a right, in the midst of it.
    The place is freed when the stream ends, also when the reader left before the first event.
    """

    def __init__(
        self,
        items: AsyncGenerator[T],
        visit: Visit,
        request: Request,
        shape: Callable[[T], tuple[str, object]],
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(
            _events(items, visit, request, shape), headers=headers, media_type="text/event-stream"
        )
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._visit.leave()


async def _events(
    items: AsyncGenerator[T], visit: Visit, request: Request, shape: Callable[[T], tuple[str, object]]
) -> AsyncIterator[bytes]:
    number = 0
    try:
        yield _event("queued", {"position": visit.position}, number)
        async for item in with_heartbeat(items, request):
            if item is None:
                yield format_sse_event(comment="ping")
                continue
            number += 1
            name, data = shape(item)
            yield _event(name, data, number)
    except Exception as error:  # noqa: BLE001 - the request's boundary: told to the reader, logged in describe
        yield _event("error", describe(error, request), number + 1)


async def with_heartbeat(items: AsyncGenerator[T], request: Request) -> AsyncGenerator[T | None]:
    """The items; None when nothing came for a while. Ends when the reader has gone."""
    silent_s = 0.0
    waiting: asyncio.Task[T] | None = None
    reader = Recheck(request)
    try:
        while True:
            await reader.check()
            waiting = waiting or asyncio.ensure_future(anext(items))
            done, _ = await asyncio.wait({waiting}, timeout=POLL_S)
            if done:
                try:
                    item = waiting.result()
                except StopAsyncIteration:
                    return
                finally:
                    waiting = None
                silent_s = 0.0
                yield item
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
            await asyncio.gather(waiting, return_exceptions=True)  # it runs inside items until it has ended
        await items.aclose()


def _event(name: str, data: object, number: int) -> bytes:
    return format_sse_event(data_str=json.dumps(data, ensure_ascii=False), event=name, id=str(number))
