"""Who makes a request, and the one function that decides what he may do with a knowledge base."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import get_args

from app.storage.api_keys import Use as Use
from app.storage.grants import Level as Level
from app.storage.users import Role as Role

ROLES: tuple[Role, ...] = get_args(Role)
LEVELS: tuple[Level, ...] = get_args(Level)
USES: frozenset[Use] = frozenset(get_args(Use))
_MOST: dict[Role, Level] = {"viewer": "read", "editor": "manage", "admin": "manage"}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who asks: read anew from the database for each request, never kept.

    ``grants`` by collection id, the highest of his own and his groups'. ``only``: the collections his key is
    for, None for all he may see. ``key``: the id of the API key he came with, "" for none. ``session``: the
    id of the session he came with, "" for none.
    """

    id: str
    name: str
    role: Role
    grants: Mapping[str, Level] = field(default_factory=dict)
    uses: frozenset[Use] = USES
    only: frozenset[str] | None = None
    key: str = ""
    session: str = ""

    def level(self, collection_id: str) -> Level | None:
        """What he may do with a knowledge base; None where he may not even know that it is there.

        An admin may manage all; else the grant, at most what the role allows; a key narrows both.
        """
        if self.only is not None and collection_id not in self.only:
            return None
        if self.role == "admin":
            return "manage"
        granted = self.grants.get(collection_id)
        return None if granted is None else min(granted, _MOST[self.role], key=LEVELS.index)

    @property
    def sees_all(self) -> bool:
        """Whether there is nothing he may not see."""
        return self.role == "admin" and self.only is None

    def may(self, collection_id: str, level: Level) -> bool:
        """Whether he may do that much with a knowledge base."""
        own = self.level(collection_id)
        return own is not None and LEVELS.index(own) >= LEVELS.index(level)

    def covers(self, before: "Principal") -> bool:
        """Whether this is the same one as before, and may do all that he might then."""
        return (
            self.id == before.id
            and self.is_at_least(before.role)
            and self.uses >= before.uses
            and (self.only is None or (before.only is not None and self.only >= before.only))
            and all(self.may(each, level) for each, level in before.grants.items() if before.may(each, level))
        )

    def is_at_least(self, role: Role) -> bool:
        """Whether his role is that or a higher one."""
        return ROLES.index(self.role) >= ROLES.index(role)


LOCAL = Principal("local", "local", "admin")
"""The person at this machine: in single-user mode everyone who reaches the server, and the command line."""
