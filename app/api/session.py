"""``/api/session`` and ``/api/sessions``: signing in and out, and the browsers somebody is signed in with."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from app.access.accounts import SignedIn
from app.access.channel import Channel
from app.access.principal import Level, Principal, Role, Use
from app.access.visible import Visible
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.state import services
from app.errors import Conflict, Forbidden
from app.result import View
from app.services import Services
from app.storage.sessions import Session

DAY_S = 86_400

routes = APIRouter(prefix="/api", tags=["session"])
Held = Annotated[Services, Depends(services)]


def channel(request: Request) -> Channel:
    """What the request came over."""
    found: Channel = request.state.channel
    return found


CameOver = Annotated[Channel, Depends(channel)]


class SignIn(BaseModel):
    """A name and a password."""

    model_config = ConfigDict(extra="forbid")

    username: str = Field(max_length=1024)
    password: SecretStr


class NewPassword(BaseModel):
    """One's own password, and the one that takes its place."""

    model_config = ConfigDict(extra="forbid")

    current: SecretStr
    new: SecretStr


class SeenView(View):
    """A knowledge base one may see, and what one may do with it."""

    id: str
    name: str
    level: Level


class WhoView(View):
    """Who makes the request, how he showed it, and what he may do.

    ``by``: a session, an API key, or nothing (``local``: the person at the machine of the server). ``uses``:
    what an API key is for; everything for others.
    """

    id: str
    name: str
    role: Role
    by: Literal["session", "key", "local"]
    uses: tuple[Use, ...]
    collections: tuple[SeenView, ...]


class SessionView(View):
    """A browser somebody is signed in with. ``this``: the one that asks. ``seen_at`` is exact to a minute."""

    id: str
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str
    this: bool


class SessionList(View):
    """Sessions, begun last first."""

    data: tuple[SessionView, ...]
    next_cursor: str | None


@routes.get("/session")
def who_am_i(held: Held, asker: Asker) -> WhoView:
    """Who makes this request, and what he may do."""
    return _who(held, asker)


@routes.post("/session")
def sign_in(body: SignIn, request: Request, response: Response, held: Held, over: CameOver) -> WhoView:
    """Begin a session, kept by a cookie; one that this browser had ends.

    401 for a wrong name or password, 429 after too many of them, 409 where the server knows no accounts, 403
    where others on the network could read the password.
    """
    settings = held.settings.access
    if settings.mode == "single":
        raise Conflict("this server knows no accounts: whoever reaches it is signed in (access.mode)")
    if not over.cookie:
        raise Forbidden(
            "nobody signs in over plain HTTP from another machine: use HTTPS, or accept the risk with "
            "access.allow_insecure_http"
        )
    before: Principal | None = request.state.renew()
    begun = held.accounts.sign_in(
        body.username,
        body.password.get_secret_value(),
        address=over.client,
        agent=request.headers.get("user-agent", ""),
    )
    if before is not None:
        held.accounts.sign_out(before, address=over.client)
    return _begin(begun, response, held, over)


@routes.delete("/session", status_code=204)
def sign_out(held: Held, over: CameOver, asker: Asker) -> Response:
    """End the session of this request."""
    held.accounts.sign_out(asker, address=over.client)
    response = Response(status_code=204, headers={"Clear-Site-Data": '"storage"'})
    if over.cookie:
        response.headers.append("set-cookie", over.forgetting())
    return response


@routes.put("/session/password")
def change_password(
    body: NewPassword, request: Request, response: Response, held: Held, over: CameOver, asker: Asker
) -> WhoView:
    """Change one's own password. Every session ends; the answer's cookie keeps a new one."""
    begun = held.accounts.change_password(
        asker,
        body.current.get_secret_value(),
        body.new.get_secret_value(),
        address=over.client,
        agent=request.headers.get("user-agent", ""),
    )
    return _begin(begun, response, held, over)


@routes.get("/sessions")
def list_sessions(
    held: Held,
    asker: Asker,
    user: Annotated[str, Query(max_length=64, description="id of a user, for admins")] = "",
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> SessionList:
    """One's own sessions, or as an admin somebody's."""
    owner = _owner(held, asker, user)
    found, more = page_of(
        held.accounts.sessions.of(owner), _place, cursor=cursor, limit=limit, newest_first=True
    )
    return SessionList(data=tuple(_view(each, asker) for each in found), next_cursor=more)


@routes.delete("/sessions", status_code=204)
def end_sessions(
    held: Held,
    over: CameOver,
    asker: Asker,
    user: Annotated[str, Query(max_length=64, description="id of a user, for admins")] = "",
) -> None:
    """End all of one's own sessions, this one too, or as an admin all of somebody's."""
    held.accounts.sessions.end_of(asker, _owner(held, asker, user), address=over.client)


@routes.delete("/sessions/{session_id}", status_code=204)
def end_session(session_id: str, held: Held, over: CameOver, asker: Asker) -> None:
    """End one of one's own sessions, or as an admin anybody's."""
    held.accounts.sessions.end(asker, session_id, address=over.client)


def _owner(held: Services, asker: Principal, user: str) -> str:
    if not user or user == asker.id:
        return asker.id
    if asker.role != "admin":
        raise Forbidden("another user's sessions are for admins")
    return held.accounts.users.get(user).id


def _begin(begun: SignedIn, response: Response, held: Services, over: Channel) -> WhoView:
    max_age_s = round(held.settings.access.session_max_days * DAY_S)
    response.headers.append("set-cookie", over.keeping(begun.token, max_age_s))
    return _who(held, begun.principal)


def _who(held: Services, asker: Principal) -> WhoView:
    by: Literal["session", "key", "local"] = "session" if asker.session else "key" if asker.key else "local"
    seen = (
        SeenView(id=each.id, name=each.name, level=level)
        for each in Visible(held.collections, asker).all()
        if (level := asker.level(each.id)) is not None
    )
    return WhoView(
        id=asker.id,
        name=asker.name,
        role=asker.role,
        by=by,
        uses=tuple(sorted(asker.uses)),
        collections=tuple(seen),
    )


def _place(session: Session) -> str:
    return f"{session.created_at.isoformat()} {session.id}"


def _view(session: Session, asker: Principal) -> SessionView:
    return SessionView(
        id=session.id,
        created_at=session.created_at,
        seen_at=session.seen_at,
        address=session.address,
        agent=session.agent,
        this=session.id == asker.session,
    )
