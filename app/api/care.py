"""``POST /api/doctor``, ``/api/index/rebuild``, ``/api/backup``: the data of a server that runs."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from app.api.permitted import Asker
from app.api.state import services, writing_gate
from app.api.stream import EventStream
from app.care.archive import to_tar
from app.care.care import Care
from app.care.findings import Diagnosis
from app.gate import Gate, Stopped, Tell, Visit
from app.result import View
from app.services import Services

routes = APIRouter(prefix="/api", tags=["care"])
Held = Annotated[Services, Depends(services)]
Entrance = Annotated[Gate, Depends(writing_gate)]
_EVENTS: dict[int | str, dict[str, object]] = {200: {"content": {"text/event-stream": {}}}}


class CareStep(View):
    """What is being done, how far, and out of how much."""

    doing: str
    completed: int
    total: int


class Rebuilt(View):
    """The collections whose indexes were built again."""

    collections: tuple[str, ...]


@routes.post("/doctor", response_class=StreamingResponse, responses=_EVENTS)
async def doctor(
    request: Request, held: Held, entrance: Entrance, repair: Annotated[bool, Query()] = False
) -> StreamingResponse:
    """Events: queued, step, and last diagnosis or error. Without ``repair`` nothing is changed."""
    held.writing()  # before the stream begins: problems with a status of their own

    def work(_: Stopped, tell: Tell[CareStep | Diagnosis]) -> None:
        tell(Care(held).diagnose(repair=repair, step=_steps(tell)))

    visit = entrance.enter()
    return EventStream(visit.run_telling(work), visit, request, _shape)


@routes.post("/index/rebuild", response_class=StreamingResponse, responses=_EVENTS)
async def rebuild(
    request: Request,
    held: Held,
    entrance: Entrance,
    collection: Annotated[str | None, Query(max_length=1024)] = None,
) -> StreamingResponse:
    """Events: queued, step, last rebuilt or error. Closing the connection ends it: the old index stays."""
    held.writing()
    if collection is not None:
        held.collections.named(collection)

    def work(stopped: Stopped, tell: Tell[CareStep | Rebuilt]) -> None:
        tell(Rebuilt(collections=tuple(Care(held).rebuild(collection, _steps(tell), stopped))))

    visit = entrance.enter()
    return EventStream(visit.run_telling(work), visit, request, _shape)


@routes.post(
    "/backup", response_class=StreamingResponse, responses={200: {"content": {"application/x-tar": {}}}}
)
async def backup(request: Request, held: Held, entrance: Entrance, asker: Asker) -> StreamingResponse:
    """A backup as a tar archive; ``X-Touchstone-Bytes`` says about how long it will be.

    A connection that ends before the archive does means that there is no backup.
    """

    def work(stopped: Stopped, tell: Tell[int | bytes]) -> None:
        with Care(held).backup() as archive:
            held.accounts.audit.note(asker, "backup")
            tell(archive.size_bytes)
            for piece in to_tar(archive.members):
                if stopped():
                    return
                tell(piece)

    visit = entrance.enter()
    items = visit.run_telling(work)
    try:
        size = await anext(items)  # what prevents a backup is a problem with a status of its own
    except BaseException:
        await items.aclose()
        visit.leave()
        raise
    return _Download(items, visit, int(size))


class _Download(StreamingResponse):
    """Bytes as they come; the place is freed, and the work stopped, when the reader has gone."""

    def __init__(self, items: AsyncGenerator[int | bytes], visit: Visit, size_bytes: int) -> None:
        headers = {"Cache-Control": "no-store", "X-Touchstone-Bytes": str(size_bytes)}
        super().__init__(_bytes(items), headers=headers, media_type="application/x-tar")
        self._items, self._visit = items, visit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the archive."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._items.aclose()
            self._visit.leave()


async def _bytes(items: AsyncGenerator[int | bytes]) -> AsyncIterator[bytes]:
    async for item in items:
        if isinstance(item, bytes):
            yield item


def _steps(tell: Callable[[CareStep], None]) -> Callable[[str, int, int], None]:
    """A step callback that tells at most every hundredth of the way."""
    told = ["", -1]

    def step(doing: str, done: int, total: int) -> None:
        share = 100 * done // max(total, 1)
        if [doing, share] != told:
            told[:] = [doing, share]
            tell(CareStep(doing=doing, completed=done, total=total))

    return step


def _shape(item: CareStep | Diagnosis | Rebuilt) -> tuple[str, object]:
    match item:
        case CareStep():
            return "step", item.model_dump()
        case Diagnosis():
            return "diagnosis", item.model_dump(mode="json")
        case Rebuilt():
            return "rebuilt", item.model_dump()
