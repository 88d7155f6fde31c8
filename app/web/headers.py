"""The wall around every response: what a page may load, and who may send a request here.

Both middlewares are plain ASGI: they pass messages on one by one, so a streamed answer is never held back.
"""

import ipaddress
import json
import secrets
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.channel import SESSION_COOKIES, cookies, names, split

# Scripts run only from this server or with the page's nonce; strings become DOM only through DOMPurify's
# Trusted Types policy, and a worker only through the one that takes a single address (pdf_page.js).
# The set was proven in Chromium with every library the pages use.
PAGE_POLICY = "; ".join((
    "default-src 'none'",
    "script-src 'self' 'nonce-{nonce}'",
    "style-src 'self'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types dompurify pdfworker",
))
DATA_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"
PERMISSIONS = ", ".join(f"{feature}=()" for feature in (
    "accelerometer", "browsing-topics", "camera", "display-capture", "geolocation", "gyroscope",
    "magnetometer", "microphone", "midi", "payment", "usb"))
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS,
    "Cache-Control": "no-store",
}
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SecurityHeaders:
    """Adds the security headers; a header the response already carries is kept.

    HTML gets the page policy with a fresh nonce, found in ``request.state.csp_nonce``; everything else may
    load nothing and runs nowhere. What does not say otherwise is stored nowhere: it was for whoever asked.
    HTTPS responses carry HSTS for a year.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = secrets.token_urlsafe(18)
        scope.setdefault("state", {})["csp_nonce"] = nonce

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                html = headers.get("content-type", "").startswith("text/html")
                headers.setdefault("Content-Security-Policy",
                                   PAGE_POLICY.format(nonce=nonce) if html else DATA_POLICY)
                for name, value in EVERYWHERE.items():
                    headers.setdefault(name, value)
                if scope.get("scheme") == "https":
                    headers.setdefault("Strict-Transport-Security", "max-age=31536000")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class SameOrigin:
    """Refuses requests another website made the browser send, and names this server does not go by.

    ``hosts`` are the names (without port) under which the server may be addressed; ``"*"`` allows any.
    Addresses given as numbers are always allowed: DNS rebinding, which this closes, needs a name. An unknown
    name gets 421.

    A request that may change something needs ``Sec-Fetch-Site: same-origin`` or ``none``; where that header
    is missing (plain HTTP beyond this machine) its ``Origin`` must name this host; where both are missing it
    is no browser's, and is let through unless it carries cookies. ``Authorization`` exempts, for no website
    can add it, but not beside the cookie of a session: then the cookie might be what opens the door. Anything
    else gets 403. Source: OWASP CSRF Prevention Cheat Sheet, Fetch Metadata.

    ``public_origin``: what browsers show, where a proxy in front changes the Host header; "" for none.
    """

    def __init__(
        self, app: ASGIApp, *, hosts: Iterable[str] = ("localhost",), public_origin: str = ""
    ) -> None:
        self._app = app
        self._public = public_origin.lower()
        own = (*hosts, *([split(public_origin)[0]] if public_origin else []))
        self._hosts = frozenset(host.lower().rstrip(".") for host in own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] in ("http", "websocket"):
            headers = Headers(scope=scope)
            if not self._knows(headers.get("host", "")):
                await _refuse(scope, receive, send, 421, "host_not_allowed",
                              "This server does not go by that name; server.allowed_hosts adds it.")
                return
            unsafe = scope["type"] == "websocket" or scope["method"] not in SAFE_METHODS
            if unsafe and not self._own(headers):
                await _refuse(scope, receive, send, 403, "cross_site_request",
                              "The request came from another website.")
                return
        await self._app(scope, receive, send)

    def _knows(self, host: str) -> bool:
        name = split(f"//{host}")[0]
        if "*" in self._hosts or name.rstrip(".") in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _own(self, headers: Headers) -> bool:
        if "authorization" in headers and not _carries_session(headers):
            return True
        site = headers.get("sec-fetch-site")
        if site is not None:
            return site in ("same-origin", "none")
        origin = headers.get("origin")
        if origin is None:
            return "cookie" not in headers
        # The scheme is taken from the Origin: behind a proxy that ends TLS, ours says http.
        return names(origin, headers.get("host", "")) or (bool(self._public) and origin == self._public)


def _carries_session(headers: Headers) -> bool:
    return any(cookies(headers.getlist("cookie"), name) for name in SESSION_COOKIES)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, code: str, detail: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008})
        return
    body = json.dumps({"type": "about:blank", "title": "Request refused", "status": status, "detail": detail,
                       "code": code, "retryable": False}).encode()
    await send({"type": "http.response.start", "status": status, "headers": [
        (b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})
