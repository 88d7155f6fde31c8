"""Assistants as somebody sees them: one that asks what he may not read is not there."""

from app.access.principal import LEVELS, Level, Principal
from app.errors import Forbidden, NotFound
from app.storage.assistants import Assistant, AssistantRows


def may(principal: Principal, assistant: Assistant, level: Level) -> bool:
    """Whether he may do that much with all that it asks; with one that asks nothing only who sees all may."""
    if not assistant.collections:
        return principal.sees_all
    return all(principal.may(each, level) for each in assistant.collections)


class VisibleAssistants:
    """The assistants a principal may see."""

    def __init__(self, rows: AssistantRows, principal: Principal) -> None:
        self._rows = rows
        self._principal = principal

    def all(self) -> list[Assistant]:
        """Those he may ask, by name."""
        return [each for each in self._rows.all() if may(self._principal, each, "read")]

    def named(self, name: str) -> Assistant:
        """The one of that name. Raises ``NotFound`` naming those he sees."""
        found = next((each for each in self.all() if each.name == name), None)
        if found is None:
            known = ", ".join(repr(each.name) for each in self.all()) or "none yet"
            raise NotFound(
                f"assistant {name!r} does not exist (there is: {known}); `touchstone assistants add` makes"
                " one"
            )
        return found

    def by_id(self, assistant_id: str, level: Level = "read") -> Assistant:
        """The one of that id.

        Raises ``NotFound`` for one he may not see, in the words for one that is not there; ``Forbidden`` for
        one he sees and may do less with.
        """
        found = self._rows.by_id(assistant_id)
        if found is None or not may(self._principal, found, "read"):
            raise NotFound(f"assistant {assistant_id!r} does not exist")
        if not may(self._principal, found, level):
            own = max(
                (each for each in LEVELS if may(self._principal, found, each)), key=LEVELS.index
            )
            raise Forbidden(
                f"assistant {found.name!r} needs the right to {level} every knowledge base that it asks, and "
                f"yours is to {own}; whoever manages them can grant more"
            )
        return found
