"""How many requests a minute: one person, one API key, one address. Beyond it 429 with Retry-After.

Headers: draft-ietf-httpapi-ratelimit-headers-10, ``RateLimit-Policy`` and ``RateLimit``.
"""

import math
import time
from collections.abc import Callable
from typing import Literal, get_args

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.principal import Principal
from app.api.permitted import rule_of
from app.api.route import template
from app.api.token_bucket import Buckets, Standing
from app.api_settings import LimitSettings
from app.errors import RateLimited
from app.settings import Settings

Kind = Literal["chat", "search", "rerank", "embed", "upload"]
KINDS: tuple[Kind, ...] = get_args(Kind)
UPLOADS = ("/documents", "/preview")  # how the addresses end that take in files


class Limits:
    """The buckets of one server. ``clock``: monotonic seconds. A rate of 0 sets no limit."""

    def __init__(self, settings: LimitSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        rates: dict[Kind, int] = {kind: getattr(settings, kind) for kind in KINDS}
        self._callers = {kind: Buckets(rate, clock=clock) for kind, rate in rates.items() if rate}
        self._addresses = {
            kind: Buckets(math.ceil(rate * settings.address_factor), clock=clock)
            for kind, rate in rates.items()
            if rate
        }

    def admit(self, kind: Kind, caller: str, address: str) -> tuple[dict[str, str], RateLimited | None]:
        """Count one request; the headers that say where the caller stands, and the refusal, if any.

        Where the caller or his address has none left it counts for neither.
        """
        callers, addresses = self._callers.get(kind), self._addresses.get(kind)
        if callers is None or addresses is None:
            return {}, None
        own, shared = callers.look(caller), addresses.look(address)
        if own.allowed and shared.allowed:
            addresses.take(address)
            return _headers(kind, callers, callers.take(caller)), None
        where, at = (callers, own) if own.wait_s >= shared.wait_s else (addresses, shared)
        wait_s = max(1, math.ceil(at.wait_s))
        refusal = RateLimited(
            f"{where.per_minute} requests a minute for {kind} are used up (limits.{kind}); "
            f"try again in {wait_s} s",
            wait_s,
        )
        return _headers(kind, where, at), refusal


def limits_of(settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> Limits | None:
    """The limits that apply under these settings; None where none do."""
    wanted = settings.limits.apply
    applies = wanted == "always" or (wanted == "auto" and settings.access.mode == "accounts")
    return Limits(settings.limits, clock=clock) if applies else None


def kind_of(method: str, path: str) -> Kind | None:
    """What a route is counted as, by the use that its rule asks for; None where it is not counted."""
    rule = rule_of(method, path)
    use = rule.use if rule else None
    if use == "ingest":
        return "upload" if method == "POST" and path.endswith(UPLOADS) else None
    if use == "search":
        return "search"
    counted = use in ("chat", "rerank", "embed") and method == "POST"
    return use if counted else None  # type: ignore[return-value]  # narrowed by the line above


async def limited(request: Request) -> None:
    """Raise ``RateLimited`` where the caller of the route that was found has to wait."""
    limits: Limits | None = request.app.state.limits
    kind = kind_of(request.method, template(request.scope))
    if limits is None or kind is None:
        return
    found = getattr(request.state, "principal", None)
    caller = f"{found.id}:{found.key}" if isinstance(found, Principal) else ""
    address = request.client.host if request.client else ""
    request.state.limits, refusal = limits.admit(kind, caller, address)
    if refusal is not None:
        raise refusal


class LimitHeaders:
    """Says with every answer that was counted where its caller stands."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(scope.get("state", {}).get("limits") or {})
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _headers(kind: Kind, buckets: Buckets, at: Standing) -> dict[str, str]:
    return {
        "RateLimit-Policy": f'"{kind}";q={buckets.per_minute};w=60',
        "RateLimit": f'"{kind}";r={at.left};t={math.ceil(at.full_s)}',
    }
