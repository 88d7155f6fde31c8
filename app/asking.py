"""A question as somebody put it, checked: what may be searched, with what settings."""

from collections.abc import Callable, Sequence

from app.access.principal import Principal
from app.access.visible import Visible
from app.answering import Ask
from app.errors import BadRequest, NotFound
from app.settings import Settings
from retrieval.manifest import check
from retrieval.protocols import Embedder
from retrieval.types import Scope

MAX_QUESTION = 2000  # characters; a question, not a document


def checked(
    question: str,
    visible: Visible,
    *,
    again: Callable[[Principal], Principal | None],
    collections: Sequence[str],
    embedder: Embedder,
    settings: Settings,
    instruction: str | None,
    rerank: bool,
    top_k: int | None,
    top_n: int | None,
    generate: bool,
) -> Ask:
    """The question over the knowledge bases of these names; over all that are visible where none is named.

    ``again`` gives a principal with his rights of the moment it is called. The instruction is the caller's,
    else that of the one collection, else the default of the settings. Raises ``BadRequest``, ``NotFound`` for
    a name that is not visible, ``IndexMismatch`` where another embedder made the vectors.
    """
    if not question.strip():
        raise BadRequest("the question is empty; type one")
    if len(question) > MAX_QUESTION:
        raise BadRequest(f"the question has {len(question)} characters; at most {MAX_QUESTION} are read")
    found = [visible.named(name) for name in dict.fromkeys(collections)] if collections else visible.all()
    if not found:
        raise NotFound(
            "there is nothing to search yet; `touchstone ingest PATH --collection NAME` adds documents"
        )
    for each in found:
        if each.manifest is not None:
            check(each.manifest, embedder, each.name)
    own = found[0].instruction if len(found) == 1 else ""
    scope = Scope(frozenset(each.id for each in found))
    return Ask(
        question=question,
        scope=scope,
        still=lambda: Scope(scope.collections & visible.still(again)),
        collections=tuple(each.name for each in found),
        instruction=instruction if instruction is not None else own or settings.rerank.instruction,
        rerank=rerank,
        top_k=top_k or settings.retrieval.top_k,
        top_n=top_n or settings.rerank.top_n,
        generate=generate,
    )
