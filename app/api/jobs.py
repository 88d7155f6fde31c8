"""``/api/jobs``: what is being ingested, told as it happens; cancel and retry."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, ConfigDict, SecretStr

from app.api.credentials import Recheck
from app.api.permitted import Asker
from app.api.problems import describe
from app.api.state import services
from app.desk import LARGEST_PAGE, PAGE, Desk
from app.errors import SessionRevoked, Stopping
from app.jobs.board import Board
from app.jobs.service import JobService
from app.jobs.views import EventView, JobDetail, JobList, JobView, event_view
from app.services import Services
from app.storage.job_types import TERMINAL, State

HEARTBEAT_S = 15.0
EVERY_S = 0.25  # between two events about the progress of jobs

routes = APIRouter(prefix="/api", tags=["jobs"])


def desk(held: Annotated[Services, Depends(services)], asker: Asker) -> Desk:
    """The caller's hands on the jobs of this server."""
    return Desk(held, asker)


def service(held: Annotated[Services, Depends(services)]) -> JobService:
    """Where jobs are watched."""
    return held.ingestion.service


Front = Annotated[Desk, Depends(desk)]
Jobs = Annotated[JobService, Depends(service)]


class Retry(BaseModel):
    """How to try again. The password of an encrypted file is kept in memory for this try only."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr = SecretStr("")


@routes.get("/jobs")
def list_jobs(
    desk: Front,
    collection: str = "",
    state: Annotated[tuple[State, ...], Query()] = (),
    batch: str = "",
    cursor: str = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
) -> JobList:
    """Jobs, newest first; ``cursor`` is the ``next_cursor`` of the page before."""
    return desk.jobs(collection=collection, states=state, batch=batch, cursor=cursor, limit=limit)


@routes.get(
    "/jobs/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
def watch_jobs(
    request: Request,
    desk: Front,
    service: Jobs,
    after: Annotated[int | None, Query(ge=0)] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Events ``job`` (with an id to resume from, in ``after`` or Last-Event-ID) and ``progress`` (without).

    Without either, what happens from now on. Last ``error`` where the reader is signed out, or loses a right.
    """
    if last_event_id is not None and last_event_id.isdecimal():
        after = int(last_event_id)
    start = service.jobs.last_event() if after is None else after
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    told = _told(start, desk, service, request)
    return StreamingResponse(told, headers=headers, media_type="text/event-stream")


@routes.get("/jobs/{job_id}")
def show_job(job_id: str, desk: Front) -> JobDetail:
    """One job, with what happened to it."""
    return desk.job(job_id)


@routes.post("/jobs/{job_id}/cancel")
def cancel_job(job_id: str, desk: Front) -> JobView:
    """End a job. One that has ended well stays as it is."""
    return desk.cancel_job(job_id)


@routes.post("/jobs/{job_id}/retry")
def retry_job(job_id: str, desk: Front, body: Retry | None = None) -> JobView:
    """Let a failed job go on at the step that failed."""
    return desk.retry_job(job_id, body.password.get_secret_value() if body else "")


async def ended(job_id: str, desk: Desk, service: JobService) -> JobView:
    """The job, once it has ended. Raises ``Stopping`` where the workers have stopped before."""
    with _changes(service.board) as changed:
        while True:
            changed.clear()
            job = (await asyncio.to_thread(desk.job, job_id)).job
            if job.state in TERMINAL:
                return job
            if service.board.closed:
                raise Stopping(f"{job.name!r} is kept and")
            await changed.wait()


@contextmanager
def _changes(board: Board) -> Iterator[asyncio.Event]:
    """An event of this loop that is set whenever something changes on the board."""
    loop, changed = asyncio.get_running_loop(), asyncio.Event()

    def ring() -> None:
        loop.call_soon_threadsafe(changed.set)

    end = board.listen(ring)
    try:
        yield changed
    finally:
        end()


async def _told(after: int, desk: Desk, service: JobService, request: Request) -> AsyncIterator[bytes]:
    shown: dict[str, str] = {}
    reader = Recheck(request)
    with _changes(service.board) as changed:
        while not service.board.closed:
            try:
                await reader.check()
            except SessionRevoked as error:
                yield format_sse_event(data_str=json.dumps(describe(error, request)), event="error")
                return
            changed.clear()
            events = await asyncio.to_thread(service.jobs.events, after=after)
            for event in events:
                after = event.id
                if desk.sees(service.jobs.collection_of(event.job_id)):
                    yield _event("job", event_view(event), after)
            running = await asyncio.to_thread(desk.running)
            for job in running:
                told = job.model_dump_json(include={"state", "progress"})
                if shown.get(job.id) != told:
                    shown[job.id] = told
                    yield _event("progress", job)
            shown = {job.id: shown[job.id] for job in running}
            if events:
                continue
            await asyncio.sleep(EVERY_S)
            try:
                async with asyncio.timeout(min(HEARTBEAT_S, reader.every_s)):
                    await changed.wait()
            except TimeoutError:
                yield format_sse_event(comment="ping")


def _event(name: str, view: EventView | JobView, number: int | None = None) -> bytes:
    data = json.dumps(view.model_dump(mode="json"), ensure_ascii=False)
    return format_sse_event(data_str=data, event=name, id=None if number is None else str(number))
