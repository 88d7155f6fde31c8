"""``Idempotency-Key``: a request that is sent again because its answer was lost does its work once.

Source: draft-ietf-httpapi-idempotency-key-header-06. A key belongs to whoever sent it, and to the API key he
sent it with, for 24 hours. The same request gets the answer of the first, with ``Idempotent-Replayed: true``;
another one with this key 422; while the first runs, 409. A request that was refused, failed or was broken off
frees its key: it made nothing. The body is hashed as it streams past, so a file needs no second look.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.access.principal import Principal
from app.errors import InvalidParameter, KeyReused, StillRunning, TooLarge, TouchstoneError
from app.storage.database import StorageError
from app.storage.idempotency import Answered, IdempotencyKeys

HEADER = "Idempotency-Key"
KEY = re.compile(r'"?([\x21\x23-\x7e]{1,255})"?')  # an item of a structured field (RFC 9651), or a bare word
MOST_KEPT = 64_000  # bytes of an answer; those of these routes have some hundred
KEPT_HEADERS = ("location", "etag")
REPLAYED = (b"idempotent-replayed", b"true")

ROUTES = (
    "/api/collections",
    "/api/collections/{collection}/documents",
    "/api/collections/{collection}/reindex-documents",
    "/api/collections/{collection}/instructions",
    "/api/conversations",
    "/api/conversations/{conversation_id}/messages",
    "/api/messages/{message_id}/regenerate",
    "/api/golden",
    "/api/golden/{set_id}/cases",
    "/api/collections/{collection}/evaluations",
    "/api/assistants",
    "/api/assistants/{assistant_id}/snippets",
    "/api/keys",
)
"""Where a POST makes something. No body of these holds a secret, for a digest of it is kept."""
SECRETS = {"/api/keys": "secret"}
"""Members of answers that are never written down: the answer that is replayed has "" there."""

log = logging.getLogger(__name__)


class Idempotency:
    """Honours the header for ``POST`` at ``ROUTES``; whatever else comes passes as it is.

    ``body_limits``: the largest body by route, for the rest ``body_limit``, in bytes.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        keys: IdempotencyKeys,
        body_limit: int,
        body_limits: Mapping[str, int],
    ) -> None:
        self._app = app
        self._keys = keys
        self._routes = [(re.compile(_pattern(each)), body_limits.get(each, body_limit)) for each in ROUTES]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        given = Headers(scope=scope).get(HEADER) if scope["type"] == "http" else None
        limit = self._limit(scope) if given is not None else None
        who = scope.get("state", {}).get("principal")
        if given is None or limit is None or not isinstance(who, Principal):
            await self._app(scope, receive, send)
            return
        owner, key = f"{who.id}:{who.key}", _checked(given)
        body = _Hashed(receive, limit)
        begun = await run_in_threadpool(self._keys.begin, owner, key)
        if begun is False:
            raise StillRunning("the first request with this Idempotency-Key has not ended; ask again shortly")
        if isinstance(begun, Answered):
            await body.rest()
            if body.fingerprint(scope) != begun.fingerprint:
                raise KeyReused("this Idempotency-Key was sent with another request; take a new one")
            await _replay(begun, send)
            return
        answer = _Kept(send)
        try:
            await self._app(scope, body, answer)
            await self._finish(owner, key, scope, body, answer)
        finally:
            if not answer.kept:
                await run_in_threadpool(self._keys.forget, owner, key)
            await answer.flush()

    async def _finish(self, owner: str, key: str, scope: Scope, body: "_Hashed", answer: "_Kept") -> None:
        """Keep a whole answer that says something was made, before it is sent."""
        if not answer.worth_keeping:
            return
        try:
            await body.rest()
            kept = _without_secret(scope["path"], answer.body)
            answered = Answered(body.fingerprint(scope), answer.status, answer.headers, kept)
            await run_in_threadpool(self._keys.finish, owner, key, answered)
        except (TouchstoneError, StorageError) as error:  # the work is done; that alone must be said
            log.warning("an answer could not be kept for its Idempotency-Key: %s", type(error).__name__)
            return
        answer.kept = True

    def _limit(self, scope: Scope) -> int | None:
        if scope["method"] != "POST":
            return None
        return next((limit for route, limit in self._routes if route.fullmatch(scope["path"])), None)


class _Hashed:
    """The body of a request, hashed as it is read."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._digest = hashlib.sha256()
        self._size_bytes = 0
        self._ended = False

    async def __call__(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            piece: bytes = message.get("body", b"")
            self._digest.update(piece)
            self._size_bytes += len(piece)
            self._ended = not message.get("more_body", False)
        elif message["type"] == "http.disconnect":
            self._ended = True
        return message

    async def rest(self) -> None:
        """Read what nobody has read. Raises ``TooLarge`` beyond the limit of the route."""
        while not self._ended:
            await self()
            if self._size_bytes > self._limit:
                raise TooLarge(f"the body has more than {self._limit} bytes")

    def fingerprint(self, scope: Scope) -> str:
        """A digest of method, address with query, and body."""
        address = b"\0".join((scope["method"].encode(), scope["path"].encode(), scope["query_string"]))
        return hashlib.sha256(address + b"\0" + self._digest.digest()).hexdigest()


class _Kept:
    """Holds a small JSON answer of success back until it is kept; everything else goes out as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[Message] = []
        self._holding = False
        self._whole = False
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.kept = False

    @property
    def worth_keeping(self) -> bool:
        """Whether a whole answer of success was held."""
        return self._holding and self._whole

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = Headers(raw=message["headers"])
            self.status = message["status"]
            self.headers = {name: headers[name] for name in KEPT_HEADERS if name in headers}
            is_json = headers.get("content-type", "").startswith("application/json")
            self._holding = is_json and 200 <= self.status < 300
        elif self._holding:
            self.body += message.get("body", b"")
            self._whole = not message.get("more_body", False)
        if not self._holding:
            await self._send(message)
            return
        self._held.append(message)
        if len(self.body) > MOST_KEPT:
            self._holding = False
            await self.flush()

    async def flush(self) -> None:
        """Send what was held."""
        held, self._held = self._held, []
        for message in held:
            await self._send(message)


async def _replay(answered: Answered, send: Send) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answered.body)).encode()),
        REPLAYED,
    ]
    headers += [(name.encode(), value.encode("latin-1")) for name, value in answered.headers.items()]
    await send({"type": "http.response.start", "status": answered.status, "headers": headers})
    await send({"type": "http.response.body", "body": answered.body})


def _without_secret(path: str, body: bytes) -> bytes:
    name = SECRETS.get(path)
    return body if name is None else json.dumps({**json.loads(body), name: ""}).encode()


def _checked(given: str) -> str:
    found = KEY.fullmatch(given.strip())
    if found is None:
        raise InvalidParameter(
            HEADER, f"{HEADER} must be 1 to 255 printable ASCII characters without spaces; a UUID is best"
        )
    return found[1]


def _pattern(route: str) -> str:
    """A route as a regular expression; names of collections may hold slashes."""
    parts = re.split(r"(\{\w+\})", route)
    return "".join(".+" if part.startswith("{") else re.escape(part) for part in parts)
