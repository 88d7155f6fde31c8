"""What of an old answer's approved answers may still be shown, and what has become of them since."""

from pydantic import JsonValue

from app.access.assistants import VisibleAssistants
from app.access.principal import Principal
from app.cards import AssistantName, Offer, OfferState
from app.errors import NotFound
from app.storage.assistants import AssistantRows
from app.storage.snippets import Snippet, SnippetRows

Json = dict[str, JsonValue]


class Offered:
    """Looks at assistants and snippets as they are when an old answer is read."""

    def __init__(self, assistants: AssistantRows, snippets: SnippetRows) -> None:
        self._assistants = assistants
        self._snippets = snippets

    def assistant(self, assistant_id: str, principal: Principal) -> AssistantName | None:
        """The assistant as it is called now; None where it is gone, or not his to ask."""
        if not assistant_id:
            return None
        try:
            found = VisibleAssistants(self._assistants, principal).by_id(assistant_id)
        except NotFound:
            return None
        return AssistantName(id=found.id, name=found.name, template=found.template)

    def now(self, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
        """The same with their state of now; the words of one that was deleted for good are gone."""
        rows = self._snippets.by_ids([each.snippet_id for each in offers]) if offers else {}
        return tuple(self._state(each, rows.get(each.snippet_id)) for each in offers)

    def in_result(self, result: Json, principal: Principal) -> Json:
        """A ``ResultView`` as JSON with its offers as they are now, without them where they are not his."""
        named = result.get("assistant")
        if not isinstance(named, dict):
            return result
        seen = self.assistant(str(named["id"]), principal)
        if seen is None:
            return result | {"assistant": None, "offers": []}
        listed = result.get("offers")
        offers = tuple(Offer.model_validate(each) for each in listed) if isinstance(listed, list) else ()
        return result | {"offers": [each.model_dump(mode="json") for each in self.now(offers)]}

    def _state(self, offer: Offer, row: Snippet | None) -> Offer:
        if row is None:
            gone = {"question": "", "answer": "", "note": "", "state": "deleted"}
            return offer.model_copy(update=gone)
        state: OfferState = row.state(self._snippets.today())
        words = (offer.question in row.questions, offer.answer == row.answer, offer.note == row.note)
        if state == "approved" and not all(words):
            state = "changed"
        return offer.model_copy(update={"state": state, "expires_on": row.expires_on})
