"""Who makes a request: the one place that reads credentials, before any byte of a body is read.

In accounts mode a request shows at most one credential: an API key (or the operator's token), as
``Authorization: Bearer`` or as ``x-api-key``, or the cookie of a session. Two different ones are refused, not
ranked, so that no check can look at one of them while another opens the door. In single mode everyone who
reaches the server is the person at this machine and nothing is read: local programs send made-up keys, for
they must send one.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import compare_digest
from urllib.parse import quote

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.access.channel import Channel, cookies
from app.access.principal import LOCAL, Principal
from app.api.permitted import is_open
from app.api.problems import problem_for
from app.errors import NotSignedIn, SessionRevoked, TouchstoneError
from app.storage.database import StorageError

KEYS_ONLY = ("v1", "v2", "rerank", "score")
"""Where addresses for programs begin: no cookie opens these, so no website can through somebody's browser."""

Lookup = Callable[[str], Principal | None]
"""Whose secret it is; None for nobody's. May block, and raise what the database raises."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The one credential of a request; the other, or both, are ""."""

    key: str = field(default="", repr=False)
    session: str = field(default="", repr=False)


class Credentials:
    """Puts into ``request.state`` the ``principal`` (None for nobody), ``channel`` and ``renew``.

    ``renew()`` finds the principal of the same credential anew, in whatever role he has by then, None for one
    that is not valid; it may block. Who shows no valid credential gets no further than what is open to
    everyone: 401 for every other address, whether there is anything or not, and for a page that a browser
    opens 303 to the sign-in.

    ``lookups``: None for single mode, else those of keys and of sessions. ``channel`` tells what a request
    came over. ``recheck_s``: how often what goes on for long asks again, see ``Recheck``.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        lookups: tuple[Lookup, Lookup] | None,
        channel: Callable[[Scope], Channel],
        recheck_s: float = 10.0,
    ) -> None:
        self._app = app
        self._recheck_s = recheck_s
        self._lookups = lookups
        self._channel = channel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["channel"] = came_over = self._channel(scope)
        state["recheck_s"] = self._recheck_s
        if self._lookups is None:
            state["principal"], state["renew"] = LOCAL, lambda: LOCAL
            await self._app(scope, receive, send)
            return
        headers, lookups = Headers(scope=scope), self._lookups

        def find() -> Principal | None:
            return _found(shown(headers, came_over, scope["path"]), lookups)

        def renew() -> Principal | None:
            with suppress(NotSignedIn):
                return find()
            return None

        state["principal"], state["renew"] = None, renew
        if not is_open(scope.get("method", ""), scope["path"]):
            try:
                state["principal"] = await run_in_threadpool(find)
                if state["principal"] is None:
                    raise NotSignedIn("nobody has signed in; sign in, or send an API key")
            except (TouchstoneError, StorageError) as error:
                await _refuse(scope, receive, send, error)
                return
        await self._app(scope, receive, send)


def shown(headers: Headers, came_over: Channel, path: str) -> Shown:
    """The credential of a request. Raises ``NotSignedIn`` for several, and for a kind that is not known."""
    found = {Shown(key=value.strip()) for value in headers.getlist("x-api-key")}
    for value in headers.getlist("authorization"):
        scheme, _, secret = value.strip().partition(" ")
        if scheme.lower() != "bearer" or not secret.strip():
            raise NotSignedIn("the Authorization header must be `Bearer` and an API key")
        found.add(Shown(key=secret.strip()))
    if came_over.cookie and path.strip("/").partition("/")[0] not in KEYS_ONLY:
        values = cookies(headers.getlist("cookie"), came_over.cookie)
        found |= {Shown(session=value) for value in values if value}
    if len(found) > 1:
        raise NotSignedIn("the request carries several credentials that differ; send one")
    return found.pop() if found else Shown()


def operator_or(keys: Lookup, token: str) -> Lookup:
    """API keys, and the token that the command line of this machine reads from the data directory."""

    def lookup(secret: str) -> Principal | None:
        return LOCAL if compare_digest(secret.encode(), token.encode()) else keys(secret)

    return lookup


class Recheck:
    """Whether whoever began a request may still do all that he might then; asked anew every ``every_s``."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._before: Principal | None = getattr(request.state, "principal", None)
        self.every_s: float = getattr(request.state, "recheck_s", 10.0)
        self._asked = time.monotonic()

    async def check(self) -> None:
        """Raise ``SessionRevoked`` where he may do less by now."""
        if self._before is None or time.monotonic() - self._asked < self.every_s:
            return
        now = await run_in_threadpool(self._request.state.renew)
        if now is None or not now.covers(self._before):
            raise SessionRevoked("you have been signed out, or may do less than before; sign in, try again")
        self._asked = time.monotonic()


def _found(one: Shown, lookups: tuple[Lookup, Lookup]) -> Principal | None:
    by_key, by_session = lookups
    if one.key:
        found = by_key(one.key)
        if found is None:
            raise NotSignedIn("the API key is not valid: it is wrong, has expired or was revoked")
        return found
    return by_session(one.session) if one.session else None


async def _refuse(scope: Scope, receive: Receive, send: Send, error: Exception) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    request = Request(scope)
    response: Response = problem_for(request, error)
    navigates = request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", "")
    if navigates and isinstance(error, NotSignedIn):
        wanted = f"{request.url.path}?{request.url.query}".rstrip("?")
        response = RedirectResponse(f"/login?next={quote(wanted, safe='')}", status_code=303)
    response.headers["Cache-Control"] = "no-store"
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        response.headers["Connection"] = "close"  # the body is not read
    await response(scope, receive, send)
