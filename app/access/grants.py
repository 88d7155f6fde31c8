"""Grants: who may do how much with which knowledge base."""

from collections.abc import Callable, Iterable
from datetime import datetime

from app.access.audit import Audit
from app.access.principal import LEVELS, Level, Principal
from app.access.visible import Visible
from app.errors import NotFound
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.grants import Grant, Grantee, GrantTable
from app.storage.groups import GroupTable
from app.storage.users import UserTable


class Grants:
    """List and change grants. Every method asks for the right to manage the knowledge base.

    Each raises ``NotFound`` for one he may not see, ``Forbidden`` for one he may not manage.
    """

    def __init__(self, database: Database, audit: Audit, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._audit = audit
        self._table = GrantTable(database, now=now)
        self._collections = Collections(database, now=now)
        self._users = UserTable(database, now=now)
        self._groups = GroupTable(database, now=now)

    def of(self, by: Principal, collection_id: str) -> list[Grant]:
        """The grants on a knowledge base, by name."""
        self._managed(by, collection_id)
        return self._table.of_collection(collection_id)

    def all(self, by: Principal) -> list[Grant]:
        """Every grant on the knowledge bases he may manage, by knowledge base and name."""
        return [each for each in self._table.all() if by.may(each.collection_id, "manage")]

    def set(
        self, by: Principal, collection_id: str, grantee: Grantee, level: Level, *, address: str = ""
    ) -> None:
        """Grant a level in place of an earlier one.

        A role may allow its holder less than the grant: a viewer with ``manage`` reads. Raises ``NotFound``
        for a user or group that is not there.
        """
        self._managed(by, collection_id)
        name = self._name(grantee)
        with self._database.transaction():
            self.give(collection_id, grantee, level)
            told = {"level": level, grantee.kind: grantee.id, "name": name}
            self._audit.note(by, "grant_set", collection_id, address=address, details=told)

    def remove(self, by: Principal, collection_id: str, grantee: Grantee, *, address: str = "") -> None:
        """Take a grant back. Raises ``NotFound`` where there is none."""
        self._managed(by, collection_id)
        name = self._name(grantee)
        with self._database.transaction():
            if not self._table.remove(collection_id, grantee):
                raise NotFound(f"{grantee.kind} {name!r} has no grant on this collection")
            told = {grantee.kind: grantee.id, "name": name}
            self._audit.note(by, "grant_remove", collection_id, address=address, details=told)

    def give(self, collection_id: str, grantee: Grantee, level: Level) -> None:
        """Grant without asking who does it, for ``Accounts``."""
        self._table.set(collection_id, grantee, level)

    def _managed(self, by: Principal, collection_id: str) -> None:
        Visible(self._collections, by).by_id(collection_id, "manage")

    def _name(self, grantee: Grantee) -> str:
        if grantee.kind == "user":
            return self._users.get(grantee.id).name
        return self._groups.get(grantee.id).name


def highest(levels: Iterable[tuple[str, Level]]) -> dict[str, Level]:
    """The highest level of each knowledge base."""
    found: dict[str, Level] = {}
    for collection_id, level in levels:
        found[collection_id] = max(found.get(collection_id, level), level, key=LEVELS.index)
    return found
