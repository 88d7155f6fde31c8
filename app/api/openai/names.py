"""What the models are called: ``touchstone`` for all knowledge bases, ``touchstone/NAME`` for one."""

from collections.abc import Sequence

from app.access.visible import Visible
from app.api.openai.request import Extension
from app.errors import InvalidParameter, UnknownModel

EVERYTHING = "touchstone"
EMBEDDER, RERANKER = "touchstone-embedding", "touchstone-reranker"
_ONE = f"{EVERYTHING}/"


def name_of(collection: str) -> str:
    """The model that answers from one knowledge base."""
    return f"{_ONE}{collection}"


def searched_by(model: str, extension: Extension, visible: Visible) -> Sequence[str]:
    """The names of the knowledge bases that a model searches, () for all that are visible.

    A knowledge base's own name will do. Raises ``UnknownModel``, in the same words for one that is not
    visible, and ``InvalidParameter`` where the extension names others.
    """
    if model == EVERYTHING:
        return extension.collections or ()
    names = [each.name for each in visible.all()]
    found = next((name for name in (model.removeprefix(_ONE), model) if name in names), None)
    if found is None:
        raise UnknownModel(
            f"the model {model!r} does not exist; ask for {EVERYTHING}, or for {_ONE} and a knowledge base"
        )
    if extension.collections is not None:
        raise InvalidParameter(
            "touchstone.collections",
            f"the model {model!r} is one knowledge base already; ask for {EVERYTHING} to name others",
        )
    return (found,)
