"""``/healthz``: the process lives. ``/readyz``: questions can be asked."""

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api.state import services
from app.services import Services

routes = APIRouter(tags=["health"])


@routes.get("/healthz")
def healthz() -> dict[str, str]:
    """200 as long as the process answers; depends on nothing else."""
    return {"status": "ok"}


@routes.get("/readyz")
def readyz(held: Annotated[Services, Depends(services)]) -> JSONResponse:
    """200 when questions can be asked, 503 with the reason while they cannot."""
    ready = held.state.name == "ready"
    return JSONResponse({"status": held.state.name, "detail": held.state.detail}, 200 if ready else 503)
