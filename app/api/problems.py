"""Errors as ``application/problem+json`` (RFC 9457), with a stable code and whether trying again may help."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from app.api.state import language_of
from app.catalogue import codes, in_language, say
from app.errors import (
    BadRequest,
    Busy,
    Conflict,
    DataDirectoryDamaged,
    DiskFull,
    Forbidden,
    InvalidParameter,
    NotFound,
    NotReady,
    NotSignedIn,
    Outdated,
    RateLimited,
    RerankFailed,
    ServerDraining,
    StillAnswering,
    StillRunning,
    Stopping,
    TooLarge,
    TooManyAttempts,
    TooManyUploads,
    TouchstoneError,
)
from app.evaluation.rows import SetUnreadable
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
    Outdated: 412,
    Conflict: 409,
    NotReady: 503,
    ServerDraining: 503,
    Stopping: 503,
    TooManyAttempts: 429,
    TooManyUploads: 429,
    RateLimited: 429,
    Busy: 503,
    TooLarge: 413,
    DiskFull: 507,
    RerankFailed: 503,
    DataDirectoryDamaged: 500,
    IndexMismatch: 409,
    RetrievalError: 503,
    IngestError: 422,
    SetUnreadable: 422,
}
RETRYABLE = (
    NotReady,
    ServerDraining,
    Stopping,
    StillAnswering,
    StillRunning,
    Busy,
    DiskFull,
    RerankFailed,
)
LOADING_RETRY_S = 2
MOST_ERRORS = 20  # of one invalid request that are told
HTTP_CODES = {404: "no_such_address", 405: "method_not_allowed", 413: "too_large"}


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
        told = str(error) if language == "en" else in_language(f"file: {error.code}", language)
        return {"code": error.code, "message": told, "retryable": False}
    log.error("unexpected error while answering", exc_info=error)
    return {"code": "internal", "message": say(Notice.of("error_internal"), language), "retryable": True}


def _sentence(code: str, error: Exception, request: Request) -> str:
    language = language_of(request)
    known = f"error_{code}" in codes(language)
    if known:
        return say(Notice.of(f"error_{code}", detail=error), language)
    return in_language(str(error), language)


def problem_for(request: Request, error: Exception) -> JSONResponse:
    """The problem that any error is answered with, wherever it was raised."""
    match error:
        case RequestValidationError():
            return _invalid(request, error)
        case HTTPException():
            return _http(request, error)
    said = in_words(error)
    return _known(request, said) if isinstance(said, tuple(STATUS)) else _unexpected(request, error)


def status_of(error: Exception) -> int:
    """The status an error is answered with, 500 for one that nobody was prepared for."""
    said = in_words(error)
    return next((number for kind, number in STATUS.items() if isinstance(said, kind)), 500)


def _known(request: Request, error: Exception) -> JSONResponse:
    told = describe(error, request)
    headers = {}
    if isinstance(error, Busy):
        headers["Retry-After"] = str(error.retry_after_s)
    elif isinstance(error, NotReady):
        headers["Retry-After"] = str(LOADING_RETRY_S)
    elif isinstance(error, NotSignedIn):
        headers["WWW-Authenticate"] = 'Bearer realm="Touchstone"'  # RFC 9110 section 11.6.1
    language = language_of(request)
    param = [(error.param, in_language(str(error), language))] if isinstance(error, InvalidParameter) else []
    if isinstance(error, SetUnreadable):
        param = [(f"line {line}", in_language(what, language)) for line, what in error.lines]
    code, detail = str(told["code"]), str(told["message"])
    return _problem(request, status_of(error), code, detail, bool(told["retryable"]), headers, param)


def _storage(request: Request, error: Exception) -> JSONResponse:
    """An error of the database that nobody was prepared for: locked, full, damaged, or a bug."""
    return problem_for(request, error)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    language = language_of(request)
    errors = error.errors()[:MOST_ERRORS]
    found = [(_place(each["loc"]), in_language(str(each["msg"]), language)) for each in errors]
    where, what = found[0]
    detail = f"{where}: {what}" if where else what
    return _problem(request, 422, "invalid", detail, retryable=False, errors=found)


def _place(loc: Sequence[object]) -> str:
    """Where in the request, without the part of it (body, query): ``messages.0.content``."""
    return ".".join(str(part) for part in loc[1:])


def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    code = HTTP_CODES.get(error.status_code, "http")
    known = code != "http" and error.detail == HTTPStatus(error.status_code).phrase
    detail = say(Notice.of(f"error_{code}"), language_of(request)) if known else str(error.detail)
    return _problem(request, error.status_code, code, detail, retryable=False, headers=error.headers)


def _unexpected(request: Request, error: Exception) -> JSONResponse:
    told = describe(error, request)
    return _problem(request, 500, "internal", str(told["message"]), retryable=True)


def _problem(
    request: Request,
    status: int,
    code: str,
    detail: str,
    retryable: bool,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[tuple[str, str]] = (),
) -> JSONResponse:
    body: dict[str, object] = {
        "type": f"urn:touchstone:{code}",
        "title": code.replace("_", " "),
        "status": status,
        "detail": _whole(detail),
        "code": code,
        "retryable": retryable,
        "request_id": getattr(request.state, "request_id", ""),
    }
    if errors:
        body["errors"] = [{"loc": _whole(where), "msg": _whole(what)} for where, what in errors]
    request.state.problem = code
    return JSONResponse(body, status, dict(headers or {}), media_type="application/problem+json")


def _whole(text: str) -> str:
    """Text that UTF-8 can hold: a name of the caller's may have half a pair of surrogates."""
    return text.encode("utf-8", "replace").decode()
