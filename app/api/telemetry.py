"""Every request has an id, is counted and timed, and may have a line in the log.

What is logged are declared paths, numbers and ids of ours: an address as it was asked for may hold names.
"""

import logging
import re
import time
import uuid
from collections.abc import Callable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.principal import Principal
from app.api.limits import kind_of
from app.api.route import template
from app.metrics import Metrics

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""Ids of callers that are taken over: no space, no line end, nothing a log or a shell reads otherwise."""
CLIENT_CLOSED = 499  # nginx's status for a request whose client has gone before it was answered
log = logging.getLogger("touchstone.requests")


class Telemetry:
    """Takes over ``X-Request-ID`` where it is one, else makes one; gives it back with every answer."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        log_requests: bool,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._log_requests = log_requests
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = self._clock(), CLIENT_CLOSED
        state = scope.setdefault("state", {})
        state["request_id"] = request_id = request_id_of(Headers(scope=scope).get(HEADER, ""))

        async def telling(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, telling)
        finally:
            self._tell(scope, status, self._clock() - began)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        state, route, method = scope["state"], template(scope), scope["method"]
        problem = state.get("problem", "")
        self._metrics.served(method, route, status, seconds, problem)
        if problem and kind_of(method, route) == "upload":
            self._metrics.rejected(problem)
        if not self._log_requests:
            return
        who = state.get("principal")
        fields = {
            "request_id": state["request_id"],
            "method": method if method.isalpha() and len(method) <= 10 else "",
            "route": route,
            "status": status,
            "ms": round(seconds * 1000, 1),
            "user": who.id if isinstance(who, Principal) else "",
            "key": who.key if isinstance(who, Principal) else "",
            "problem": problem,
        }
        log.info("request", extra={"fields": fields})


def request_id_of(given: str) -> str:
    """The caller's id where it can be taken over, else a new one."""
    return given if GIVEN.fullmatch(given) else uuid.uuid4().hex
