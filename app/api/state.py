"""What routes depend on: the one ``Services`` of this server and its gates."""

from fastapi import Request

from app.gate import Gate
from app.language import LANGUAGE_COOKIE, negotiate
from app.services import Services
from retrieval.types import Language


def services(request: Request) -> Services:
    """The services of the application that serves this request."""
    found: Services = request.app.state.services
    return found


def language_of(request: Request) -> Language:
    """The language to say things in: the reader's choice, else the browser's."""
    return negotiate(None, request.cookies.get(LANGUAGE_COOKIE), request.headers.get("accept-language"))


def gate(request: Request) -> Gate:
    """The gate of questions."""
    found: Gate = request.app.state.gate
    return found


def rerank_gate(request: Request) -> Gate:
    """The gate of whoever uses the reranker alone."""
    found: Gate = request.app.state.rerank_gate
    return found


def embed_gate(request: Request) -> Gate:
    """The gate of whoever uses the embedder alone."""
    found: Gate = request.app.state.embed_gate
    return found


def gates(request: Request) -> tuple[Gate, ...]:
    """Every gate of this server."""
    found: tuple[Gate, ...] = request.app.state.gates
    return found


def preview_gate(request: Request) -> Gate:
    """The gate of what reads files without keeping them."""
    found: Gate = request.app.state.preview_gate
    return found


def writing_gate(request: Request) -> Gate:
    """The gate of what changes the knowledge bases and takes its time."""
    found: Gate = request.app.state.writing_gate
    return found
