"""Which route serves a request, by the path it was declared with: no name or id of anybody's is in it."""

from fastapi.routing import APIRoute
from starlette.routing import Route
from starlette.types import Scope


def template(scope: Scope) -> str:
    """The declared path of the route that was found, as ``/api/jobs/{job_id}``; "" where none was."""
    route = scope.get("route")
    return route.path_format if isinstance(route, APIRoute | Route) else ""
