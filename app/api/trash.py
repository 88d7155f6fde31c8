"""``/api/collections/{name}/trash`` and what else brings back, or ends, what is no longer shown."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from app.api.collections import Entrance, Hands, once
from app.api.single import only
from app.duplicates.report import DuplicatesView
from app.errors import BadRequest
from app.listings import BackView, Purged, TrashList, VersionList

routes = APIRouter(prefix="/api", tags=["trash"])
Name = Annotated[str, Query(min_length=1, max_length=1024)]


@routes.get("/collections/{collection:path}/trash")
def list_trash(collection: str, hands: Hands) -> TrashList:
    """The deleted documents that can be restored."""
    return TrashList(data=tuple(hands.trash(collection)))


@routes.delete("/collections/{collection:path}/trash")
async def purge(
    collection: str,
    request: Request,
    hands: Hands,
    entrance: Entrance,
    name: Annotated[str | None, Query(min_length=1, max_length=1024)] = None,
    everything: bool = False,
) -> Purged:
    """Delete for good all that is kept of one document, or with ``everything`` all that is in the trash."""
    if (name is None) != everything:
        raise BadRequest("give the name of a document, or everything=true to empty the trash")
    gone = await only(entrance.enter(), once(lambda: hands.purge(collection, name)), request)
    return Purged(data=tuple(gone))


@routes.post("/collections/{collection:path}/trash/restore")
async def restore(
    collection: str, name: Name, request: Request, hands: Hands, entrance: Entrance
) -> BackView:
    """Show a deleted document again; 409 where one of its name came meanwhile."""
    return await only(entrance.enter(), once(lambda: hands.restore(collection, name)), request)


@routes.get("/collections/{collection:path}/versions")
def list_versions(collection: str, name: Name, hands: Hands) -> VersionList:
    """The versions of a document that are shown or kept."""
    return VersionList(data=tuple(hands.versions(collection, name)))


@routes.post("/collections/{collection:path}/rollback")
async def rollback(
    collection: str,
    name: Name,
    version: Annotated[int, Query(ge=1)],
    request: Request,
    hands: Hands,
    entrance: Entrance,
) -> BackView:
    """Publish an old version of a document again, as a new one."""
    return await only(entrance.enter(), once(lambda: hands.rollback(collection, name, version)), request)


@routes.get("/collections/{collection:path}/duplicates")
async def duplicates(collection: str, request: Request, hands: Hands, entrance: Entrance) -> DuplicatesView:
    """Near-duplicates and contradicting versions; made now where what is shown has changed."""
    return await only(entrance.enter(), once(lambda: hands.duplicates(collection)), request)
