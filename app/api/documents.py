"""``POST /api/collections/{name}/documents``: a file is taken in, and a job makes it searchable."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from app.api.jobs import Front, Jobs, ended
from app.api.permitted import Asker
from app.api.single import CLIENT_CLOSED
from app.errors import BadRequest, TooLarge
from app.jobs.service import JobService
from app.jobs.views import JobView
from app.reports import FileReportView
from app.storage.blobs import Incoming
from app.storage.collections import MAX_INSTRUCTION
from app.storage.job_types import Duplicates
from ingest.errors import IngestError
from ingest.load import clean_name

ADDRESS = "/api/collections/{collection}/documents"
ROOM = 4_096  # above the file limit, so that a file just over it is refused by name, not cut off
PIECE = 1_000_000  # bytes written at once
LOOK = 16_000_000  # bytes between two looks at the room on the disk


def routes(max_file_bytes: int, idle_s: float) -> APIRouter:
    """The routes, with the largest file as their body limit, and how long a sender may be silent."""
    router = APIRouter(prefix="/api", tags=["documents"])

    @router.post(
        "/collections/{collection:path}/documents",
        max_body_size=max_file_bytes + ROOM,
        status_code=202,
        response_model=JobView,
        responses={200: {"model": FileReportView, "description": "with ``wait``: what became of the file"}},
    )
    async def add_document(
        collection: str,
        name: Annotated[str, Query(min_length=1, max_length=1024)],
        request: Request,
        desk: Front,
        service: Jobs,
        asker: Asker,
        duplicates: Duplicates = "keep",
        batch: Annotated[str, Query(max_length=100)] = "",
        wait: bool = False,
        instruction: Annotated[str | None, Query(max_length=MAX_INSTRUCTION)] = None,
    ) -> JSONResponse:
        """Add or replace a document; the body is the file. Answers with the job once the file is on the disk.

        ``duplicates``: what to do when the collection holds the same bytes under another name. ``batch``
        joins what was handed in together. ``wait`` answers when the job has ended, with the file's report; a
        file that cannot be read is a report, too. ``instruction`` becomes what the collection's reranker
        prefers.
        """
        await asyncio.to_thread(desk.expect, collection)
        shown = clean_name(name)
        announced = int(request.headers.get("content-length", "0"))
        with service.receiving(owner=asker.id, size_bytes=announced) as incoming:
            await receive(request, incoming, service, shown, idle_s)
            job = await asyncio.to_thread(
                desk.take,
                incoming,
                shown,
                collection,
                duplicates=duplicates,
                batch=batch,
                instruction=instruction,
            )
        if not wait:
            headers = {"Location": f"/api/jobs/{job.id}"}
            return JSONResponse(job.model_dump(mode="json"), 202, headers)
        report = (await ended(job.id, desk, service)).report
        return JSONResponse(None if report is None else report.model_dump(mode="json"))

    return router


async def receive(
    request: Request, incoming: Incoming, service: JobService, name: str, idle_s: float
) -> None:
    """Write the body as it arrives, in pieces of a size that is worth a thread."""
    pieces, piece, looked = request.stream(), bytearray(), 0
    while True:
        try:
            async with asyncio.timeout(idle_s):
                arrived = await anext(pieces, None)
        except TimeoutError as error:
            raise BadRequest(f"{name}: nothing was sent for {idle_s:g} s; send it again") from error
        except ClientDisconnect as error:
            raise HTTPException(CLIENT_CLOSED, "the client has gone") from error
        piece += arrived or b""
        if arrived is None or len(piece) >= PIECE:
            try:
                service.check_size(name, incoming.size_bytes + len(piece))
            except IngestError as error:
                raise TooLarge(str(error)) from error
            await asyncio.to_thread(incoming.write, bytes(piece))
            piece.clear()
            if incoming.size_bytes - looked >= LOOK:
                looked = incoming.size_bytes
                service.room(0)
        if arrived is None:
            return
