"""``POST /api/preview`` and ``GET …/documents/preview``: how a file would be cut. Nothing is kept."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Annotated, Any
from urllib.parse import unquote

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from app.api.documents import ROOM, receive
from app.api.jobs import Jobs
from app.api.permitted import Asker
from app.api.single import only
from app.api.state import preview_gate, services
from app.errors import BadRequest
from app.gate import Gate, Stopped
from app.preview import Previews, PreviewView
from app.services import Services
from ingest.load import clean_name
from ingest.protocols import Progress

Name = Annotated[str, Query(min_length=1, max_length=1024)]
Entrance = Annotated[Gate, Depends(preview_gate)]
SHOWN: dict[int | str, dict[str, Any]] = {200: {"model": PreviewView}}


class _Left(Exception):
    """Ends the work from inside its progress callback."""


def previews(held: Annotated[Services, Depends(services)], asker: Asker) -> Previews:
    """The previews of this server, of what the caller may write to."""
    return Previews(held, asker)


def password(document_password: Annotated[str, Header()] = "") -> str:
    """The password of an encrypted file, UTF-8 and percent-encoded, "" for none.

    It comes in a header of its own because addresses are logged. Raises ``BadRequest``.
    """
    try:
        return unquote(document_password, errors="strict")
    except UnicodeDecodeError:  # which holds the password
        raise BadRequest("the header Document-Password is not percent-encoded UTF-8; encode it so") from None


Hands = Annotated[Previews, Depends(previews)]
Password = Annotated[str, Depends(password)]


def routes(max_file_bytes: int, idle_s: float) -> APIRouter:
    """The routes, with the largest file as their body limit, and how long a sender may be silent."""
    router = APIRouter(prefix="/api", tags=["documents"])

    @router.post("/preview", max_body_size=max_file_bytes + ROOM, response_class=Response, responses=SHOWN)
    async def preview_file(
        name: Name,
        request: Request,
        hands: Hands,
        service: Jobs,
        entrance: Entrance,
        password: Password,
        asker: Asker,
        chunk_tokens: int | None = None,
        chunk_overlap: int | None = None,
    ) -> Response:
        """Cut the file in the body, with the limits of ingestion."""
        settings = await asyncio.to_thread(hands.settings, chunk_tokens, chunk_overlap)
        shown = clean_name(name)
        announced = int(request.headers.get("content-length", "0"))
        # The place of an upload is held to the end: nobody has more files in the works than he may upload.
        with service.receiving(owner=asker.id, size_bytes=announced) as incoming:
            await receive(request, incoming, service, shown, idle_s)
            await asyncio.to_thread(incoming.whole)

            def cut(progress: Progress) -> PreviewView:
                return hands.file(incoming.path.read_bytes(), shown, settings, progress, password)

            return await _answer(cut, entrance, request)

    @router.get("/collections/{collection:path}/documents/preview", response_class=Response, responses=SHOWN)
    async def preview_document(
        collection: str,
        name: Name,
        request: Request,
        hands: Hands,
        entrance: Entrance,
        password: Password,
        chunk_tokens: int | None = None,
        chunk_overlap: int | None = None,
    ) -> Response:
        """Cut a stored document; a size that is not given is the collection's."""
        settings = await asyncio.to_thread(hands.settings, chunk_tokens, chunk_overlap, collection)

        def cut(progress: Progress) -> PreviewView:
            return hands.document(collection, name, settings, progress, password)

        return await _answer(cut, entrance, request)

    return router


async def _answer(cut: Callable[[Progress], PreviewView], entrance: Gate, request: Request) -> Response:
    """The preview as JSON, written in the thread that made it: it may be megabytes."""

    def work(stopped: Stopped) -> Iterator[str]:
        def going(stage: str, done: int, total: int, /) -> None:
            if stopped():
                raise _Left

        yield cut(going).model_dump_json()

    return Response(await only(entrance.enter(), work, request), media_type="application/json")
