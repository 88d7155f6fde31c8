"""``/api/grants``: who may do how much with which knowledge base, for whoever manages it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.accounts import Accounts
from app.access.principal import Level, Principal
from app.access.visible import Visible
from app.api.etag import require_unchanged, tag
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.session import CameOver, Held
from app.api.users import People
from app.result import View
from app.storage.grants import Grant, Grantee

routes = APIRouter(prefix="/api", tags=["grants"])

Kind = Literal["user", "group"]


class NewGrant(BaseModel):
    """What somebody may do from now on: a user or a group, by name; in place of what was granted before."""

    model_config = ConfigDict(extra="forbid")

    kind: Kind = "user"
    name: str = Field(min_length=1, max_length=256)
    level: Level


class GrantView(View):
    """What a user or a group may do; the role of a user may allow him less."""

    collection_id: str
    collection: str
    kind: Kind
    id: str
    name: str
    level: Level
    granted_at: datetime


class GrantList(View):
    """Grants, by knowledge base and name."""

    data: tuple[GrantView, ...]
    next_cursor: str | None


class CollectionGrants(View):
    """The grants on one knowledge base, by name."""

    data: tuple[GrantView, ...]


@routes.get("/grants")
def list_grants(people: People, asker: Asker, cursor: Cursor = "", limit: Limit = PAGE) -> GrantList:
    """Every grant on the knowledge bases the caller may manage."""
    found, more = page_of(people.grants.all(asker), _place, cursor=cursor, limit=limit)
    return GrantList(data=tuple(map(_view, found)), next_cursor=more)


@routes.get("/collections/{collection:path}/grants")
def show_grants(
    collection: str, response: Response, held: Held, people: People, asker: Asker
) -> CollectionGrants:
    """The grants on a knowledge base; the header ETag names the state for If-Match."""
    found = Visible(held.collections, asker).named(collection, "manage")
    view = _of(people, asker, found.id)
    tag(response, view)
    return view


@routes.put("/collections/{collection:path}/grants")
def set_grant(
    collection: str,
    body: NewGrant,
    request: Request,
    response: Response,
    held: Held,
    people: People,
    over: CameOver,
    asker: Asker,
) -> CollectionGrants:
    """Grant somebody a level. 412 where If-Match names an earlier state of the grants."""
    with held.database.transaction():
        found = Visible(held.collections, asker).named(collection, "manage")
        require_unchanged(request, _of(people, asker, found.id))
        grantee = _grantee(people, body.kind, body.name)
        people.grants.set(asker, found.id, grantee, body.level, address=over.client)
        view = _of(people, asker, found.id)
    tag(response, view)
    return view


@routes.delete("/collections/{collection:path}/grants")
def remove_grant(
    collection: str,
    request: Request,
    response: Response,
    held: Held,
    people: People,
    over: CameOver,
    asker: Asker,
    name: Annotated[str, Query(min_length=1, max_length=256)],
    kind: Annotated[Kind, Query()] = "user",
) -> CollectionGrants:
    """Take a grant back. 412 where If-Match names an earlier state of the grants."""
    with held.database.transaction():
        found = Visible(held.collections, asker).named(collection, "manage")
        require_unchanged(request, _of(people, asker, found.id))
        people.grants.remove(asker, found.id, _grantee(people, kind, name), address=over.client)
        view = _of(people, asker, found.id)
    tag(response, view)
    return view


def _grantee(people: Accounts, kind: Kind, name: str) -> Grantee:
    found = people.users.named(name) if kind == "user" else people.groups.named(name)
    return Grantee(kind, found.id)


def _of(people: Accounts, asker: Principal, collection_id: str) -> CollectionGrants:
    return CollectionGrants(data=tuple(map(_view, people.grants.of(asker, collection_id))))


def _place(grant: Grant) -> str:
    return f"{grant.collection}\0{grant.name}\0{grant.grantee.kind}\0{grant.grantee.id}"


def _view(grant: Grant) -> GrantView:
    return GrantView(
        collection_id=grant.collection_id,
        collection=grant.collection,
        kind=grant.grantee.kind,
        id=grant.grantee.id,
        name=grant.name,
        level=grant.level,
        granted_at=grant.granted_at,
    )
