"""May this caller use this route? Asked before every route, answered by the one table."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from starlette.routing import Route

from app.access.principal import Principal
from app.access.rules import RULES, Rule
from app.errors import Forbidden, NotSignedIn

_OPEN = tuple((method, path.partition("{")) for (method, path), rule in RULES.items() if rule.open)


def is_open(method: str, path: str) -> bool:
    """Whether an address, as it was asked for, may be one that needs no credential; HEAD is GET."""
    asked = "GET" if method == "HEAD" else method
    return any(
        asked == each and (path.startswith(start) if blank else path == start)
        for each, (start, blank, _) in _OPEN
    )


def rule_of(method: str, path: str) -> Rule | None:
    """The rule of a route, by the path it was declared with; HEAD is GET."""
    return RULES.get(("GET" if method == "HEAD" else method, path))


def permitted(request: Request) -> None:
    """Raise ``NotSignedIn`` or ``Forbidden`` where the caller may not use the route that was found."""
    route = request.scope.get("route")
    path = route.path_format if isinstance(route, APIRoute | Route) else ""
    rule = rule_of(request.method, path)
    if rule is None:
        raise Forbidden(f"nobody may use {request.method} {path}")
    if rule.open:
        return
    lacking = rule.lacks(principal(request))
    if lacking:
        raise Forbidden(f"{request.method} {path} needs {lacking}")


def principal(request: Request) -> Principal:
    """Who makes this request. Raises ``NotSignedIn``."""
    found = getattr(request.state, "principal", None)
    if not isinstance(found, Principal):
        raise NotSignedIn("nobody has signed in; sign in, or send an API key")
    return found


Asker = Annotated[Principal, Depends(principal)]
"""Who makes the request, as a parameter of a route."""
