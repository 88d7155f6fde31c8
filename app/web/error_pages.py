"""A person who opens an address that cannot be shown gets a page that says why and what to do, not JSON."""

import json

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.web.pages import Pages

PROGRAMS = ("/api/", "/v1/", "/v2/", "/static/", "/charts/")
"""Below these nobody opens pages: whoever asks reads the problem itself."""
KNOWN = {403: "forbidden", 404: "missing", 503: "later"}
KEPT = (b"retry-after", b"set-cookie", b"x-request-id")


class ErrorPages:
    """Turns a problem (RFC 9457) that a browser navigated to into a page of the same status.

    Only for GET of an address that is not for programs, with ``text/html`` among what is accepted. The page
    is in the reader's language and has the navigation of what he may open.
    """

    def __init__(self, app: ASGIApp, *, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not _navigates(scope):
            await self._app(scope, receive, send)
            return
        start: Message = {}
        body = bytearray()

        async def watch(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and _is_problem(message):
                start = message
                return
            if not start:
                await send(message)
                return
            body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await self._page(scope, receive, send, start, bytes(body))

        await self._app(scope, receive, watch)

    async def _page(self, scope: Scope, receive: Receive, send: Send, start: Message, body: bytes) -> None:
        told = json.loads(body)
        status = int(start["status"])
        page = await run_in_threadpool(
            self._pages.page,
            Request(scope),
            "error.html",
            status=status,
            kind=KNOWN.get(status, "failed"),
            detail=str(told.get("detail", "")),
            reference=str(told.get("request_id", "")),
        )
        page.raw_headers += [each for each in start["headers"] if each[0].lower() in KEPT]
        await page(scope, receive, send)


def _navigates(scope: Scope) -> bool:
    path = scope["path"]
    return (
        scope["method"] == "GET"
        and not path.startswith(PROGRAMS)
        and "text/html" in Headers(scope=scope).get("accept", "")
    )


def _is_problem(message: Message) -> bool:
    kind = Headers(raw=message["headers"]).get("content-type", "")
    return kind.startswith("application/problem+json")
