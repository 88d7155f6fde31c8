"""``/api/snippets``: approved answers of an assistant, which are offered before anything is written."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from app.api.assistants import Body
from app.api.etag import require_unchanged, tag
from app.api.paging import MOST_DIGITS, PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.state import services
from app.result import View
from app.services import Services
from app.snippets import (
    MAX_NOTE,
    MAX_PHRASING,
    MAX_WORDS,
    MOST_QUESTIONS,
    Guard,
    Snippets,
    SnippetView,
)
from app.storage.snippets import SnippetState

Phrasings = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_PHRASING)]],
    Field(min_length=1, max_length=MOST_QUESTIONS),
]
routes = APIRouter(prefix="/api", tags=["assistants"])


def snippets(held: Annotated[Services, Depends(services)], asker: Asker) -> Snippets:
    """The snippets that whoever makes the request may see."""
    return Snippets(
        asker,
        database=held.database,
        assistants=held.caretaker.assistants,
        rows=held.caretaker.snippets,
        accounts=held.accounts,
    )


Own = Annotated[Snippets, Depends(snippets)]


class NewSnippet(Body):
    """A draft to write. ``expires_on``: the last day (UTC) on which it may be offered."""

    questions: Phrasings
    answer: str = Field(min_length=1, max_length=MAX_WORDS, description="words for the customer, Markdown")
    note: str = Field("", max_length=MAX_NOTE, description="for colleagues only")
    expires_on: date


class ChangedSnippet(Body):
    """What shall be otherwise; what is null stays. ``owner``: the id of a user."""

    questions: Phrasings | None = None
    answer: str | None = Field(None, min_length=1, max_length=MAX_WORDS)
    note: str | None = Field(None, max_length=MAX_NOTE)
    expires_on: date | None = None
    owner: str | None = Field(None, min_length=1, max_length=100)


class Approval(Body):
    """Until when (UTC, that day included) it is offered."""

    expires_on: date


class SnippetList(View):
    """Snippets, made last first."""

    data: tuple[SnippetView, ...]
    next_cursor: str | None


@routes.get("/assistants/{assistant_id}/snippets")
def list_snippets(
    assistant_id: str,
    own: Own,
    state: Annotated[SnippetState | None, Query()] = None,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> SnippetList:
    """The snippets of an assistant, without a state all but the deleted.

    Who may only read the knowledge bases that it asks sees the approved ones.
    """
    shown, more = page_of(
        own.of(assistant_id, state),
        lambda each: f"{each[0]:0{MOST_DIGITS}}",
        cursor=cursor,
        limit=limit,
        newest_first=True,
    )
    return SnippetList(data=tuple(view for _, view in shown), next_cursor=more)


@routes.post("/assistants/{assistant_id}/snippets", status_code=201)
def create_snippet(assistant_id: str, body: NewSnippet, own: Own, response: Response) -> SnippetView:
    """Write a draft; it is offered once somebody who manages the knowledge bases has approved it."""
    made = own.create(
        assistant_id,
        questions=body.questions,
        answer=body.answer,
        note=body.note,
        expires_on=body.expires_on,
    )
    response.headers["Location"] = f"/api/snippets/{made.id}"
    return _tagged(made, response)


@routes.get("/snippets/{snippet_id}")
def show_snippet(snippet_id: str, own: Own, response: Response) -> SnippetView:
    """One snippet; the header ETag names its state for If-Match."""
    return _tagged(own.get(snippet_id), response)


@routes.patch("/snippets/{snippet_id}")
def change_snippet(
    snippet_id: str, body: ChangedSnippet, own: Own, request: Request, response: Response
) -> SnippetView:
    """Change it; an approved one becomes a draft again unless you may approve. 412 as for assistants."""
    changed = own.change(
        snippet_id,
        _unchanged(request),
        questions=body.questions,
        answer=body.answer,
        note=body.note,
        expires_on=body.expires_on,
        owner=body.owner,
    )
    return _tagged(changed, response)


@routes.delete("/snippets/{snippet_id}")
def delete_snippet(snippet_id: str, own: Own, request: Request, response: Response) -> SnippetView:
    """Move it to the trash, from which it can be restored for ``trash_days``."""
    return _tagged(own.delete(snippet_id, _unchanged(request)), response)


@routes.post("/snippets/{snippet_id}/approve")
def approve_snippet(
    snippet_id: str, body: Approval, own: Own, request: Request, response: Response
) -> SnippetView:
    """Let it be offered from now on. You must manage every knowledge base that the assistant asks."""
    return _tagged(own.approve(snippet_id, _unchanged(request), body.expires_on), response)


@routes.post("/snippets/{snippet_id}/restore")
def restore_snippet(snippet_id: str, own: Own, response: Response) -> SnippetView:
    """Take it out of the trash, as it was."""
    return _tagged(own.restore(snippet_id), response)


def _tagged(view: SnippetView, response: Response) -> SnippetView:
    tag(response, view)
    return view


def _unchanged(request: Request) -> Guard:
    return lambda view: require_unchanged(request, view)
