"""``/api/assistants``: named ways of asking, for whoever may read all that they ask."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.etag import require_unchanged, tag
from app.api.paging import PAGE, Cursor, Limit, page_of
from app.api.permitted import Asker
from app.api.state import services
from app.assistants import Assistants, AssistantView, CountsView
from app.cards import Template
from app.conversations.asking import Names
from app.result import View
from app.services import Services
from app.storage.collections import MAX_INSTRUCTION, MAX_NAME

routes = APIRouter(prefix="/api", tags=["assistants"])


def assistants(held: Annotated[Services, Depends(services)], asker: Asker) -> Assistants:
    """The assistants that whoever makes the request may see."""
    return Assistants(
        asker,
        database=held.database,
        collections=held.collections,
        rows=held.caretaker.assistants,
        snippets=held.caretaker.snippets,
        audit=held.accounts.audit,
    )


Own = Annotated[Assistants, Depends(assistants)]


class Body(BaseModel):
    """What a request may say."""

    model_config = ConfigDict(extra="forbid")


class NewAssistant(Body):
    """An assistant to make; its name is unique on this server."""

    name: str = Field(min_length=1, max_length=MAX_NAME)
    template: Template = "answer"
    instruction: str = Field("", max_length=MAX_INSTRUCTION)
    collections: Names = Field(min_length=1, description="names of the knowledge bases it asks")


class ChangedAssistant(Body):
    """What shall be otherwise; what is null stays."""

    name: str | None = Field(None, min_length=1, max_length=MAX_NAME)
    template: Template | None = None
    instruction: str | None = Field(None, max_length=MAX_INSTRUCTION)
    collections: Names | None = None


class AssistantList(View):
    """Assistants, by name."""

    data: tuple[AssistantView, ...]
    next_cursor: str | None


@routes.get("/assistants")
def list_assistants(own: Own, cursor: Cursor = "", limit: Limit = PAGE) -> AssistantList:
    """The assistants that you may ask."""
    shown, more = page_of(own.all(), lambda each: each.name, cursor=cursor, limit=limit)
    return AssistantList(data=shown, next_cursor=more)


@routes.post("/assistants", status_code=201)
def create_assistant(body: NewAssistant, own: Own, response: Response) -> AssistantView:
    """Make an assistant. You must manage every knowledge base that it asks."""
    made = own.create(body.name, body.template, body.instruction, body.collections)
    response.headers["Location"] = f"/api/assistants/{made.id}"
    return _tagged(made, response)


@routes.get("/assistants/{assistant_id}")
def show_assistant(assistant_id: str, own: Own, response: Response) -> AssistantView:
    """One assistant; the header ETag names its state for If-Match."""
    return _tagged(own.get(assistant_id), response)


@routes.patch("/assistants/{assistant_id}")
def change_assistant(
    assistant_id: str, body: ChangedAssistant, own: Own, request: Request, response: Response
) -> AssistantView:
    """Change it. 412 where If-Match names an earlier state."""
    changed = own.change(
        assistant_id,
        lambda view: require_unchanged(request, _state(view)),
        name=body.name,
        template=body.template,
        instruction=body.instruction,
        collections=body.collections,
    )
    return _tagged(changed, response)


@routes.delete("/assistants/{assistant_id}")
def delete_assistant(assistant_id: str, own: Own, request: Request) -> AssistantView:
    """Delete it with its snippets, for good; the answer is what it was. 412 as above."""
    return own.delete(assistant_id, lambda view: require_unchanged(request, _state(view)))


def _tagged(view: AssistantView, response: Response) -> AssistantView:
    tag(response, _state(view))
    return view


def _state(view: AssistantView) -> AssistantView:
    """What ETag stands for: a new snippet makes no edit fail."""
    return view.model_copy(update={"snippets": CountsView(approved=0, draft=0, expired=0)})
