"""``ETag`` and ``If-Match`` (RFC 9110, section 13.1.1): an edit of what has changed meanwhile is refused."""

from hashlib import sha256

from fastapi import Request, Response
from pydantic import BaseModel

from app.errors import Outdated


def etag(view: BaseModel) -> str:
    """The strong tag of a state: equal states have equal tags."""
    return f'"{sha256(view.model_dump_json().encode()).hexdigest()[:32]}"'


def tag(response: Response, view: BaseModel) -> None:
    """Name the state that an answer shows in its header ETag."""
    response.headers["ETag"] = etag(view)


def require_unchanged(request: Request, view: BaseModel) -> None:
    """Raise ``Outdated`` where the request has If-Match and it does not name the present state.

    Call it in the transaction that edits, so that nothing comes between. ``*`` names any state; a weak tag
    names none.
    """
    named = [each.strip() for each in ",".join(request.headers.getlist("if-match")).split(",")]
    if named != [""] and "*" not in named and etag(view) not in named:
        raise Outdated("it has changed since it was read; read it again and repeat the change")
