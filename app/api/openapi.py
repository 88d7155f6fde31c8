"""The OpenAPI document: what each route does, needs and answers when it cannot.

FastAPI writes down routes and their shapes. Here is added what all have in common: errors as they are sent,
ways to sign in, the role and the use that ``RULES`` asks for, Idempotency-Key.
"""

from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI

from app.access.rules import Rule
from app.api.envelope import speaks_openai
from app.api.idempotency import HEADER, ROUTES
from app.api.permitted import rule_of

Node = dict[str, Any]  # of a JSON document whose shape the OpenAPI specification fixes
METHODS = ("get", "post", "put", "patch", "delete")
NEEDS = "x-touchstone-needs"

ABOUT = (
    "Errors are application/problem+json (RFC 9457) with a stable `code` and `retryable`; below /v1 they "
    "have OpenAI's shape. Every answer carries X-Request-ID. Too many requests at once get 429 or 503 with "
    "Retry-After. A name of a knowledge base in an address may hold slashes."
)
TAGS = {
    "openai": "OpenAI's API: chat completions, embeddings, models.",
    "rerank": "Reranking and scoring in the shapes of Jina, Cohere, vLLM and TEI.",
    "playground": "Candidates that somebody typed in, judged.",
    "ask": "A question as a stream of events.",
    "search": "Retrieval alone, with every score.",
    "conversations": "Conversations and their messages.",
    "assistants": "Named ways of asking, and the answers that were approved for them.",
    "collections": "Knowledge bases, their documents and settings.",
    "documents": "Files that are taken in.",
    "jobs": "What is being ingested.",
    "gaps": "Questions answered badly or not at all, for those who can close them.",
    "golden": "Questions with the words of documents that answer them.",
    "evaluation": "Golden sets asked down the path of chat, measured and compared.",
    "trash": "What was deleted or replaced and can come back.",
    "answers": "Answers that were given, and which of their quotes still stand.",
    "messages": "Answers of conversations: their events, stopping, other variants.",
    "feedback": "What people think of answers.",
    "session": "Signing in and out.",
    "users": "People with accounts.",
    "groups": "Groups of people.",
    "grants": "Who may do what with a knowledge base.",
    "keys": "API keys of programs.",
    "audit": "What was done, by whom.",
    "checkup": "Whether everything works, as `touchstone doctor` finds it.",
    "care": "Repair, indexes, backups.",
    "reading": "What the pages read.",
    "health": "Whether the server lives and is ready.",
    "operation": "What the server counts.",
}
ERRORS = {
    "401": "nobody has signed in",
    "403": "may not do this",
    "404": "not there, or not visible",
    "409": "does not fit what is there",
    "413": "the body is too large",
    "422": "input that cannot be used",
    "429": "too many requests; see Retry-After",
    "503": "not ready, or every place is taken; see Retry-After",
}
NOT_WHERE_OPEN = ("401", "403")
SIGNS_IN = ("POST", "/api/session")
PROBLEM: Node = {
    "title": "Problem",
    "type": "object",
    "required": ["type", "title", "status", "detail", "code", "retryable"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "in the reader's language"},
        "code": {"type": "string", "description": "stable, for programs"},
        "retryable": {"type": "boolean", "description": "whether the same request may succeed later"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["loc", "msg"],
                "properties": {"loc": {"type": "string"}, "msg": {"type": "string"}},
            },
        },
    },
}
OPENAI_ERROR: Node = {
    "title": "OpenAIError",
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
SESSION = "session"
SECURITY: Node = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API key"},
    "key": {"type": "apiKey", "in": "header", "name": "x-api-key"},
    SESSION: {
        "type": "apiKey",
        "in": "cookie",
        "name": "__Host-sid",
        "description": "of somebody who has signed in; never for /v1",
    },
}
KEY_HEADER: Node = {
    "name": HEADER,
    "in": "header",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 257},
    "description": "the same request sent again with it within 24 hours gets the answer of the first",
}


def describe_api(app: FastAPI, *, accounts: bool) -> None:
    """Let the application describe itself with all of this. ``accounts``: credentials are asked for."""
    app.version = version("touchstone-kb")
    app.description = ABOUT
    plain = app.openapi

    def openapi() -> Node:
        document = plain()
        components = document.setdefault("components", {})
        if "securitySchemes" not in components:  # made anew, as after a route was added
            used = {tag for _, _, operation in _operations(document) for tag in operation.get("tags", ())}
            document["tags"] = [{"name": tag, "description": TAGS.get(tag, "")} for tag in sorted(used)]
            components["securitySchemes"] = SECURITY if accounts else {}
            components.setdefault("schemas", {}).update(Problem=PROBLEM, OpenAIError=OPENAI_ERROR)
            for method, path, operation in _operations(document):
                _complete(method, path, operation, accounts)
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # the way FastAPI's documentation names


def _operations(document: Node) -> Iterator[tuple[str, str, Node]]:
    for path, item in document.get("paths", {}).items():
        for method in METHODS:
            if method in item:
                yield method.upper(), path, item[method]


def _complete(method: str, path: str, operation: Node, accounts: bool) -> None:
    rule = rule_of(method, path) or Rule()
    operation[NEEDS] = asdict(rule)
    openai = speaks_openai(path)
    ways = [name for name in SECURITY if accounts and not (rule.open or (openai and name == SESSION))]
    operation["security"] = [{name: []} for name in ways]
    kind = "application/json" if openai else "application/problem+json"
    schema = {"$ref": f"#/components/schemas/{'OpenAIError' if openai else 'Problem'}"}
    responses = operation.setdefault("responses", {})
    responses.pop("422", None)  # FastAPI's own shape, which is not sent
    for status, about in ERRORS.items():
        if rule.open and status in NOT_WHERE_OPEN and (method, path) != SIGNS_IN:
            continue
        shown = "400" if openai and status == "422" else status
        responses.setdefault(shown, {"description": about, "content": {kind: {"schema": schema}}})
    if method == "POST" and path in ROUTES:
        operation.setdefault("parameters", []).append(KEY_HEADER)
