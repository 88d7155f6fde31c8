"""A question as somebody put it, checked: what may be searched, with what settings."""

from collections.abc import Callable, Sequence
from typing import TypedDict, Unpack

from app.access.assistants import VisibleAssistants
from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Ask
from app.cards import AssistantName
from app.errors import BadRequest, NotFound
from app.settings import Settings
from app.storage.assistants import Assistant, AssistantRows
from app.storage.collections import Collection
from retrieval.manifest import check
from retrieval.protocols import Embedder
from retrieval.types import Scope

MAX_QUESTION = 2000  # characters; a question, not a document


class How(TypedDict, total=False):
    """How to ask. What is left out, or None, is as the assistant, the knowledge base or the settings say.

    ``collections``: names; none: those of the assistant, without one all that are visible. ``assistant``: an
    id. ``generate``: whether an answer is written.
    """

    collections: Sequence[str]
    instruction: str | None
    rerank: bool
    top_k: int | None
    top_n: int | None
    generate: bool
    assistant: str | None


def checked(
    question: str,
    visible: Visible,
    *,
    again: Callable[[Principal], Principal | None],
    assistants: AssistantRows,
    embedder: Embedder,
    settings: Settings,
    **how: Unpack[How],
) -> Ask:
    """The question over the knowledge bases of the assistant, or of these names; over all that are visible.

    ``again`` gives a principal with his rights of the moment it is called. The instruction is the caller's,
    else the assistant's, else that of the one collection, else the default of the settings. Raises
    ``BadRequest``, ``NotFound`` for a name or an assistant that is not visible, ``IndexMismatch`` where
    another embedder made the vectors.
    """
    if not question.strip():
        raise BadRequest("the question is empty; type one")
    if len(question) > MAX_QUESTION:
        raise BadRequest(f"the question has {len(question)} characters; at most {MAX_QUESTION} are read")
    chosen, names, instruction = how.get("assistant"), how.get("collections"), how.get("instruction")
    assistant = VisibleAssistants(assistants, visible.principal).by_id(chosen) if chosen else None
    found = _searched(visible, assistant, names or ())
    for each in found:
        if each.manifest is not None:
            check(each.manifest, embedder, each.name)
    own = (assistant.instruction if assistant else "") or (found[0].instruction if len(found) == 1 else "")
    scope = Scope(frozenset(each.id for each in found))
    return Ask(
        question=question,
        scope=scope,
        still=lambda: Scope(scope.collections & visible.still(again)),
        collections=tuple(each.name for each in found),
        instruction=instruction if instruction is not None else own or settings.rerank.instruction,
        rerank=how.get("rerank", True),
        top_k=how.get("top_k") or settings.retrieval.top_k,
        top_n=how.get("top_n") or settings.rerank.top_n,
        generate=how.get("generate", True),
        assistant=None if assistant is None else named(assistant),
    )


def named(assistant: Assistant) -> AssistantName:
    """An assistant as answers name it."""
    return AssistantName(id=assistant.id, name=assistant.name, template=assistant.template)


def _searched(visible: Visible, assistant: Assistant | None, names: Sequence[str]) -> list[Collection]:
    if assistant is not None:
        if names:
            raise BadRequest(
                f"assistant {assistant.name!r} asks its own knowledge bases; name them or it, not both"
            )
        if not assistant.collections:
            raise BadRequest(
                f"assistant {assistant.name!r} asks no knowledge base any more: those that it asked were "
                "deleted; let it ask another, or delete it"
            )
        return [visible.by_id(each) for each in assistant.collections]
    found = [visible.named(name) for name in dict.fromkeys(names)] if names else visible.all()
    if not found:
        raise NotFound(
            "there is nothing to search yet; `touchstone ingest PATH --collection NAME` adds documents"
        )
    return found
