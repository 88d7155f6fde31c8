"""``/healthz``: the process lives. ``/readyz``: questions can be asked and files taken in."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from app.api.state import services
from app.readiness import readiness
from app.result import View
from app.services import Services

routes = APIRouter(tags=["health"])


class AliveView(View):
    """The process answers."""

    status: str


class CheckView(View):
    """One check; where ``needed``, a failing one makes the instance not ready."""

    name: str
    ok: bool
    needed: bool
    detail: str


class ReadyView(View):
    """``status``: ready, loading, failed, or unavailable where something else is in the way.

    ``detail`` says what starting waits for, or names the checks that fail.
    """

    status: str
    detail: str
    checks: tuple[CheckView, ...]


@routes.get("/healthz")
def healthz() -> AliveView:
    """200 as long as the process answers; depends on nothing else."""
    return AliveView(status="ok")


@routes.get("/readyz", response_model=ReadyView, responses={503: {"model": ReadyView}})
def readyz(request: Request, held: Annotated[Services, Depends(services)]) -> JSONResponse:
    """200 when questions can be asked and files taken in, else 503; every check with what it found.

    Why starting failed may name folders: where people sign in, the server's log says it, not this.
    """
    checks = readiness(held)
    failing = [each.name for each in checks if each.needed and not each.fine]
    state = held.state.name
    told = ReadyView(
        status=("unavailable" if state == "ready" else state) if failing else "ready",
        detail=_waits_for(held, known=request.state.principal is not None) or ", ".join(failing),
        checks=tuple(
            CheckView(name=each.name, ok=each.fine, needed=each.needed, detail=each.detail)
            for each in checks
        ),
    )
    return JSONResponse(told.model_dump(mode="json"), 503 if failing else 200)


def _waits_for(held: Services, *, known: bool) -> str:
    """What starting waits for or why it failed; "" where it is done."""
    if held.state.name == "ready":
        return ""
    return held.state.detail if known or held.state.name != "failed" else "see the log of the server"
