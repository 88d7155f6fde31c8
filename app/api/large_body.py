"""The 413 of the framework's body limit as a problem; it is sent before any handler of ours could."""

import json

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.state import language_of
from app.catalogue import say
from retrieval.types import Notice

TOO_LARGE = 413


class LargeBodyProblem:
    """Replaces a plain-text 413 by ``application/problem+json``; passes everything else on as it comes."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        replaced = False

        async def send_problem(message: Message) -> None:
            nonlocal replaced
            if message["type"] == "http.response.start" and message["status"] == TOO_LARGE:
                kinds = [value for name, value in message["headers"] if name.lower() == b"content-type"]
                replaced = kinds[:1] == [b"text/plain; charset=utf-8"]
                if replaced:
                    return
            if not replaced:
                await send(message)
            elif not message.get("more_body"):
                await _problem(scope, send)

        await self._app(scope, receive, send_problem)


async def _problem(scope: Scope, send: Send) -> None:
    detail = say(Notice.of("error_body_too_large"), language_of(Request(scope)))
    body = json.dumps(
        {
            "type": "urn:touchstone:too_large",
            "title": "too large",
            "status": TOO_LARGE,
            "detail": detail,
            "code": "too_large",
            "retryable": False,
        }
    ).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": TOO_LARGE, "headers": headers})
    await send({"type": "http.response.body", "body": body})
