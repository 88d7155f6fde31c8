"""``/api/groups``: people who are granted things together, for admins."""

from datetime import datetime

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from app.access.names import name_key
from app.access.principal import Role
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.session import CameOver
from app.api.users import People
from app.result import View
from app.storage.groups import Group

routes = APIRouter(prefix="/api", tags=["groups"])


class NewGroup(BaseModel):
    """A group without members yet."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=256)


class GroupView(View):
    """A group; ``members`` is how many."""

    id: str
    name: str
    created_at: datetime
    members: int


class GroupList(View):
    """Groups, by name."""

    data: tuple[GroupView, ...]
    next_cursor: str | None


class MemberView(View):
    """Somebody in a group."""

    id: str
    name: str
    role: Role
    active: bool


class MemberList(View):
    """The members of a group, by name."""

    data: tuple[MemberView, ...]
    next_cursor: str | None


@routes.get("/groups")
def list_groups(people: People, cursor: Cursor = "", limit: Limit = PAGE) -> GroupList:
    """Every group."""
    found, more = page_of(people.groups.all(), lambda each: name_key(each.name), cursor=cursor, limit=limit)
    return GroupList(data=tuple(map(_view, found)), next_cursor=more)


@routes.post("/groups", status_code=201)
def add_group(body: NewGroup, response: Response, people: People, over: CameOver, asker: Asker) -> GroupView:
    """Make a group."""
    made = people.groups.add(asker, body.name, address=over.client)
    response.headers["Location"] = f"/api/groups/{made.id}"
    return _view(made)


@routes.get("/groups/{group_id}")
def show_group(group_id: str, people: People) -> GroupView:
    """One group."""
    return _view(people.groups.get(group_id))


@routes.delete("/groups/{group_id}", status_code=204)
def remove_group(group_id: str, people: People, over: CameOver, asker: Asker) -> None:
    """Delete a group with its grants; its members stay."""
    people.groups.remove(asker, group_id, address=over.client)


@routes.get("/groups/{group_id}/members")
def list_members(group_id: str, people: People, cursor: Cursor = "", limit: Limit = PAGE) -> MemberList:
    """Who is in a group."""
    members = people.groups.members(group_id)
    found, more = page_of(members, lambda each: name_key(each.name), cursor=cursor, limit=limit)
    data = (MemberView(id=each.id, name=each.name, role=each.role, active=each.active) for each in found)
    return MemberList(data=tuple(data), next_cursor=more)


@routes.put("/groups/{group_id}/members/{user_id}", status_code=204)
def add_member(group_id: str, user_id: str, people: People, over: CameOver, asker: Asker) -> None:
    """Put a user into a group; one who is in it stays."""
    people.groups.add_member(asker, group_id, user_id, address=over.client)


@routes.delete("/groups/{group_id}/members/{user_id}", status_code=204)
def remove_member(group_id: str, user_id: str, people: People, over: CameOver, asker: Asker) -> None:
    """Take a user out of a group."""
    people.groups.remove_member(asker, group_id, user_id, address=over.client)


def _view(group: Group) -> GroupView:
    return GroupView(id=group.id, name=group.name, created_at=group.created_at, members=group.members)
