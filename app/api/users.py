"""``/api/users``: the people who may sign in, for admins."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.access.accounts import Accounts
from app.access.names import name_key
from app.access.principal import Role
from app.api.etag import require_unchanged, tag
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.session import CameOver, Held
from app.api.state import services
from app.result import View
from app.services import Services
from app.storage.users import User

routes = APIRouter(prefix="/api", tags=["users"])


def accounts(held: Annotated[Services, Depends(services)]) -> Accounts:
    """The accounts of this server."""
    return held.accounts


People = Annotated[Accounts, Depends(accounts)]


class NewUser(BaseModel):
    """Somebody who may sign in from now on. The password is at least 12 characters and no common one."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=256)
    role: Role = "viewer"
    password: SecretStr


class UserChange(BaseModel):
    """What changes of a user; what is left out stays. Who is not ``active`` is let in no longer."""

    model_config = ConfigDict(extra="forbid")

    role: Role | None = None
    active: bool | None = None


class SetPassword(BaseModel):
    """A password an admin gives to somebody."""

    model_config = ConfigDict(extra="forbid")

    password: SecretStr


class InGroup(View):
    """A group somebody is in."""

    id: str
    name: str


class UserView(View):
    """Somebody who may sign in."""

    id: str
    name: str
    role: Role
    active: bool
    created_at: datetime
    password_at: datetime
    signed_in_at: datetime | None
    groups: tuple[InGroup, ...]


class UserList(View):
    """Users, by name."""

    data: tuple[UserView, ...]
    next_cursor: str | None


class Unlocked(View):
    """Whether there was anything to forgive."""

    unlocked: bool


@routes.get("/users")
def list_users(people: People, cursor: Cursor = "", limit: Limit = PAGE) -> UserList:
    """Everybody who may sign in, by name."""
    found, more = page_of(people.users.all(), lambda each: name_key(each.name), cursor=cursor, limit=limit)
    return UserList(data=tuple(user_view(people, each) for each in found), next_cursor=more)


@routes.post("/users", status_code=201)
def add_user(body: NewUser, response: Response, people: People, over: CameOver, asker: Asker) -> UserView:
    """Let somebody sign in from now on."""
    made = people.users.add(
        asker, body.name, body.role, body.password.get_secret_value(), address=over.client
    )
    response.headers["Location"] = f"/api/users/{made.id}"
    return _tagged(people, made, response)


@routes.get("/users/{user_id}")
def show_user(user_id: str, response: Response, people: People) -> UserView:
    """One of them; the header ETag names the state for If-Match."""
    return _tagged(people, people.users.get(user_id), response)


@routes.patch("/users/{user_id}")
def change_user(
    user_id: str,
    body: UserChange,
    request: Request,
    response: Response,
    held: Held,
    people: People,
    over: CameOver,
    asker: Asker,
) -> UserView:
    """Give a user another role, disable or enable him. His sessions end where he may do less.

    412 where If-Match names an earlier state, 409 for the last active admin.
    """
    with held.database.transaction():
        user = people.users.get(user_id)
        require_unchanged(request, _state(user_view(people, user)))
        if body.role is not None:
            user = people.users.set_role(asker, user_id, body.role, address=over.client)
        if body.active is not None and body.active != user.active:
            change = people.users.enable if body.active else people.users.disable
            user = change(asker, user_id, address=over.client)
    return _tagged(people, user, response)


@routes.put("/users/{user_id}/password", status_code=204)
def set_password(user_id: str, body: SetPassword, people: People, over: CameOver, asker: Asker) -> None:
    """Give a user another password. His sessions end, his keys stay."""
    people.users.set_password(asker, user_id, body.password.get_secret_value(), address=over.client)


@routes.post("/users/{user_id}/unlock")
def unlock_user(user_id: str, people: People, over: CameOver, asker: Asker) -> Unlocked:
    """Let a user sign in at once who would have to wait after failed sign-ins."""
    return Unlocked(unlocked=people.users.unlock(asker, user_id, address=over.client))


@routes.delete("/users/{user_id}", status_code=204)
def remove_user(
    user_id: str, request: Request, held: Held, people: People, over: CameOver, asker: Asker
) -> None:
    """Delete a user with his sessions, keys and grants. 409 for the last active admin."""
    with held.database.transaction():
        require_unchanged(request, _state(user_view(people, people.users.get(user_id))))
        people.users.remove(asker, user_id, address=over.client)


def user_view(people: Accounts, user: User) -> UserView:
    """A user for JSON."""
    return UserView(
        id=user.id,
        name=user.name,
        role=user.role,
        active=user.active,
        created_at=user.created_at,
        password_at=user.password_at,
        signed_in_at=user.signed_in_at,
        groups=tuple(InGroup(id=each.id, name=each.name) for each in people.groups.of_user(user.id)),
    )


def _tagged(people: Accounts, user: User, response: Response) -> UserView:
    view = user_view(people, user)
    tag(response, _state(view))
    return view


def _state(view: UserView) -> UserView:
    """What ETag stands for: nobody's sign-in makes an edit fail."""
    return view.model_copy(update={"signed_in_at": None})
