"""``/api/gaps``: questions answered badly or not at all, for those who can close them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.etag import require_unchanged, tag
from app.api.paging import PAGE, Cursor, Limit, place_of, written
from app.api.permitted import Asker
from app.api.single import only
from app.api.state import gate, language_of, services
from app.errors import BadRequest
from app.gaps.collecting import Collector
from app.gaps.details import detail
from app.gaps.inbox import MOST_NOTE, Inbox, Wanted
from app.gaps.ordering import Order
from app.gaps.rechecking import MOST_WORDINGS, Recheck
from app.gaps.views import GapDetail, GapList, GapView, RecheckList
from app.gate import Gate, Stopped
from app.services import Services
from app.storage.collections import MAX_NAME
from app.storage.gap_askings import Kind
from app.storage.gaps import State

MAX_ID = 100
LONGEST_DAYS = 36_500
routes = APIRouter(prefix="/api", tags=["gaps"])


def inbox(request: Request, held: Annotated[Services, Depends(services)], asker: Asker) -> Inbox:
    """The gaps that whoever makes the request may see."""
    collector: Collector = request.app.state.gaps
    return Inbox(held, asker, collector, lambda: datetime.now(UTC))


Found = Annotated[Inbox, Depends(inbox)]


class GapChange(BaseModel):
    """What shall be otherwise of a gap; what is null stays."""

    model_config = ConfigDict(extra="forbid")

    state: State | None = None
    note: str | None = Field(None, max_length=MOST_NOTE)


class CheckBody(BaseModel):
    """Which wordings to ask again; null: all, those checked longest ago first."""

    model_config = ConfigDict(extra="forbid")

    wordings: list[Annotated[str, Field(min_length=1, max_length=MAX_ID)]] | None = Field(
        None, min_length=1, max_length=MOST_WORDINGS
    )


@routes.get(
    "/gaps",
    response_model=GapList,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def list_gaps(
    found: Found,
    request: Request,
    state: State | None = None,
    kind: Kind | None = None,
    collection: Annotated[str | None, Query(min_length=1, max_length=MAX_NAME)] = None,
    days: Annotated[
        float | None, Query(gt=0, le=LONGEST_DAYS, description="only what was asked in the last days")
    ] = None,
    order: Order = "weight",
    format: Annotated[
        Literal["json", "csv"], Query(description="csv: all of it, UTF-8 with a byte order mark, no formulas")
    ] = "json",
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> GapList | Response:
    """Gaps over the knowledge bases that you manage: what was asked often and lately comes first."""
    since = None if days is None else datetime.now(UTC) - timedelta(days=days)
    wanted = Wanted(state=state, kind=kind, collection=collection, since=since)
    if format == "csv":
        data, notices = found.csv(wanted, order)
        headers = {"Content-Disposition": 'attachment; filename="gaps.csv"', "Cache-Control": "no-store"}
        if notices:
            headers["X-Touchstone-Notices"] = ", ".join(each.code for each in notices)
        return Response(data, headers=headers, media_type="text/csv; charset=utf-8")
    after = _place(cursor) if cursor else None
    listed, place = found.page(wanted, order, language_of(request), after=after, limit=limit)
    return listed.model_copy(update={"next_cursor": None if place is None else written(json.dumps(place))})


@routes.get("/gaps/{gap_id}")
def show_gap(gap_id: str, found: Found, request: Request, response: Response) -> GapDetail:
    """One gap with its wordings, what came near, what was said and the latest answers."""
    shown = detail(found, gap_id, language_of(request))
    tag(response, shown.gap)
    return shown


@routes.patch("/gaps/{gap_id}")
def change_gap(
    gap_id: str, body: GapChange, found: Found, request: Request, response: Response
) -> GapView:
    """Say that it is done, dismissed or open, or write a note. 412 where If-Match names an earlier state."""
    if body.state is None and body.note is None:
        raise BadRequest("nothing is to be changed; send a state or a note")
    view = found.change(
        gap_id, state=body.state, note=body.note, guard=lambda gap: require_unchanged(request, gap)
    )
    tag(response, view)
    return view


@routes.post("/gaps/{gap_id}/check")
async def check_gap(
    gap_id: str,
    found: Found,
    request: Request,
    held: Annotated[Services, Depends(services)],
    entrance: Annotated[Gate, Depends(gate)],
    body: CheckBody | None = None,
) -> RecheckList:
    """Ask its questions again, as the chat would now. Its state stays what it is; no answer is kept."""
    language = language_of(request)

    def work(stopped: Stopped) -> Iterator[RecheckList]:
        yield Recheck(found, gap_id, None if body is None else body.wordings).run(held, language, stopped)

    return await only(entrance.enter(), work, request)


def _place(cursor: str) -> tuple[float, str]:
    """The place a cursor was written for. Raises ``BadRequest``."""
    try:
        number, gap_id = json.loads(place_of(cursor))
        place = float(number), str(gap_id)
    except (ValueError, TypeError) as error:
        raise BadRequest(
            f"cursor {cursor[:80]!r} is not one that a page gave; leave it out to begin anew"
        ) from error
    return place
