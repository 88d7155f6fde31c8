"""A question of a conversation becomes an ``Ask``: with its settings, and what was said before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.access.assistants import VisibleAssistants
from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Ask
from app.asking import How
from app.conversation import MOST_EXCHANGES
from app.conversations.shown import withheld
from app.errors import BadRequest, NotFound
from app.result import Result
from app.services import Services
from app.storage.collections import MAX_INSTRUCTION, MAX_NAME
from app.storage.messages import MessageRow, Source
from retrieval.types import Chunk, Exchange

MOST_COLLECTIONS = 100  # that one request may name
Names = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=MAX_NAME)]], Field(max_length=MOST_COLLECTIONS)
]


class AskedWith(BaseModel):
    """What a message was asked with, as it is kept. ``collections`` are ids; none: all the asker saw then.

    ``assistant``: its id, "" for none; ``collections`` are then those that it asked. None leaves an
    instruction to the assistant or the knowledge base, and a number to the settings of the server.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    collections: tuple[str, ...] = ()
    assistant: str = ""
    instruction: str | None = None
    rerank: bool = True
    top_k: int | None = None
    top_n: int | None = None


class Wanted(BaseModel):
    """With what to ask. ``collections``: names; null for those of the conversation, or of the message.

    ``assistant``: an id, "" for none; null for that of the conversation, or of the message, unless
    collections are named.
    """

    model_config = ConfigDict(extra="forbid")

    collections: Names | None = None
    assistant: str | None = Field(None, max_length=100)
    instruction: str | None = Field(
        None, max_length=MAX_INSTRUCTION, description="what the reranker should prefer"
    )
    rerank: bool = True
    top_k: int | None = Field(None, ge=1, le=1000)
    top_n: int | None = Field(None, ge=1, le=50)


def asked_with(
    services: Services, principal: Principal, wanted: Wanted, otherwise: AskedWith
) -> AskedWith:
    """What was wanted, with ids, and the assistant or collections of ``otherwise`` where none were named.

    Raises as ``ids_of`` and ``refreshed``, and ``BadRequest`` where both were named.
    """
    named, assistant = wanted.collections, wanted.assistant
    if named and assistant:
        raise BadRequest("an assistant asks its own knowledge bases; name them or it, not both")
    if assistant is None:
        assistant = otherwise.assistant if named is None else ""
    return refreshed(
        services,
        principal,
        AskedWith(
            collections=otherwise.collections if named is None else ids_of(services, principal, named),
            assistant=assistant,
            instruction=wanted.instruction or None,
            rerank=wanted.rerank,
            top_k=wanted.top_k,
            top_n=wanted.top_n,
        ),
    )


def refreshed(services: Services, principal: Principal, asked: AskedWith) -> AskedWith:
    """The same with what its assistant asks now. Raises ``NotFound`` where that is not his to ask."""
    if not asked.assistant:
        return asked
    rows = VisibleAssistants(services.caretaker.assistants, principal)
    try:
        found = rows.by_id(asked.assistant)
    except NotFound as error:
        raise NotFound(
            "the assistant is not there any more, or not yours to ask; choose another, or none"
        ) from error
    return asked.model_copy(update={"collections": found.collections})


def ids_of(services: Services, principal: Principal, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of knowledge bases by name. Raises ``NotFound`` for one the principal does not see."""
    visible = Visible(services.collections, principal)
    return tuple(dict.fromkeys(visible.named(name).id for name in names))


def ask_of(
    services: Services, principal: Principal, question: str, asked: AskedWith, history: Sequence[Exchange]
) -> Ask:
    """The question, checked. Raises what ``Services.ask`` raises."""
    visible = Visible(services.collections, principal)
    how: How = {
        "instruction": asked.instruction or None,
        "rerank": asked.rerank,
        "top_k": asked.top_k,
        "top_n": asked.top_n,
    }
    if asked.assistant:
        how["assistant"] = asked.assistant
    else:
        how["collections"] = _names(visible, asked.collections)
    ask = services.ask(question, principal=principal, **how)
    return replace(ask, history=tuple(history))


def _names(visible: Visible, collections: Sequence[str]) -> list[str]:
    try:
        return [visible.by_id(each).name for each in collections]
    except NotFound as error:
        raise NotFound(
            "a knowledge base that this conversation asks is not there any more, or not yours to read; "
            "choose those that it shall ask"
        ) from error


def exchanges(
    before: Sequence[MessageRow], sources: dict[str, list[Source]], principal: Principal
) -> tuple[Exchange, ...]:
    """The last ``MOST_EXCHANGES`` of these messages as history; an answer he may not see any more is "" ."""
    return tuple(
        Exchange(each.question, "" if withheld(sources[each.id], principal) else each.text)
        for each in before[-MOST_EXCHANGES:]
    )


def sources_of(result: Result, ask: Ask) -> tuple[Source, ...]:
    """What an answer rests on, and what was only found for it.

    One that abstains names the documents that came near, one that asks back names headings: both rest on
    them.
    """
    read = [passage.chunk for passage in result.answer.passages]
    found = [ranked.chunk for ranked in result.candidates]
    if result.answer.outcome == "abstained":
        read, found = [*read, *found], []
    whole = ask.scope.collections if result.suggestions else ()
    return (
        *(_source(each, read=True) for each in read),
        *(_source(each, read=False) for each in found),
        *(Source("", 0, each, read=True) for each in sorted(whole)),
    )


def read_of(chunks: Sequence[Chunk]) -> tuple[Source, ...]:
    """The sources of passages that are being read."""
    return tuple(_source(each, read=True) for each in chunks)


def _source(chunk: Chunk, *, read: bool) -> Source:
    return Source(chunk.document_id, chunk.version, chunk.collection, read)
