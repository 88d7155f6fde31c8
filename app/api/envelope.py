"""Errors as the programs of each address read them, wherever they were raised.

Below ``/v1`` they have OpenAI's shape, ``{"error": {message, type, param, code}}``, which its clients turn
into their exceptions, and its statuses (400 for input that cannot be used). The rerank routes keep RFC 9457:
Jina's programs look for ``detail``, Cohere's show the body as it is. Source of shape, types and the header
``x-should-retry``: the openai Python package, version 3.
"""

import json
from collections.abc import Mapping

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem_for

PROBLEM = "application/problem+json"
RERANKING = frozenset({"/v1/rerank", "/v1/score"})
KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    429: "rate_limit_error",
}


class Envelope:
    """Answers whatever nobody answered, and puts problems into the shape of the address."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        out = _Reshaping(send) if speaks_openai(scope["path"]) else send
        started = False

        async def watching(message: Message) -> None:
            nonlocal started
            started = True
            await out(message)

        try:
            await self._app(scope, receive, watching)
        except Exception as error:
            if started:  # half an answer is out: the connection must break, so that nobody takes it for whole
                raise
            await problem_for(Request(scope), error)(scope, receive, out)


def speaks_openai(path: str) -> bool:
    """Whether an address answers in the shape of OpenAI's API."""
    return path.startswith("/v1/") and path not in RERANKING


def openai_status(status: int) -> int:
    """OpenAI's status for one of ours."""
    return 400 if status == 422 else status


def openai_error(problem: Mapping[str, object], status: int) -> dict[str, object]:
    """A problem's members (or those of ``describe``) as OpenAI's error. ``status`` is ours."""
    errors = problem.get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    kind = "server_error" if status >= 500 else KINDS.get(status, "invalid_request_error")
    message = problem.get("detail") or problem.get("message") or ""
    return {
        "error": {
            "message": message,
            "type": kind,
            "param": first.get("loc") or None,
            "code": problem.get("code"),
        }
    }


class _Reshaping:
    """Sends everything on as it comes, except for problems."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._start: Message | None = None
        self._body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            kind = MutableHeaders(scope=message).get("content-type", "")
            if kind.startswith(PROBLEM):
                self._start = message
                return
        if self._start is None:
            await self._send(message)
            return
        self._body += message.get("body", b"")
        if not message.get("more_body"):
            await self._finish(self._start)

    async def _finish(self, start: Message) -> None:
        problem, status = json.loads(self._body), start["status"]
        body = json.dumps(openai_error(problem, status), ensure_ascii=False).encode()
        headers = MutableHeaders(scope=start)
        headers["content-type"] = "application/json"
        headers["content-length"] = str(len(body))
        headers["x-should-retry"] = "true" if problem.get("retryable") else "false"
        await self._send({**start, "status": openai_status(status)})
        await self._send({"type": "http.response.body", "body": body})
