"""``/api/collections``: list, make, instruct and delete knowledge bases, list and delete their documents.

A collection's name may hold slashes, so it ends where the rest of the address is known.
"""

from collections.abc import Callable, Iterator
from typing import Annotated, TypeVar

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from app.api.paging import place_of, written
from app.api.permitted import Asker
from app.api.single import only
from app.api.state import services, writing_gate
from app.chunking import ChunkingView
from app.curator import Curator
from app.gate import Gate, Stopped
from app.listings import (
    CollectionList,
    CollectionView,
    DeletedView,
    DocumentList,
    DocumentView,
    InForce,
    InstructionList,
)
from app.services import Services
from app.storage.collections import MAX_INSTRUCTION, MAX_NAME
from retrieval.types import Audience

MOST_LISTED = 1000  # documents in one page
MOST_CURSOR = 6000  # characters: a name of 1,024 that take three bytes each, in base64
T = TypeVar("T")

routes = APIRouter(prefix="/api", tags=["collections"])


def curator(held: Annotated[Services, Depends(services)], asker: Asker) -> Curator:
    """The caller's hands on the knowledge bases of this server."""
    return Curator(held, asker)


Hands = Annotated[Curator, Depends(curator)]
Entrance = Annotated[Gate, Depends(writing_gate)]


class Body(BaseModel):
    """What a request may say."""

    model_config = ConfigDict(extra="forbid")


class NewCollection(Body):
    """A knowledge base to make; an instruction, where given, becomes its newest."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    instruction: str | None = Field(None, max_length=MAX_INSTRUCTION)


class NewInstruction(Body):
    """What a collection's reranker should prefer, and why; "" for the default."""

    instruction: str = Field(max_length=MAX_INSTRUCTION)
    note: str = Field("", max_length=MAX_INSTRUCTION)


class NewChunking(Body):
    """The size of a collection's chunks; null leaves it to the settings."""

    chunk_tokens: int | None = None
    chunk_overlap: int | None = None


class NewAudience(Body):
    """Whom the documents of a knowledge base are fit for."""

    audience: Audience


class NewDocumentAudience(Body):
    """Whom a document is fit for; null: as its knowledge base says."""

    audience: Audience | None


@routes.get("/collections")
def list_collections(hands: Hands) -> CollectionList:
    """Every knowledge base."""
    return CollectionList(data=tuple(hands.collections()))


@routes.post("/collections")
def create_collection(body: NewCollection, hands: Hands) -> CollectionView:
    """Make a knowledge base; one that is there already is given back."""
    return hands.create(body.name, body.instruction)


@routes.get("/collections/{collection:path}/documents")
def list_documents(
    collection: str,
    hands: Hands,
    cursor: Annotated[str, Query(max_length=MOST_CURSOR)] = "",
    limit: Annotated[int | None, Query(ge=1, le=MOST_LISTED)] = None,
) -> DocumentList:
    """The documents of a knowledge base, by name: all of them, or with ``limit`` page by page."""
    if limit is None and not cursor:
        return DocumentList(data=tuple(hands.documents(collection)))
    after = place_of(cursor) if cursor else ""
    data, last = hands.documents_page(collection, after=after, limit=limit or MOST_LISTED)
    return DocumentList(data=tuple(data), next_cursor=written(last) if last else None)


@routes.delete("/collections/{collection:path}/documents")
async def delete_document(
    collection: str,
    name: Annotated[str, Query(min_length=1, max_length=1024)],
    request: Request,
    hands: Hands,
    entrance: Entrance,
) -> DeletedView:
    """Move a document to the trash; the answer is what it was, and until when it can be restored."""
    return await only(entrance.enter(), once(lambda: hands.delete_document(collection, name)), request)


@routes.put("/collections/{collection:path}/documents/audience")
def set_document_audience(
    collection: str,
    name: Annotated[str, Query(min_length=1, max_length=1024)],
    body: NewDocumentAudience,
    hands: Hands,
) -> DocumentView:
    """Say whom a document is fit for. What is marked as internal inside it stays internal."""
    return hands.set_document_audience(collection, name, body.audience)


@routes.put("/collections/{collection:path}/audience")
def set_audience(collection: str, body: NewAudience, hands: Hands) -> CollectionView:
    """Say whom its documents are fit for, those apart that say so themselves."""
    return hands.set_audience(collection, body.audience)


@routes.get("/collections/{collection:path}/chunking")
def show_chunking(collection: str, hands: Hands) -> ChunkingView:
    """The size of a knowledge base's chunks, and the documents that were cut otherwise."""
    return hands.chunking(collection)


@routes.put("/collections/{collection:path}/chunking")
def set_chunking(collection: str, body: NewChunking, hands: Hands) -> ChunkingView:
    """Cut what comes from now on to this size; a reindex cuts anew what is there."""
    return hands.set_chunking(collection, body.chunk_tokens, body.chunk_overlap)


@routes.get("/collections/{collection:path}/instructions")
def list_instructions(collection: str, hands: Hands) -> InstructionList:
    """Every wording of a knowledge base's rerank instruction."""
    return InstructionList(data=tuple(hands.instructions(collection)))


@routes.post("/collections/{collection:path}/instructions")
def set_instruction(collection: str, body: NewInstruction, hands: Hands) -> InForce:
    """Put a wording into force, as a new version."""
    return InForce(version=hands.set_instruction(collection, body.instruction, body.note))


@routes.post("/collections/{collection:path}/instructions/{version}/restore")
def restore_instruction(collection: str, version: int, hands: Hands) -> InForce:
    """Put an earlier wording into force again, as a new version."""
    return InForce(version=hands.restore_instruction(collection, version))


@routes.get("/collections/{collection:path}")
def show_collection(collection: str, hands: Hands) -> CollectionView:
    """One knowledge base."""
    return hands.collection(collection)


@routes.delete("/collections/{collection:path}")
async def delete_collection(
    collection: str, request: Request, hands: Hands, entrance: Entrance
) -> CollectionView:
    """Delete a knowledge base with everything in it, its trash too, for good; the answer is what it was."""
    return await only(entrance.enter(), once(lambda: hands.delete_collection(collection)), request)


def once(act: Callable[[], T]) -> Callable[[Stopped], Iterator[T]]:
    """The act as work for a gate; it is not ended half-way when its caller leaves."""

    def work(_: Stopped) -> Iterator[T]:
        yield act()

    return work
