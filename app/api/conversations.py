"""``/api/conversations``: list, search, make, rename and delete conversations, and ask in them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.etag import require_unchanged, tag
from app.api.paging import PAGE, Cursor, Limit, place_of, written
from app.api.permitted import Asker
from app.api.state import language_of, services
from app.asking import MAX_QUESTION
from app.conversations.asking import Names, Wanted
from app.conversations.runs import Runs
from app.conversations.talks import MAX_TITLE, Guard, Talks
from app.conversations.views import Accepted, ConversationList, ConversationView, MessageList
from app.services import Services

routes = APIRouter(prefix="/api", tags=["conversations"])


def talks(request: Request, held: Annotated[Services, Depends(services)], asker: Asker) -> Talks:
    """The conversations of whoever makes the request."""
    runs: Runs = request.app.state.runs
    return Talks(held, runs, asker, language_of(request))


Own = Annotated[Talks, Depends(talks)]
Search = Annotated[str, Query(max_length=200, description="words of title, questions or answers")]


class Body(BaseModel):
    """What a request may say."""

    model_config = ConfigDict(extra="forbid")


class NewConversation(Body):
    """A conversation to make. Without a title, its first question becomes it."""

    title: str = Field("", max_length=MAX_TITLE)
    collections: Names = Field(
        default_factory=list, description="names of the knowledge bases it asks; none: all that you may see"
    )
    assistant: str = Field("", max_length=100, description="the id of one that it asks instead")


class ChangedConversation(Body):
    """What shall be otherwise; what is null stays. ``assistant`` "": none."""

    title: str | None = Field(None, max_length=MAX_TITLE)
    collections: Names | None = None
    assistant: str | None = Field(None, max_length=100)


class NewMessage(Wanted):
    """A question."""

    question: str = Field(min_length=1, max_length=MAX_QUESTION)


@routes.get("/conversations")
def list_conversations(
    own: Own,
    q: Search = "",
    deleted: bool = False,
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> ConversationList:
    """Your conversations, the one asked last first; with ``deleted``, those in the trash."""
    at, _, last = place_of(cursor).partition(" ") if cursor else ("", "", "")
    before = (at, last) if cursor else None
    data, more = own.page(search=q, deleted=deleted, before=before, limit=limit)
    return ConversationList(data=data, next_cursor=None if more is None else written(" ".join(more)))


@routes.post("/conversations", status_code=201)
def create_conversation(body: NewConversation, own: Own, response: Response) -> ConversationView:
    """Make a conversation."""
    made = _tagged(own.create(body.title, body.collections, body.assistant), response)
    response.headers["Location"] = f"/api/conversations/{made.id}"
    return made


@routes.get("/conversations/{conversation_id}")
def show_conversation(conversation_id: str, own: Own, response: Response) -> ConversationView:
    """One conversation, without its messages."""
    return _tagged(own.get(conversation_id), response)


@routes.patch("/conversations/{conversation_id}")
def change_conversation(
    conversation_id: str, body: ChangedConversation, own: Own, request: Request, response: Response
) -> ConversationView:
    """Rename it, or let it ask an assistant or other knowledge bases.

    412 where If-Match names an earlier state.
    """
    changed = own.change(
        conversation_id,
        _unchanged(request),
        title=body.title,
        collections=body.collections,
        assistant=body.assistant,
    )
    return _tagged(changed, response)


@routes.delete("/conversations/{conversation_id}")
async def delete_conversation(
    conversation_id: str, own: Own, request: Request, response: Response
) -> ConversationView:
    """Move it to the trash, until ``restorable_until``; an answer that is being written ends."""
    return _tagged(await own.delete(conversation_id, _unchanged(request)), response)


@routes.post("/conversations/{conversation_id}/restore")
def restore_conversation(conversation_id: str, own: Own, response: Response) -> ConversationView:
    """Take it out of the trash."""
    return _tagged(own.restore(conversation_id), response)


@routes.get("/conversations/{conversation_id}/messages")
def list_messages(conversation_id: str, own: Own, cursor: Cursor = "", limit: Limit = PAGE) -> MessageList:
    """The chosen answer to each question, in order: the last ones, or where a cursor leads."""
    data, behind, before = own.reading.page(conversation_id, place_of(cursor) if cursor else "", limit)
    return MessageList(
        data=data,
        next_cursor=written(behind) if behind else None,
        previous_cursor=written(before) if before else None,
    )


@routes.post("/conversations/{conversation_id}/messages", status_code=202)
async def ask_in_conversation(
    conversation_id: str, body: NewMessage, own: Own, response: Response
) -> Accepted:
    """Ask. The answer belongs to the server: read it at ``events_url``, from anywhere, as often as you like.

    Nobody reading it for ``server.abandoned_s`` ends it. One answer of a conversation is written at a time.
    """
    accepted = await own.ask(conversation_id, body.question, body)
    response.headers["Location"] = f"/api/messages/{accepted.message_id}"
    return accepted


def _tagged(view: ConversationView, response: Response) -> ConversationView:
    tag(response, _state(view))
    return view


def _unchanged(request: Request) -> Guard:
    return lambda view: require_unchanged(request, _state(view))


def _state(view: ConversationView) -> ConversationView:
    """What ETag stands for: a new message makes no edit fail."""
    return view.model_copy(update={"updated_at": view.created_at})
