"""``POST /api/collections/{name}/documents``: one file's bytes become searchable."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from app.api.state import services
from app.reports import FileReport, FileReportView, file_report_view
from app.services import Services
from ingest.load import clean_name

MAX_INSTRUCTION = 2_000
ROOM = 4_096  # above the file limit, so that a file just over it is refused by name, not cut off


def routes(max_file_bytes: int) -> APIRouter:
    """The routes, with the largest file as their body limit."""
    router = APIRouter(prefix="/api", tags=["documents"])

    @router.post("/collections/{collection}/documents", max_body_size=max_file_bytes + ROOM)
    async def add_document(
        collection: str,
        name: Annotated[str, Query(min_length=1, max_length=1024)],
        request: Request,
        held: Annotated[Services, Depends(services)],
        instruction: Annotated[str | None, Query(max_length=MAX_INSTRUCTION)] = None,
    ) -> FileReportView:
        """Add or replace a document; the body is the file. A file that cannot be read is a report too.

        ``instruction`` becomes what the collection's reranker prefers.
        """
        data = await request.body()
        if instruction is not None:
            held.collections.set_instruction(held.collections.create(collection).id, instruction)
        report: FileReport = await asyncio.to_thread(held.add, data, clean_name(name), collection)
        return file_report_view(report)

    return router
