"""Groups: people who are granted things together."""

from collections.abc import Callable
from datetime import datetime

from app.access.administration import require_admin
from app.access.audit import Audit
from app.access.names import checked_name, name_key
from app.access.principal import Principal
from app.errors import NotFound
from app.storage.database import Database
from app.storage.groups import Group, GroupTable
from app.storage.users import User, UserTable


class Groups:
    """List and change groups. Changes are for admins: they raise ``Forbidden`` to everybody else."""

    def __init__(self, database: Database, audit: Audit, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._audit = audit
        self._table = GroupTable(database, now=now)
        self._users = UserTable(database, now=now)

    def all(self) -> list[Group]:
        """Every group, by name."""
        return self._table.all()

    def get(self, group_id: str) -> Group:
        """The group of that id. Raises ``NotFound``."""
        return self._table.get(group_id)

    def named(self, name: str) -> Group:
        """The group of that name. Raises ``NotFound``."""
        found = self._table.find(name_key(name))
        if found is None:
            raise NotFound(f"group {name[:100]!r} does not exist; `touchstone groups` lists those that do")
        return found

    def of_user(self, user_id: str) -> list[Group]:
        """The groups a user is in, by name."""
        return self._table.of_user(user_id)

    def members(self, group_id: str) -> list[User]:
        """The users in a group, by name. Raises ``NotFound``."""
        self._table.get(group_id)
        return [self._users.get(each) for each in self._table.members(group_id)]

    def add(self, by: Principal, name: str, *, address: str = "") -> Group:
        """Make a group. Raises ``Conflict`` for a name that is taken, ``BadRequest`` for an unusable one."""
        require_admin(by)
        shown, key = checked_name(name, "group")
        with self._database.transaction():
            made = self._table.add(shown, key)
            self._audit.note(by, "group_add", made.id, address=address, details={"name": shown})
        return made

    def remove(self, by: Principal, group_id: str, *, address: str = "") -> Group:
        """Delete a group with its grants; its members stay. Raises ``NotFound``."""
        require_admin(by)
        with self._database.transaction():
            gone = self._table.get(group_id)
            self._table.delete(group_id)
            self._audit.note(by, "group_remove", group_id, address=address, details={"name": gone.name})
        return gone

    def add_member(self, by: Principal, group_id: str, user_id: str, *, address: str = "") -> None:
        """Put a user into a group; nothing where he is in it. Raises ``NotFound``."""
        require_admin(by)
        with self._database.transaction():
            group, user = self._table.get(group_id), self._users.get(user_id)
            if self._table.add_member(group_id, user_id):
                told = {"user": user_id, "name": user.name, "group": group.name}
                self._audit.note(by, "member_add", group_id, address=address, details=told)

    def remove_member(self, by: Principal, group_id: str, user_id: str, *, address: str = "") -> None:
        """Take a user out of a group. Raises ``NotFound``, also where he is not in it."""
        require_admin(by)
        with self._database.transaction():
            group, user = self._table.get(group_id), self._users.get(user_id)
            if not self._table.remove_member(group_id, user_id):
                raise NotFound(f"user {user.name!r} is not in group {group.name!r}")
            told = {"user": user_id, "name": user.name, "group": group.name}
            self._audit.note(by, "member_remove", group_id, address=address, details=told)
