"""What routes depend on: the one ``Services`` and the one ``Gate`` of this server."""

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
    """The gate in front of the models."""
    found: Gate = request.app.state.gate
    return found
