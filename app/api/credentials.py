"""Who makes a request: the one place that reads credentials."""

from collections.abc import Callable

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.principal import Principal

Authenticate = Callable[[Headers], Principal | None]
"""Reads the headers of a request; None for nobody. May block."""


class Credentials:
    """Puts the principal of each request into ``request.state.principal``, before its body is read."""

    def __init__(self, app: ASGIApp, *, authenticate: Authenticate) -> None:
        self._app = app
        self._authenticate = authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] in ("http", "websocket"):
            found = await run_in_threadpool(self._authenticate, Headers(scope=scope))
            scope.setdefault("state", {})["principal"] = found
        await self._app(scope, receive, send)
