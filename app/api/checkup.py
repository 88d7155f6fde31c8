"""``POST /api/checkup``: what ``touchstone doctor`` checks, of a server that runs."""

from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Request

from app.api.single import only
from app.api.state import rerank_gate, services
from app.checks import Check, Checkup, CheckView, disk, inside
from app.errors import NotReady
from app.gate import Gate, Stopped
from app.services import Services

routes = APIRouter(prefix="/api", tags=["checkup"])


@routes.post("/checkup")
async def checkup(
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(rerank_gate)],
) -> Checkup:
    """Check disk, database, index and models. Changes nothing; takes a place at the reranker's gate."""

    def work(_: Stopped) -> Iterator[list[Check]]:
        found = [disk(held.settings)]
        try:
            found += inside(held)
        except NotReady as error:
            found.append((False, str(error)))
        yield found

    found = await only(entrance.enter(), work, request)
    return Checkup(data=tuple(CheckView(fine=fine, sentence=sentence) for fine, sentence in found))
