"""A chat completion as it is written: chunks of OpenAI's shape over server-sent events."""

import json
import math
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator

from fastapi import Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from starlette.types import Receive, Scope, Send

from app.api.envelope import openai_error
from app.api.openai.reply import Reply, completion_id
from app.api.problems import describe, status_of
from app.api.stream import with_heartbeat
from app.gate import Visit
from app.result import Result
from app.trace import Event
from generation.types import Delta

DONE = "[DONE]"


class ChatStream(StreamingResponse):
    """Chunks ``chat.completion.chunk``: the role, each piece, the end, and ``[DONE]``.

    The end has ``finish_reason``, annotations and ``touchstone``; with ``usage`` one more has the tokens.
    What fails in the midst of it is told as ``{"error": …}``, which OpenAI's clients raise. The place is
    freed when the stream ends, also when the reader left before the first chunk.
    """

    def __init__(
        self,
        items: AsyncGenerator[Event],
        visit: Visit,
        request: Request,
        *,
        model: str,
        created: float,
        usage: bool,
        reply: Callable[[Result], Reply],
    ) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        chunks = _Chunks(model, created, usage, reply)
        super().__init__(_told(items, request, chunks), headers=headers, media_type="text/event-stream")
        self._visit = visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._visit.leave()


async def _told(items: AsyncGenerator[Event], request: Request, chunks: "_Chunks") -> AsyncIterator[bytes]:
    try:
        yield _data(chunks.opening())
        async for item in with_heartbeat(items, request):
            if item is None:
                yield format_sse_event(comment="ping")
            elif isinstance(item, Delta):
                yield _data(chunks.delta(item.text))
            elif isinstance(item, Result):
                for chunk in chunks.closing(item):
                    yield _data(chunk)
    except Exception as error:  # noqa: BLE001 - the request's boundary: told to the reader, logged in describe
        yield _data(openai_error(describe(error, request), status_of(error)))
    yield format_sse_event(data_str=DONE)


class _Chunks:
    """The chunks of one answer, which have one id."""

    def __init__(self, model: str, created: float, usage: bool, reply: Callable[[Result], Reply]) -> None:
        self._usage = usage
        self._reply = reply
        self._streamed = False
        self._head: dict[str, object] = {
            "id": completion_id(uuid.uuid4().hex),
            "object": "chat.completion.chunk",
            "created": math.floor(created),
            "model": model,
        }

    def opening(self) -> dict[str, object]:
        """Who speaks."""
        return self._chunk({"role": "assistant", "content": ""})

    def delta(self, text: str) -> dict[str, object]:
        """A piece of the answer."""
        self._streamed = True
        return self._chunk({"content": text})

    def closing(self, result: Result) -> Iterator[dict[str, object]]:
        """The end, behind the words of an answer that no generator wrote."""
        if not self._streamed and result.answer.text:
            yield self.delta(result.answer.text)
        reply = self._reply(result)
        annotations = [each.model_dump(mode="json") for each in reply.annotations()]
        yield {
            **self._chunk({"annotations": annotations} if annotations else {}, reply.finish),
            "system_fingerprint": result.models.generator or None,
            "touchstone": reply.touchstone().model_dump(mode="json"),
        }
        if self._usage:
            yield {**self._head, "choices": [], "usage": reply.usage().model_dump(mode="json")}

    def _chunk(self, delta: dict[str, object], finish: str | None = None) -> dict[str, object]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        chunk = {**self._head, "choices": [choice]}
        return {**chunk, "usage": None} if self._usage else chunk


def _data(content: dict[str, object]) -> bytes:
    return format_sse_event(data_str=json.dumps(content, ensure_ascii=False))
