"""Users: people who may sign in, as an admin keeps them."""

from collections.abc import Callable
from datetime import datetime

from app.access.administration import require_admin
from app.access.audit import Audit
from app.access.grants import highest
from app.access.names import checked_name, name_key
from app.access.passwords import Passwords
from app.access.principal import Principal, Role
from app.access.sessions import Sessions
from app.access.throttle import Throttle
from app.errors import Conflict, NotFound
from app.storage.database import Database
from app.storage.grants import GrantTable
from app.storage.users import User, UserTable


class Users:
    """List and change users. Changes are for admins: they raise ``Forbidden`` to everybody else.

    Every change that takes something away ends the user's sessions in the same transaction. Who would be the
    last active admin cannot be taken away: ``Conflict``.
    """

    def __init__(
        self,
        database: Database,
        audit: Audit,
        *,
        passwords: Passwords,
        sessions: Sessions,
        throttle: Throttle,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._audit = audit
        self._passwords = passwords
        self._sessions = sessions
        self._throttle = throttle
        self._table = UserTable(database, now=now)
        self._grants = GrantTable(database, now=now)

    def all(self) -> list[User]:
        """Everybody, by name."""
        return self._table.all()

    def get(self, user_id: str) -> User:
        """The user of that id. Raises ``NotFound``."""
        return self._table.get(user_id)

    def named(self, name: str) -> User:
        """The user of that name, however it is written. Raises ``NotFound``."""
        found = self._table.find(name_key(name))
        if found is None:
            raise NotFound(f"user {name[:100]!r} does not exist; `touchstone users` lists those that do")
        return found

    def principal(self, user_id: str) -> Principal:
        """The user as he may act, without session or key. Raises ``NotFound``; says nothing of ``active``."""
        user = self._table.get(user_id)
        return Principal(user.id, user.name, user.role, highest(self._grants.levels(user.id)))

    def add(self, by: Principal, name: str, role: Role, password: str, *, address: str = "") -> User:
        """Make a user. Raises ``Conflict`` where the name is taken, ``BadRequest`` for name or password."""
        require_admin(by)
        shown, key = checked_name(name, "user")
        if self._table.find(key) is not None:
            raise Conflict(f"user {shown!r} is there already; choose another name")
        if role != "admin" and self._table.empty():
            raise Conflict(f"user {shown!r} would be the first; the first one needs the role admin")
        hashed = self._passwords.hashed(password, shown)
        with self._database.transaction():
            made = self._table.add(shown, key, role, hashed)
            told = {"name": shown, "role": role}
            self._audit.note(by, "user_add", made.id, address=address, details=told)
        return made

    def set_role(self, by: Principal, user_id: str, role: Role, *, address: str = "") -> User:
        """Give a user a role; his sessions end. Nothing where he has it."""
        require_admin(by)
        with self._database.transaction():
            user = self._table.get(user_id)
            if user.role == role:
                return user
            if role != "admin":
                self._not_the_last_admin(user)
            self._table.set_role(user_id, role)
            self._sessions.end_all(user_id)
            told = {"name": user.name, "role": role, "before": user.role}
            self._audit.note(by, "user_role", user_id, address=address, details=told)
        return self._table.get(user_id)

    def disable(self, by: Principal, user_id: str, *, address: str = "") -> User:
        """Let a user in no longer: his sessions end, his keys open nothing. All that is his stays."""
        require_admin(by)
        with self._database.transaction():
            user = self._table.get(user_id)
            self._not_the_last_admin(user)
            self._table.set_active(user_id, active=False)
            self._sessions.end_all(user_id)
            self._audit.note(by, "user_disable", user_id, address=address, details={"name": user.name})
        return self._table.get(user_id)

    def enable(self, by: Principal, user_id: str, *, address: str = "") -> User:
        """Let a user in again. His keys work again as well."""
        require_admin(by)
        with self._database.transaction():
            user = self._table.get(user_id)
            self._table.set_active(user_id, active=True)
            self._audit.note(by, "user_enable", user_id, address=address, details={"name": user.name})
        return self._table.get(user_id)

    def set_password(self, by: Principal, user_id: str, password: str, *, address: str = "") -> None:
        """Give a user another password; his sessions end, his keys stay. Raises ``BadRequest``."""
        require_admin(by)
        hashed = self._passwords.hashed(password, self._table.get(user_id).name)
        with self._database.transaction():
            user = self._table.get(user_id)
            self._table.set_password(user_id, hashed)
            self._sessions.end_all(user_id)
            self._throttle.unlock(name_key(user.name))
            self._audit.note(by, "user_password", user_id, address=address, details={"name": user.name})

    def remove(self, by: Principal, user_id: str, *, address: str = "") -> User:
        """Delete a user with his sessions, keys, memberships and grants. The audit log keeps his name."""
        require_admin(by)
        with self._database.transaction():
            user = self._table.get(user_id)
            self._not_the_last_admin(user)
            self._table.delete(user_id)
            self._audit.note(by, "user_remove", user_id, address=address, details={"name": user.name})
        return user

    def unlock(self, by: Principal, user_id: str, *, address: str = "") -> bool:
        """Let a user sign in at once who would have to wait; False where nothing had failed."""
        require_admin(by)
        with self._database.transaction():
            user = self._table.get(user_id)
            forgiven = self._throttle.unlock(name_key(user.name))
            self._audit.note(by, "user_unlock", user_id, address=address, details={"name": user.name})
        return forgiven

    def unlock_address(self, by: Principal, address: str, *, from_address: str = "") -> bool:
        """Let people sign in at once from an address that has to wait; False where nothing had failed."""
        require_admin(by)
        with self._database.transaction():
            forgiven = self._throttle.unlock_address(address)
            self._audit.note(by, "user_unlock", address=from_address, details={"unlocked": address})
        return forgiven

    def _not_the_last_admin(self, user: User) -> None:
        if user.role == "admin" and user.active and not self._table.other_admins(user.id):
            raise Conflict(f"user {user.name!r} is the last active admin; make another one first")
