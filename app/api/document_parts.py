"""What is kept of one document: its chunks, the bytes as they were uploaded, the text as it was read."""

import re
from dataclasses import asdict
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, HTTPException, Query, Request, Response
from fastapi.responses import FileResponse

from app.access.visible import Visible
from app.api.paging import PAGE, Cursor, Limit, place_of, written
from app.api.permitted import Asker
from app.api.state import services
from app.errors import BadRequest, Conflict, DataDirectoryDamaged, NotFound
from app.preview import BoxView
from app.result import View
from app.services import Services
from app.storage.parts import DocumentParts, Original, Part

NOWHERE = "sandbox; default-src 'none'"
"""The policy of what somebody uploaded, should a browser show it after all: it runs and loads nothing."""
PART = re.compile(r"bytes=(?:([0-9]{1,15})-([0-9]{0,15})|-([0-9]{1,15}))")  # RFC 9110, 14.1.2; one range
BINARY: dict[int | str, dict[str, Any]] = {200: {"content": {"application/octet-stream": {}}}}
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}
routes = APIRouter(prefix="/api", tags=["documents"])
Name = Annotated[str, Query(min_length=1, max_length=1024)]
Version = Annotated[int | None, Query(ge=1, le=2**31)]


class DocumentChunkView(View):
    """A chunk: ``text`` is ``start`` to ``end`` of the document's text, in characters (code points).

    ``context`` and ``lead`` (the header of the table that the text goes on with) are read with it, and not
    cited. ``tokens`` counts context, lead and text. ``boxes``: where it stands on its pages. ``suspicious``:
    why some of it reads as if it spoke to a language model.
    """

    id: str
    ordinal: int
    text: str
    context: str
    lead: str
    tokens: int
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    start: int
    end: int
    boxes: tuple[BoxView, ...]
    suspicious: tuple[str, ...]


class DocumentChunkList(View):
    """Chunks of the version of a document that is shown, in order."""

    document_id: str
    name: str
    title: str
    version: int
    data: tuple[DocumentChunkView, ...]
    next_cursor: str | None


class Reader:
    """Documents as the caller may read them: an old version needs the right to write, as the list of them."""

    def __init__(self, held: Annotated[Services, Depends(services)], asker: Asker) -> None:
        self.parts = DocumentParts(held.database)
        self.blobs = held.blobs
        self._visible = Visible(held.collections, asker)

    def original(self, collection: str, name: str, version: int | None = None) -> Original:
        """Raises ``NotFound``, ``Forbidden``."""
        of = self._visible.named(collection)
        found = self.parts.original(of.id, name, version)
        if found is None or not found.shown:
            self._visible.named(collection, "read" if version is None else "write")
        if found is None:
            which = "" if version is None else f" in version {version}"
            raise NotFound(f"document {name!r} is not in collection {collection!r}{which}")
        return found


Hands = Annotated[Reader, Depends()]


@routes.get("/collections/{collection:path}/documents/chunks")
def list_chunks(
    collection: str, name: Name, hands: Hands, cursor: Cursor = "", limit: Limit = PAGE
) -> DocumentChunkList:
    """The chunks of a document as it is shown. 409 where another version is, from one page to the next."""
    found = hands.original(collection, name)
    after = _after(cursor, found) if cursor else -1
    parts = hands.parts.chunks(found, after=after, limit=limit + 1)
    more = None
    if len(parts) > limit:
        more = written(f"{found.version} {parts[limit - 1].chunk.ordinal}")
    return DocumentChunkList(
        document_id=found.document_id,
        name=found.name,
        title=found.title,
        version=found.version,
        data=tuple(map(_chunk_view, parts[:limit])),
        next_cursor=more,
    )


@routes.get("/collections/{collection:path}/documents/content", response_class=FileResponse, responses=BINARY)
def read_content(
    collection: str, name: Name, request: Request, hands: Hands, version: Version = None
) -> FileResponse:
    """The bytes as they were uploaded, to be saved, not shown; ``Range`` gives a part (RFC 9110).

    ``version``: one that is kept, the shown one without it.
    """
    found = hands.original(collection, name, version)
    path = hands.blobs.path(found.sha256)
    try:
        status = path.stat()
    except OSError as error:
        raise DataDirectoryDamaged(
            f"the bytes of document {name!r} are not there; `touchstone doctor` tells more"
        ) from error
    _one_range(request, status.st_size)
    last = quote(found.name.rsplit("/", 1)[-1], safe="")
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{last}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": NOWHERE,
        "ETag": f'"{found.sha256}"',
        "Document-Version": str(found.version),
    }
    return FileResponse(path, headers=headers, media_type="application/octet-stream", stat_result=status)


@routes.get("/collections/{collection:path}/documents/text", response_class=Response, responses=TEXT)
def read_text(collection: str, name: Name, hands: Hands, version: Version = None) -> Response:
    """The text as it was read, which offsets of chunks and citations count in (in code points)."""
    found = hands.original(collection, name, version)
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": NOWHERE,
        "Document-Version": str(found.version),
    }
    return Response(hands.parts.text(found), headers=headers, media_type="text/plain; charset=utf-8")


def _after(cursor: str, found: Original) -> int:
    version, _, ordinal = place_of(cursor).partition(" ")
    if not re.fullmatch(r"[0-9]{1,18} [0-9]{1,18}", f"{version} {ordinal}"):
        raise BadRequest(f"cursor {cursor[:80]!r} is not one that a page gave; leave it out to begin anew")
    if int(version) != found.version:
        raise Conflict(f"document {found.name!r} has version {found.version} by now; read it anew")
    return int(ordinal)


def _one_range(request: Request, size: int) -> None:
    """Leave the header Range to what it may be: one range of bytes that the file has; else it is ignored.

    Raises 416 for one behind the end.
    """
    found = PART.fullmatch(request.headers.get("range", ""))
    first, last, tail = found.groups() if found is not None and size else (None, None, None)
    if not (first or tail) or (first and last and int(last) < int(first)):
        kept = [each for each in request.scope["headers"] if each[0].lower() != b"range"]
        request.scope["headers"] = kept
    elif (int(first) >= size) if first else int(tail or 0) == 0:
        raise HTTPException(416, "the range is behind the end", headers={"Content-Range": f"bytes */{size}"})


def _chunk_view(part: Part) -> DocumentChunkView:
    chunk = part.chunk
    return DocumentChunkView(
        id=chunk.id,
        ordinal=chunk.ordinal,
        text=chunk.text,
        context=chunk.context,
        lead=chunk.lead,
        tokens=chunk.tokens,
        pages=chunk.pages,
        headings=chunk.headings,
        start=chunk.start,
        end=chunk.end,
        boxes=tuple(BoxView(**asdict(box)) for box in chunk.boxes),
        suspicious=part.reasons,
    )
