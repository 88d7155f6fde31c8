"""Whether an instance can do its work right now, and what is in the way."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.errors import DiskFull, NotReady, TouchstoneError
from app.services import Services


@dataclass(frozen=True, slots=True)
class ReadyCheck:
    """One thing that must be, or is worth knowing: ``needed`` for being ready. ``detail`` names no path."""

    name: str
    fine: bool
    detail: str
    needed: bool = True


def readiness(services: Services) -> list[ReadyCheck]:
    """Every check, quick and without changing anything: about a millisecond, half a second at most.

    The breaker of the reranker is told but not needed: while it is open the fallback judges, and answers say
    so.
    """
    return [*_loaded(services), _database(services), _disk(services), *_breaker(services)]


def _loaded(services: Services) -> Iterator[ReadyCheck]:
    state = services.state
    yield ReadyCheck("started", state.name == "ready", state.name if state.name == "failed" else state.detail)
    for name, look in (("models", lambda: services.models), ("index", lambda: services.vectors)):
        try:
            look()
        except NotReady:
            yield ReadyCheck(name, False, "loading")
        else:
            yield ReadyCheck(name, True, "loaded")


def _database(services: Services) -> ReadyCheck:
    try:
        services.database.require_writable()
    except TouchstoneError as error:
        return ReadyCheck("database", False, error.code)
    return ReadyCheck("database", True, "writable")


def _disk(services: Services) -> ReadyCheck:
    try:
        services.ingestion.service.room(0)
    except DiskFull:
        return ReadyCheck("disk", False, "less is free than jobs.disk_reserve_bytes")
    return ReadyCheck("disk", True, "above the reserve")


def _breaker(services: Services) -> Iterator[ReadyCheck]:
    try:
        status = services.models.reranker.status()
    except NotReady:
        return
    fine = status.breaker.state == "closed" and not status.trouble
    detail = "distrusted" if status.trouble else status.breaker.state
    yield ReadyCheck("reranker", fine, detail, needed=False)
