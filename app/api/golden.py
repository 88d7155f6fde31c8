"""``/api/golden``: golden sets, questions about a knowledge base with the words that answer them."""

import asyncio
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.state import services
from app.errors import BadRequest
from app.evaluation.golden import Added
from app.evaluation.golden_sets import GoldenSets
from app.result import View
from app.services import Services
from app.storage.collections import MAX_NAME
from app.storage.golden import GoldenSet

MAX_CSV_BYTES = 2_000_000  # some ten thousand questions
LISTED = 100  # drafts of an import that are told one by one
CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {}}}}
routes = APIRouter(prefix="/api", tags=["golden"])


def golden_sets(held: Annotated[Services, Depends(services)], asker: Asker) -> GoldenSets:
    """The golden sets that whoever makes the request may see."""
    return GoldenSets(held, asker)


Sets = Annotated[GoldenSets, Depends(golden_sets)]


class Body(BaseModel):
    """What a request may say."""

    model_config = ConfigDict(extra="forbid")


class NewSet(Body):
    """A golden set to make; its name is unique on this server."""

    collection: str = Field(min_length=1, max_length=MAX_NAME)
    name: str = Field(min_length=1, max_length=MAX_NAME)


class Renamed(Body):
    """What a golden set shall be called."""

    name: str = Field(min_length=1, max_length=MAX_NAME)


class GoldenSetView(View):
    """A golden set and how many of its cases are accepted, and so asked, or drafts."""

    id: str
    name: str
    collection: str
    accepted: int
    drafts: int


class GoldenSetList(View):
    """Golden sets, by name."""

    data: tuple[GoldenSetView, ...]
    next_cursor: str | None


class DraftView(View):
    """A draft, and why it is one."""

    id: str
    reason: str


class AddedView(View):
    """What became of cases. ``drafts`` counts all, ``data`` has the first ones."""

    accepted: int
    drafts: int
    data: tuple[DraftView, ...]


@routes.get("/golden")
def list_golden_sets(
    sets: Sets,
    collection: Annotated[str | None, Query(min_length=1, max_length=MAX_NAME)] = None,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> GoldenSetList:
    """The golden sets of the knowledge bases that you may write to."""
    shown, more = page_of(sets.all(collection), lambda each: each.name, cursor=cursor, limit=limit)
    return GoldenSetList(data=tuple(map(set_view, shown)), next_cursor=more)


@routes.post("/golden", status_code=201)
def create_golden_set(body: NewSet, sets: Sets, response: Response) -> GoldenSetView:
    """Make an empty golden set about a knowledge base."""
    made = sets.create(body.collection, body.name)
    response.headers["Location"] = f"/api/golden/{made.id}"
    return set_view(made)


@routes.get("/golden/{set_id}")
def show_golden_set(set_id: str, sets: Sets) -> GoldenSetView:
    """One golden set."""
    return set_view(sets.get(set_id))


@routes.patch("/golden/{set_id}")
def rename_golden_set(set_id: str, body: Renamed, sets: Sets) -> GoldenSetView:
    """Rename it. Evaluations keep the name it had."""
    return set_view(sets.rename(set_id, body.name))


@routes.delete("/golden/{set_id}")
def delete_golden_set(set_id: str, sets: Sets) -> GoldenSetView:
    """Delete it with all its cases, for good; the answer is what it was."""
    return set_view(sets.delete(set_id))


@routes.get("/golden/{set_id}/export", response_class=Response, responses=CSV)
def export_golden_set(set_id: str, sets: Sets) -> Response:
    """All cases as CSV, drafts included: UTF-8 with a byte order mark, and no cell runs as a formula."""
    name = quote(f"{sets.get(set_id).name.replace('/', '_')}.csv", safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return Response(sets.export_csv(set_id), headers=headers, media_type="text/csv; charset=utf-8")


@routes.post("/golden/{set_id}/import", max_body_size=MAX_CSV_BYTES)
async def import_golden_set(
    set_id: str,
    request: Request,
    sets: Sets,
    name: Annotated[str, Query(min_length=1, max_length=255)] = "questions.csv",
) -> AddedView:
    """Add the cases of the CSV in the body, in place of those of the same id; all or none.

    Columns are those of the export, of which only ``question`` is needed. Where lines cannot be read, each of
    them is told in ``errors``. ``name``: what the file is called there.
    """
    await asyncio.to_thread(sets.get, set_id)
    data = await request.body()
    if not data:
        raise BadRequest("the body is empty; send the bytes of a CSV file")
    return added_view(await asyncio.to_thread(sets.import_csv, set_id, data, name))


def set_view(found: GoldenSet) -> GoldenSetView:
    """A golden set for JSON."""
    return GoldenSetView(
        id=found.id,
        name=found.name,
        collection=found.collection,
        accepted=found.accepted,
        drafts=found.drafts,
    )


def added_view(added: Added) -> AddedView:
    """What became of cases, for JSON."""
    data = tuple(DraftView(id=each, reason=reason) for each, reason in added.drafts[:LISTED])
    return AddedView(accepted=added.accepted, drafts=len(added.drafts), data=data)
