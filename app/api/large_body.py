"""Bodies that are too large: refused before anything is done, as a problem.

The framework reads the limit of a route while the body is read. A route that reads none would do its work and
be answered with 413 all the same, so what a request announces is looked at first.
"""

import json

from starlette.middleware.body_limit import MAX_BODY_SIZE_SCOPE_KEY
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.state import language_of
from app.catalogue import say
from app.errors import TooLarge
from retrieval.types import Notice

TOO_LARGE = 413


def fits(request: Request) -> None:
    """Raise ``TooLarge`` where a request announces a larger body than its route takes."""
    limit = request.scope.get(MAX_BODY_SIZE_SCOPE_KEY)
    announced = request.headers.get("content-length", "")
    if limit is not None and announced.isdecimal() and int(announced) > limit:
        raise TooLarge(f"the body has {announced} bytes; at most {limit} are taken at this address")


class LargeBodyProblem:
    """Replaces the plain-text 413 that the framework sends while it reads, before any handler of ours could.

    Everything else passes as it comes.
    """

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
    scope.setdefault("state", {})["problem"] = "too_large"
    detail = say(Notice.of("error_body_too_large"), language_of(Request(scope)))
    body = json.dumps(
        {
            "type": "urn:touchstone:too_large",
            "title": "too large",
            "status": TOO_LARGE,
            "detail": detail,
            "code": "too_large",
            "retryable": False,
            "request_id": scope.get("state", {}).get("request_id", ""),
        }
    ).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),  # the rest of the body is not read
    ]
    await send({"type": "http.response.start", "status": TOO_LARGE, "headers": headers})
    await send({"type": "http.response.body", "body": body})
