"""gzip for what is the same for everyone: which requests take it, and the bytes.

Only bytes that hold nothing a guess could be checked against are compressed (BREACH, Gluck, Harris, Prado
2013: the length of a compressed reply tells whether text of an attacker repeats a secret beside it).
"""

import gzip
import re
from collections.abc import Mapping

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

SMALLEST = 1024  # bytes; below that a reply fits one packet either way
LEVEL = 9  # for what is compressed once; the time is spent by the first reader
LEVEL_EACH = 6  # for what is compressed each time
SHARED = frozenset({"/openapi.json"})
"""Large JSON that is the same for everyone. Other JSON mixes what several people wrote: never compressed."""
_ITEM = re.compile(r"\s*([^\s;,]+)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?")


def takes_gzip(accept_encoding: str) -> bool:
    """Whether a request's ``Accept-Encoding`` lets gzip in (RFC 9110 section 12.5.3); "" does not.

    ``gzip;q=0`` refuses it, also beside ``*``; a weight that cannot be read counts as a refusal.
    """
    weights: dict[str, float] = {}
    for item in accept_encoding.lower().split(","):
        found = _ITEM.fullmatch(item)
        if found is None:
            continue
        try:
            weights[found[1]] = 1.0 if found[2] is None else float(found[2])
        except ValueError:
            weights[found[1]] = 0.0
    own = weights.get("gzip", weights.get("x-gzip"))
    return (weights.get("*", 0.0) if own is None else own) > 0


def gzipped(data: bytes, level: int = LEVEL_EACH) -> bytes:
    """The bytes compressed; the same bytes give the same result (no time of day is written)."""
    return gzip.compress(data, level, mtime=0)


def encoded(data: bytes, headers: Mapping[str, str]) -> tuple[bytes, dict[str, str]]:
    """A body for a request with these headers, and its ``Content-Encoding`` where it was compressed."""
    if len(data) < SMALLEST or not takes_gzip(headers.get("accept-encoding", "")):
        return data, {}
    return gzipped(data), {"Content-Encoding": "gzip"}


class SharedJson:
    """Compresses the JSON of ``SHARED``; every other reply, streams above all, passes untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._plain = app
        self._small = GZipMiddleware(app, minimum_size=SMALLEST, compresslevel=LEVEL_EACH)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        shared = scope["type"] == "http" and scope["path"] in SHARED
        await (self._small if shared else self._plain)(scope, receive, send)
