"""The page about oneself: who I am, my password, the browsers I am signed in with, my API keys. No script."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, get_args

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from app.access.principal import USES, Principal, Use
from app.access.visible import Visible
from app.errors import BadRequest, Busy, NotFound, NotSignedIn
from app.services import Services
from app.web.agents import agent_name
from app.web.pages import Pages
from app.web.signing_in import Text, agent, begun, came_over, redirect, said

DONE = ("password", "session", "sessions", "revoked")
DAYS = (30, 90, 365, 0)  # until a key expires; 0: never
SHOWN_AT_FIRST = frozenset({"chat", "search"})
OFFERED: tuple[Use, ...] = get_args(Use)

Several = Annotated[list[str], Form()]


def routes(
    services: Services, pages: Pages, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> APIRouter:
    """``/account`` and what its forms post to; each leads back to it."""
    made = APIRouter(include_in_schema=False)
    accounts, settings = services.accounts, services.settings.access

    def page(request: Request, status: int = 200, **values: object) -> Response:
        return _account_page(request, services, pages, status, {"now": now(), **values})

    @made.get("/account")
    def show(request: Request, done: str = "") -> Response:
        if not _person(request).session:
            return redirect("/")  # nobody has an account here, or it is the person at this machine
        return page(request, done=done if done in DONE else "")

    @made.post("/account/password")
    def change_password(
        request: Request, current: Text = "", new: Text = "", repeated: Text = ""
    ) -> Response:
        person, address = _person(request), came_over(request).client
        if new != repeated:
            return page(request, 422, wrong="repeated", error="repeated")
        try:
            changed = accounts.change_password(person, current, new, address=address, agent=agent(request))
        except BadRequest:
            return page(request, 422, wrong="new", error="password")
        except (NotSignedIn, Busy) as error:
            status, key, blanks = said(error)
            key = "current" if status == 401 else key
            return page(request, 422 if status == 401 else status, wrong="current", error=key, blanks=blanks)
        return begun(changed, request, "/account?done=password", settings)

    @made.post("/account/sessions")
    def end_session(request: Request, session: Text = "") -> Response:
        person, address = _person(request), came_over(request).client
        if session == "all":
            accounts.sessions.end_of(person, person.id, address=address)
            return redirect("/login")
        return _gone(lambda: accounts.sessions.end(person, session, address=address), "session")

    @made.post("/account/keys")
    def add_key(
        request: Request, name: Text = "", uses: Several = [], only: Several = [], days: Text = "90"  # noqa: B006 - FastAPI copies it
    ) -> Response:
        person, address = _person(request), came_over(request).client
        typed = {"name": name, "uses": uses, "only": only, "days": days}
        if days not in map(str, DAYS):
            return page(request, 422, wrong="days", error="key_days", typed=typed)
        wanted = [each for each in OFFERED if each in uses]
        try:
            new = accounts.keys.add(
                person, person.id, name, wanted, only=only or None, days=int(days) or None, address=address
            )
        except (BadRequest, NotFound):
            wrong = "uses" if not wanted or ("admin" in wanted and only) else "name"
            return page(request, 422, wrong=wrong, error=f"key_{wrong}", typed=typed)
        return page(request, secret=new.secret, made=new.key.name)

    @made.post("/account/keys/revoke")
    def revoke_key(request: Request, key: Text = "") -> Response:
        person, address = _person(request), came_over(request).client
        return _gone(lambda: accounts.keys.revoke(person, key, address=address), "revoked")

    return made


def _gone(end: Callable[[], object], done: str) -> Response:
    """Ended, or gone already: a form that is sent twice is no error."""
    try:
        end()
    except NotFound:
        return redirect("/account")
    return redirect(f"/account?done={done}")


def _person(request: Request) -> Principal:
    found: Principal = request.state.principal
    return found


def _account_page(
    request: Request, services: Services, pages: Pages, status: int, values: dict[str, object]
) -> Response:
    person, accounts = _person(request), services.accounts
    names = services.collections.names()
    offered = [each for each in OFFERED if each in USES and (each != "admin" or person.role == "admin")]
    shown: dict[str, object] = {
        "done": "",
        "wrong": "",
        "error": "",
        "blanks": {},
        "secret": "",
        "made": "",
        "typed": {"name": "", "uses": SHOWN_AT_FIRST, "only": (), "days": "90"},
        "groups": [each.name for each in accounts.groups.of_user(person.id)],
        "seen": [
            (each.id, each.name, person.level(each.id))
            for each in Visible(services.collections, person).all()
        ],
        "sessions": accounts.sessions.of(person.id),
        "keys": [
            (each, sorted(names[one] for one in each.only or () if one in names))
            for each in accounts.keys.of(person.id)
        ],
        "offered": offered,
        "days": DAYS,
        "agent_name": agent_name,
    }
    return pages.page(request, "account.html", section="", shared=False, status=status, **(shown | values))
