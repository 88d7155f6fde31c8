"""What the models are called: ``touchstone`` for all knowledge bases, ``touchstone/NAME`` for one.

An assistant is a model of its own name.
"""

from app.access.assistants import VisibleAssistants
from app.access.visible import Visible
from app.api.openai.request import Extension
from app.asking import How
from app.errors import InvalidParameter, UnknownModel

EVERYTHING = "touchstone"
EMBEDDER, RERANKER = "touchstone-embedding", "touchstone-reranker"
_ONE = f"{EVERYTHING}/"


def name_of(collection: str) -> str:
    """The model that answers from one knowledge base."""
    return f"{_ONE}{collection}"


def asked_by(
    model: str, extension: Extension, visible: Visible, assistants: VisibleAssistants
) -> How:
    """What a model asks: an assistant, knowledge bases by name, or all that is visible.

    The name of an assistant is a model, and a knowledge base's own name will do where no assistant has it.
    Raises ``UnknownModel``, in the same words for one that is not visible, and ``InvalidParameter`` where the
    extension names knowledge bases besides.
    """
    if model == EVERYTHING:
        return {"collections": extension.collections or ()}
    assistant = next((each for each in assistants.all() if each.name == model), None)
    names = [each.name for each in visible.all()]
    found = next((name for name in (model.removeprefix(_ONE), model) if name in names), None)
    if assistant is None and found is None:
        raise UnknownModel(
            f"the model {model!r} does not exist; ask for {EVERYTHING}, for {_ONE} and a knowledge base, or "
            "for an assistant by its name"
        )
    if extension.collections is not None:
        raise InvalidParameter(
            "touchstone.collections",
            f"the model {model!r} has its knowledge bases already; ask for {EVERYTHING} to name others",
        )
    return {"assistant": assistant.id} if assistant is not None else {"collections": (found or "",)}
