"""``POST /api/collections/{name}/reindex``: build the index again, told as it goes on.

Closing the connection ends it, and the old index stays. ``…/reindex-documents`` reads a few documents again.
"""

import time
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from app.api.collections import Body, Entrance, Hands
from app.api.jobs import Front
from app.api.state import services
from app.api.stream import EventStream
from app.gate import Stopped, Tell
from app.jobs.views import JobView
from app.reports import FileReportView, StepView, file_report_view
from app.result import View
from app.services import Services
from ingest.pipeline import Progress

MOST_DOCUMENTS = 100  # of one request
EVERY_S = 0.1  # between two events about the same stage of a file

routes = APIRouter(prefix="/api", tags=["collections"])


class Done(View):
    """The new index is in place."""

    files: int


class Named(Body):
    """Documents of a knowledge base, by name."""

    names: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=1024)]],
        Field(min_length=1, max_length=MOST_DOCUMENTS),
    ]


class JobsMade(View):
    """The jobs that were made, in the order of the names."""

    data: tuple[JobView, ...]


@routes.post("/collections/{collection:path}/reindex-documents", status_code=202)
def reindex_documents(collection: str, body: Named, desk: Front) -> JobsMade:
    """Read the kept bytes of these documents again, with the present chunk size and parser: a job each.

    Each stays as it is until its new version is there. 404 where one is not shown, 409 where another
    embedder made the vectors: then the whole knowledge base is to be reindexed.
    """
    return JobsMade(data=desk.read_again(collection, body.names))


@routes.post(
    "/collections/{collection:path}/reindex",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def reindex(
    collection: str,
    request: Request,
    hands: Hands,
    entrance: Entrance,
    held: Annotated[Services, Depends(services)],
) -> StreamingResponse:
    """Events: queued, step, report (of each file), and last done or error."""
    hands.require(collection, "manage")
    held.writing()  # before the stream begins: problems with a status of their own

    def work(stopped: Stopped, tell: Tell[StepView | FileReportView | Done]) -> None:
        files = 0
        for report in hands.reindex(collection, _steps(tell), stopped):
            files += 1
            tell(file_report_view(report))
        tell(Done(files=files))

    visit = entrance.enter()
    return EventStream(visit.run_telling(work), visit, request, _shape)


def _steps(tell: Callable[[StepView], None]) -> Callable[[str], Progress]:
    """Progress callbacks that tell now and then."""
    told: dict[str, tuple[str, float]] = {}

    def of_file(name: str) -> Progress:
        def show(stage: str, done: int, total: int) -> None:
            last, at = told.get(name, ("", 0.0))
            now = time.monotonic()
            if stage != last or done == total or now - at >= EVERY_S:
                told[name] = (stage, now)
                tell(StepView(name=name, stage=stage, completed=done, total=total))

        return show

    return of_file


def _shape(item: StepView | FileReportView | Done) -> tuple[str, object]:
    match item:
        case StepView():
            return "step", item.model_dump()
        case FileReportView():
            return "report", item.model_dump(mode="json")
        case Done():
            return "done", item.model_dump()
