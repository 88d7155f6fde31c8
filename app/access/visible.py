"""Knowledge bases as somebody sees them: what is not his is not there."""

from app.access.principal import Level, Principal
from app.errors import Forbidden, NotFound
from app.storage.collections import Collection, Collections
from retrieval.types import Scope


class Visible:
    """The knowledge bases a principal may see. Everything that takes a name or an id goes through here."""

    def __init__(self, collections: Collections, principal: Principal) -> None:
        self._collections = collections
        self.principal = principal

    def all(self, level: Level = "read") -> list[Collection]:
        """Those he may do that much with, by name."""
        return [each for each in self._collections.all() if self.principal.may(each.id, level)]

    def scope(self) -> Scope:
        """What his searches may find."""
        return Scope(frozenset(each.id for each in self.all()))

    def named(self, name: str, level: Level = "read") -> Collection:
        """The one of that name.

        Raises ``NotFound`` for one he may not see, in the words for one that is not there; ``Forbidden`` for
        one he sees and may do less with.
        """
        seen = self.all()
        found = next((each for each in seen if each.name == name), None)
        if found is None:
            known = ", ".join(repr(each.name) for each in seen) or "none yet"
            raise NotFound(
                f"collection {name!r} does not exist (there is: {known}); `touchstone ingest` creates it"
            )
        return self._allowed(found, level)

    def by_id(self, collection_id: str, level: Level = "read") -> Collection:
        """The one of that id. Raises as ``named`` does."""
        if not self.principal.may(collection_id, "read"):
            raise NotFound("the collection does not exist")
        return self._allowed(self._collections.by_id(collection_id), level)

    def _allowed(self, found: Collection, level: Level) -> Collection:
        if not self.principal.may(found.id, level):
            own = self.principal.level(found.id)
            raise Forbidden(
                f"collection {found.name!r} needs the right to {level}, and yours is to {own}; whoever "
                "manages it can grant more"
            )
        return found
