"""``GET /v1/models``: what the caller may ask, embed and rerank with."""

from collections.abc import Iterator
from typing import Annotated, Literal

from fastapi import APIRouter, Depends

from app.access.assistants import VisibleAssistants
from app.access.principal import Principal
from app.access.visible import Visible
from app.api.openai.names import EMBEDDER, EVERYTHING, RERANKER, name_of
from app.api.permitted import Asker
from app.api.state import services
from app.errors import UnknownModel
from app.result import View
from app.services import Services

Kind = Literal["chat", "embedding", "rerank"]
routes = APIRouter(prefix="/v1", tags=["openai"])


class ModelExtra(View):
    """``identity`` of the model behind the name; ``collection`` it answers from, "" for all.

    ``assistant``: its id, "" where the name is not one's.
    """

    kind: Kind
    identity: str
    collection: str = ""
    assistant: str = ""
    documents: int | None = None
    dimensions: int | None = None


class ModelView(View):
    """One name that can be asked for. ``created``: always 0, models have no birthday here."""

    id: str
    object: Literal["model"] = "model"
    created: int = 0
    owned_by: Literal["touchstone"] = "touchstone"
    touchstone: ModelExtra


class ModelList(View):
    """All of them."""

    object: Literal["list"] = "list"
    data: tuple[ModelView, ...]


@routes.get("/models")
def list_models(held: Annotated[Services, Depends(services)], asker: Asker) -> ModelList:
    """``touchstone`` (all you may read), each knowledge base, assistants, the embedder, the reranker.

    An API key sees those it may be used for.
    """
    return ModelList(data=tuple(_models(held, asker)))


@routes.get("/models/{model:path}")
def show_model(model: str, held: Annotated[Services, Depends(services)], asker: Asker) -> ModelView:
    """One model by its name."""
    found = next((each for each in _models(held, asker) if each.id == model), None)
    if found is None:
        raise UnknownModel(f"the model {model!r} does not exist; GET /v1/models lists those there are")
    return found


def _models(held: Services, asker: Principal) -> Iterator[ModelView]:
    models = held.models
    if "chat" in asker.uses:
        writer = models.generator.identity
        seen = Visible(held.collections, asker).all()
        documents = sum(each.documents for each in seen)
        extra = ModelExtra(kind="chat", identity=writer, documents=documents)
        yield ModelView(id=EVERYTHING, touchstone=extra)
        for each in seen:
            extra = ModelExtra(kind="chat", identity=writer, collection=each.name, documents=each.documents)
            yield ModelView(id=name_of(each.name), touchstone=extra)
        counts = {each.id: each.documents for each in seen}
        for one in VisibleAssistants(held.caretaker.assistants, asker).all():
            documents = sum(counts[each] for each in one.collections)
            extra = ModelExtra(kind="chat", identity=writer, assistant=one.id, documents=documents)
            yield ModelView(id=one.name, touchstone=extra)
    if "embed" in asker.uses:
        embedder = models.embedder
        extra = ModelExtra(kind="embedding", identity=embedder.identity, dimensions=embedder.dim)
        yield ModelView(id=EMBEDDER, touchstone=extra)
    if "rerank" in asker.uses:
        yield ModelView(id=RERANKER, touchstone=ModelExtra(kind="rerank", identity=models.reranker.identity))
