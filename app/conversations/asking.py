"""A question of a conversation becomes an ``Ask``: with its settings, and what was said before."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Ask
from app.conversation import MOST_EXCHANGES
from app.conversations.shown import withheld
from app.errors import NotFound
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

    None leaves an instruction to the knowledge base, and a number to the settings of the server.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    collections: tuple[str, ...] = ()
    instruction: str | None = None
    rerank: bool = True
    top_k: int | None = None
    top_n: int | None = None


class Wanted(BaseModel):
    """With what to ask. ``collections``: names; null for those of the conversation, or of the message."""

    model_config = ConfigDict(extra="forbid")

    collections: Names | None = None
    instruction: str | None = Field(
        None, max_length=MAX_INSTRUCTION, description="what the reranker should prefer"
    )
    rerank: bool = True
    top_k: int | None = Field(None, ge=1, le=1000)
    top_n: int | None = Field(None, ge=1, le=50)


def asked_with(
    services: Services, principal: Principal, wanted: Wanted, otherwise: tuple[str, ...]
) -> AskedWith:
    """What was wanted, with ids, and these collections where none were named. Raises as ``ids_of``."""
    named = wanted.collections
    return AskedWith(
        collections=otherwise if named is None else ids_of(services, principal, named),
        instruction=wanted.instruction or None,
        rerank=wanted.rerank,
        top_k=wanted.top_k,
        top_n=wanted.top_n,
    )


def ids_of(services: Services, principal: Principal, names: Sequence[str]) -> tuple[str, ...]:
    """The ids of knowledge bases by name. Raises ``NotFound`` for one the principal does not see."""
    visible = Visible(services.collections, principal)
    return tuple(dict.fromkeys(visible.named(name).id for name in names))


def ask_of(
    services: Services, principal: Principal, question: str, asked: AskedWith, history: Sequence[Exchange]
) -> Ask:
    """The question, checked. Raises what ``Services.ask`` raises."""
    visible = Visible(services.collections, principal)
    try:
        names = [visible.by_id(each).name for each in asked.collections]
    except NotFound as error:
        raise NotFound(
            "a knowledge base that this conversation asks is not there any more, or not yours to read; "
            "choose those that it shall ask"
        ) from error
    ask = services.ask(
        question,
        principal=principal,
        collections=names,
        instruction=asked.instruction or None,
        rerank=asked.rerank,
        top_k=asked.top_k,
        top_n=asked.top_n,
    )
    return replace(ask, history=tuple(history))


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
