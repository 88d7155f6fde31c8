"""``/api/keys``: what programs sign in with. Made and revoked by their owners; admins see and end all."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from app.access.principal import Use
from app.access.visible import Visible
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.session import CameOver, Held
from app.api.users import People
from app.errors import Forbidden
from app.result import View
from app.storage.api_keys import ApiKey

routes = APIRouter(prefix="/api", tags=["keys"])


class NewKeyBody(BaseModel):
    """A key to make. ``collections``: names of those it is for; null for all its owner may see."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(max_length=256)
    uses: list[Use] = Field(min_length=1, max_length=10)
    collections: list[str] | None = Field(None, max_length=1000)
    days: float | None = Field(90.0, gt=0, le=3650, description="until it expires; null for never")


class KeyView(View):
    """A key without its secret. ``collections``: ids, null for all. ``used_at`` is exact to a minute."""

    id: str
    user_id: str
    owner: str
    name: str
    uses: tuple[Use, ...]
    collections: tuple[str, ...] | None
    created_at: datetime
    expires_at: datetime | None
    used_at: datetime | None


class KeyMade(View):
    """A key that was made. ``secret`` is shown this once and kept nowhere."""

    secret: str
    key: KeyView


class KeyList(View):
    """Keys, made last first."""

    data: tuple[KeyView, ...]
    next_cursor: str | None


@routes.get("/keys")
def list_keys(
    people: People,
    asker: Asker,
    everyone: Annotated[bool, Query(description="everybody's, for admins")] = False,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> KeyList:
    """One's own keys, expired ones too, or as an admin everybody's."""
    if everyone and asker.role != "admin":
        raise Forbidden("everybody's keys are for admins")
    rows = people.keys.all() if everyone else people.keys.of(asker.id)
    found, more = page_of(rows, _place, cursor=cursor, limit=limit, newest_first=True)
    return KeyList(data=tuple(map(_view, found)), next_cursor=more)


@routes.post("/keys", status_code=201)
def add_key(body: NewKeyBody, held: Held, people: People, over: CameOver, asker: Asker) -> KeyMade:
    """Make a key for oneself. The secret is in this answer and can never be shown again."""
    visible = Visible(held.collections, asker)
    only = None if body.collections is None else [visible.named(each).id for each in body.collections]
    made = people.keys.add(
        asker, asker.id, body.name, body.uses, only=only, days=body.days, address=over.client
    )
    return KeyMade(secret=made.secret, key=_view(made.key))


@routes.delete("/keys/{key_id}", status_code=204)
def revoke_key(key_id: str, people: People, over: CameOver, asker: Asker) -> None:
    """End one of one's own keys, or as an admin anybody's."""
    people.keys.revoke(asker, key_id, address=over.client)


def _place(key: ApiKey) -> str:
    return f"{key.created_at.isoformat()} {key.id}"


def _view(key: ApiKey) -> KeyView:
    return KeyView(
        id=key.id,
        user_id=key.user_id,
        owner=key.owner,
        name=key.name,
        uses=tuple(sorted(key.uses)),
        collections=None if key.only is None else tuple(sorted(key.only)),
        created_at=key.created_at,
        expires_at=key.expires_at,
        used_at=key.used_at,
    )
