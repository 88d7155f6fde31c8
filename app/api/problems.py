"""Errors as ``application/problem+json`` (RFC 9457), with a stable code and whether trying again may help."""

import logging
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.state import language_of
from app.catalogue import codes, say
from app.errors import (
    BadRequest,
    Busy,
    Conflict,
    DataDirectoryDamaged,
    DiskFull,
    Forbidden,
    NotFound,
    NotReady,
    NotSignedIn,
    RerankFailed,
    Stopping,
    TooLarge,
    TooManyUploads,
    TouchstoneError,
)
from app.storage.database import StorageError, in_words
from ingest.errors import IngestError
from retrieval.errors import IndexMismatch, ModelUnavailable, RetrievalError
from retrieval.types import Notice

log = logging.getLogger(__name__)
STATUS: dict[type[Exception], int] = {
    BadRequest: 422,
    NotSignedIn: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    NotReady: 503,
    Stopping: 503,
    TooManyUploads: 429,
    Busy: 503,
    TooLarge: 413,
    DiskFull: 507,
    RerankFailed: 503,
    DataDirectoryDamaged: 500,
    IndexMismatch: 409,
    RetrievalError: 503,
    IngestError: 422,
}
RETRYABLE = (NotReady, Stopping, Busy, DiskFull, RerankFailed)
LOADING_RETRY_S = 2


def install(app: FastAPI) -> None:
    """Turn every error of a route into a problem; nothing internal is ever told."""
    for kind in STATUS:
        app.add_exception_handler(kind, _known)
    app.add_exception_handler(StorageError, _storage)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)


def describe(error: Exception, request: Request) -> dict[str, object]:
    """The members code, message and retryable of an error, in the reader's language if possible."""
    language, error = language_of(request), in_words(error)
    if isinstance(error, (TouchstoneError, IndexMismatch)):
        code = error.code if isinstance(error, TouchstoneError) else "index_mismatch"
        return {
            "code": code,
            "message": _sentence(code, error, request),
            "retryable": isinstance(error, RETRYABLE),
        }
    if isinstance(error, RetrievalError):
        code = "embedder_unavailable" if isinstance(error, ModelUnavailable) else "index_unavailable"
        return {"code": code, "message": _sentence(code, error, request), "retryable": True}
    if isinstance(error, IngestError):
        return {"code": error.code, "message": str(error), "retryable": False}
    log.error("unexpected error while answering", exc_info=error)
    return {"code": "internal", "message": say(Notice.of("error_internal"), language), "retryable": True}


def _sentence(code: str, error: Exception, request: Request) -> str:
    language = language_of(request)
    known = f"error_{code}" in codes(language)
    return say(Notice.of(f"error_{code}", detail=error), language) if known else str(error)


def _known(request: Request, error: Exception) -> JSONResponse:
    told = describe(error, request)
    headers = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, NotReady):
        headers["Retry-After"] = str(LOADING_RETRY_S)
    status = next(number for kind, number in STATUS.items() if isinstance(error, kind))
    return _problem(status, str(told["code"]), str(told["message"]), bool(told["retryable"]), headers)


def _storage(request: Request, error: Exception) -> JSONResponse:
    """An error of the database that nobody was prepared for: locked, full, damaged, or a bug."""
    said = in_words(error)
    return _known(request, said) if isinstance(said, tuple(STATUS)) else _unexpected(request, error)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _problem(422, "invalid", f"{where}: {first['msg']}", retryable=False)


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    return _problem(error.status_code, "http", str(error.detail), retryable=False, headers=error.headers)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    told = describe(error, request)
    return _problem(500, "internal", str(told["message"]), retryable=True)


def _problem(
    status: int, code: str, detail: str, retryable: bool, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = {
        "type": f"urn:touchstone:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": detail.encode("utf-8", "replace").decode(),  # a name of the caller's may hold half a pair
        "code": code,
        "retryable": retryable,
    }
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")
