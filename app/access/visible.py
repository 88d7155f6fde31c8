"""Knowledge bases as somebody sees them: what is not his is not there."""

from collections.abc import Callable
from dataclasses import replace

from app.access.principal import Level, Principal
from app.errors import Conflict, Forbidden, NotFound
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
        return Scope(self.ids())

    def ids(self) -> frozenset[str]:
        """The ids of those he may see, without counting what they hold: asked several times a question."""
        return frozenset(each for each in self._collections.names() if self.principal.may(each, "read"))

    def still(self, again: Callable[[Principal], Principal | None]) -> frozenset[str]:
        """The ids of those he may see by now; ``again`` reads his rights anew (None: he has none left)."""
        now = again(self.principal)
        return frozenset() if now is None else Visible(self._collections, now).ids()

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

    def expected(self, name: str, level: Level) -> Collection | None:
        """What ``created`` would give, None where it would make it. Raises as it does."""
        if any(each.name == name for each in self.all()):
            return self.named(name, level)
        if not self.principal.is_at_least("editor") or self.principal.only is not None:
            raise Forbidden(f"there is no collection {name!r}, and making one needs the role editor")
        if name in self._collections.names().values():
            raise Conflict(f"the name {name!r} is taken; choose another")
        return None

    def created(
        self, name: str, level: Level, granted: Callable[[Principal, str], None]
    ) -> Collection:
        """The one of that name, made where it did not exist, and then his to manage.

        ``granted`` writes that down (``Accounts.granted_on_creation``): call this in a transaction. Raises
        ``Forbidden`` where he may make none or may do less with the one that is there, ``Conflict`` where the
        name is taken by one he may not see, ``BadRequest`` for a name that cannot be given. That a name is
        taken is all an editor ever learns of a knowledge base that is not his.
        """
        found = self.expected(name, level)
        if found is None:
            found = self._collections.create(name)
            granted(self.principal, found.id)
            self.principal = replace(self.principal, grants={**self.principal.grants, found.id: "manage"})
        return found

    def _allowed(self, found: Collection, level: Level) -> Collection:
        if not self.principal.may(found.id, level):
            own = self.principal.level(found.id)
            raise Forbidden(
                f"collection {found.name!r} needs the right to {level}, and yours is to {own}; whoever "
                "manages it can grant more"
            )
        return found
