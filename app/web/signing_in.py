"""Pages for whoever has not signed in: the sign-in, and making the first admin. They need no script."""

import math
import re
from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from app.access.accounts import Accounts, SignedIn
from app.access.channel import Channel
from app.access.names import checked_name
from app.access.principal import Principal
from app.errors import BadRequest, Busy, Conflict, NotSignedIn, TooManyAttempts
from app.settings import AccessSettings
from app.web.pages import Pages

LOCAL_PATH = re.compile(r"/(?![/\\])[!-\[\]-~]*")
"""A path of this server in printable ASCII: two slashes, or a backslash, would begin another host's name."""
DAY_S = 86_400

Text = Annotated[str, Form()]


def local_path(wanted: str) -> str:
    """Where to go on after the sign-in: that path of this server, "/" for anything else."""
    return wanted if LOCAL_PATH.fullmatch(wanted) else "/"


def came_over(request: Request) -> Channel:
    """What a request came over."""
    found: Channel = request.state.channel
    return found


def agent(request: Request) -> str:
    """What the browser calls itself."""
    return request.headers.get("user-agent", "")


def known(request: Request) -> Principal | None:
    """Who makes a request to a page that is open to everyone; None for nobody. May block."""
    found: Principal | None = request.state.renew()
    return found


def redirect(url: str) -> RedirectResponse:
    """See other: what was posted is done, and a reload does not do it again."""
    return RedirectResponse(url, status_code=303)


def begun(signed_in: SignedIn, request: Request, url: str, settings: AccessSettings) -> Response:
    """On to a page, with the cookie of a session."""
    max_age_s = round(settings.session_max_days * DAY_S)
    response = redirect(url)
    response.headers.append("set-cookie", came_over(request).keeping(signed_in.token, max_age_s))
    return response


def said(error: Exception) -> tuple[int, str, Mapping[str, object]]:
    """Status, key below ``page.people.errors`` and blanks of what went wrong with somebody's sign-in."""
    if isinstance(error, Busy):
        if isinstance(error, TooManyAttempts):
            return 429, "too_many_attempts", {"count": max(1, math.ceil(error.retry_after_s / 60))}
        return 503, "busy", {}
    return 401, "refused", {}


def routes(accounts: Accounts, settings: AccessSettings, pages: Pages) -> APIRouter:
    """``/login``, ``/logout`` and ``/setup``. Without accounts they all lead to the chat page."""
    made = APIRouter(include_in_schema=False)

    def sign_in_page(
        request: Request, wanted: str, *, status: int = 200, name: str = "", error: str = "", **blanks: object
    ) -> Response:
        return pages.page(
            request,
            "login.html",
            status=status,
            next=wanted,
            name=name,
            error=error,
            blanks=blanks,
            possible=bool(came_over(request).cookie),
            empty=accounts.empty(),
        )

    def setup_page(request: Request, token: str, *, status: int = 200, **values: object) -> Response:
        shown = {"name": "", "error": "", "wrong": "", "blanks": {}} | values
        shown |= {"token": token, "possible": bool(came_over(request).cookie)}
        return pages.page(request, "setup.html", section="", shared=False, status=status, **shown)

    def left_out(request: Request) -> Response | None:
        """Where a page like these has nothing to say: no accounts."""
        return redirect("/") if settings.mode == "single" else None

    @made.get("/login")
    def show_sign_in(request: Request, next: str = "/") -> Response:
        wanted = local_path(next)
        if settings.mode == "single" or known(request):
            return redirect(wanted)
        return sign_in_page(request, wanted)

    @made.post("/login")
    def sign_in(request: Request, username: Text = "", password: Text = "", next: Text = "/") -> Response:
        if (away := left_out(request)) is not None:
            return away
        wanted = local_path(next)
        if not came_over(request).cookie:
            return sign_in_page(request, wanted, status=403, name=username)
        before = known(request)
        try:
            signed_in = accounts.sign_in(
                username, password, address=came_over(request).client, agent=agent(request)
            )
        except (NotSignedIn, Busy) as error:
            status, key, blanks = said(error)
            page = sign_in_page(request, wanted, status=status, name=username, error=key, **blanks)
            if isinstance(error, Busy):
                page.headers["Retry-After"] = str(error.retry_after_s)
            return page
        if before is not None:
            accounts.sign_out(before, address=came_over(request).client)
        return begun(signed_in, request, wanted, settings)

    @made.post("/logout")
    def sign_out(request: Request) -> Response:
        if (away := left_out(request)) is not None:
            return away
        found = known(request)
        if found is not None:
            accounts.sign_out(found, address=came_over(request).client)
        response = redirect("/login")
        if came_over(request).cookie:
            response.headers.append("set-cookie", came_over(request).forgetting())
        response.headers["Clear-Site-Data"] = '"storage"'  # the conversation that a tab keeps
        return response

    @made.get("/setup")
    def show_setup(request: Request, token: str = "") -> Response:
        if (away := left_out(request)) is not None:
            return away
        return setup_page(request, token) if accounts.empty() else redirect("/login")

    @made.post("/setup")
    def set_up(
        request: Request, token: Text = "", username: Text = "", password: Text = "", repeated: Text = ""
    ) -> Response:
        if (away := left_out(request)) is not None:
            return away
        if not came_over(request).cookie:
            return setup_page(request, token, status=403, name=username)
        where, field = came_over(request).client, "username"
        try:
            checked_name(username, "user")
            field = "repeated"
            if password != repeated:
                raise BadRequest("the two passwords differ")
            field = "password"
            accounts.setup(token.strip(), username, password, address=where)
            signed_in = accounts.sign_in(username, password, address=where, agent=agent(request))
        except BadRequest:
            return setup_page(request, token, status=422, name=username, error=field, wrong=field)
        except Conflict:
            return redirect("/login")
        except (NotSignedIn, Busy) as error:
            status, key, blanks = said(error)
            key, field = ("token", "token") if status == 401 else (key, "")
            return setup_page(
                request, token, status=status, name=username, error=key, wrong=field, blanks=blanks
            )
        return begun(signed_in, request, "/", settings)

    return made
