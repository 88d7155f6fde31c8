"""Who is there: first admin, sign-in, sign-out, and who a token or a key belongs to.

``Accounts`` is the one object the server and the command line hold; its parts keep users, groups, grants,
sessions, keys and the audit log. Everything here may block (SQLite; a sign-in hashes for about 60 ms): call
it from a thread. ``by`` is always who does it; ``address`` where he did it from, for the audit log.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest

from app.access.audit import Audit
from app.access.grants import Grants
from app.access.groups import Groups
from app.access.keys import ApiKeys
from app.access.names import checked_name, name_key
from app.access.passwords import Passwords
from app.access.principal import LOCAL, Principal
from app.access.sessions import Sessions
from app.access.throttle import Throttle
from app.access.users import Users
from app.errors import Busy, Conflict, Forbidden, NotSignedIn
from app.settings import AccessSettings
from app.storage.database import Database
from app.storage.grants import Grantee
from app.storage.sessions import Session
from app.storage.users import User, UserTable

REFUSED = "name or password is wrong, or the account is disabled"
"""The one sentence for every sign-in that fails, so that nobody learns which names there are."""
SET_UP = "the first admin is there already; sign in"


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. ``token`` is for the browser's cookie and is kept nowhere else."""

    token: str
    principal: Principal
    session: Session


class Accounts:
    """Users, groups, grants, sessions, keys and the audit log of one database. Usable from any thread."""

    def __init__(
        self,
        database: Database,
        *,
        settings: AccessSettings,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._table = UserTable(database, now=now)
        self._passwords = Passwords()
        self._setup_token = secrets.token_urlsafe(32)
        self.audit = Audit(database, now=now)
        self._throttle = Throttle(database, self.audit, settings=settings, now=now)
        self.groups = Groups(database, self.audit, now=now)
        self.grants = Grants(database, self.audit, now=now)
        self.sessions = Sessions(database, self.audit, settings=settings, now=now)
        self.keys = ApiKeys(database, self.audit, now=now)
        self.users = Users(
            database,
            self.audit,
            passwords=self._passwords,
            sessions=self.sessions,
            throttle=self._throttle,
            now=now,
        )

    def empty(self) -> bool:
        """Whether there is no user yet, so that only ``setup`` can be done."""
        return self._table.empty()

    def setup_token(self) -> str | None:
        """What the first admin must type in to prove that he runs this server; None once there is a user.

        Made anew by each process and kept in its memory only: ``serve`` prints it, nothing writes it.
        """
        return self._setup_token if self.empty() else None

    def setup(self, token: str, name: str, password: str, *, address: str = "") -> User:
        """Make the first user, an admin. He signs in afterwards.

        Raises ``NotSignedIn`` for a wrong token, ``Conflict`` where somebody is there already (of several at
        the same moment one succeeds), ``BadRequest`` for a name or password that cannot be used, and
        ``TooManyAttempts``.
        """
        if not self.empty():
            raise Conflict(SET_UP)
        attempt = self._throttle.begin(None, address)
        if not compare_digest(token.encode("utf-8", "replace"), self._setup_token.encode()):
            self._throttle.failed(attempt)
            self.audit.note(None, "setup", result="refused", address=address)
            raise NotSignedIn("the setup token is wrong; the server printed the right one when it started")
        self._throttle.succeeded(attempt)
        shown, key = checked_name(name, "user")
        hashed = self._passwords.hashed(password, shown)
        with self._database.transaction():
            made = self._table.add_first(shown, key, hashed)
            if made is None:
                raise Conflict(SET_UP)
            self.audit.note(None, "setup", made.id, address=address, details={"name": made.name})
        return made

    def sign_in(
        self, name: str, password: str, *, address: str = "", agent: str = "", replaces: str = ""
    ) -> SignedIn:
        """Begin a session.

        ``address``: where the request came from, for throttle, list and audit ("" counts for no address).
        ``agent``: what the browser calls itself; its first 200 characters are kept. ``replaces``: the token
        of a session this browser had, which ends.

        Raises ``NotSignedIn`` in the same words, after the same work, for an unknown name, a wrong password
        and a disabled user; ``TooManyAttempts`` before any work, however right the password is; ``Busy``
        where too many sign in at this moment.
        """
        user = self._table.find(name_key(name))
        hashed = None if user is None else self._table.password_hash(user.id)
        self._prove(user, hashed, name, password, address)
        assert user is not None  # noqa: S101 - nobody else has proved anything
        assert hashed is not None  # noqa: S101
        renewed = self._passwords.again(password) if self._passwords.outdated(hashed) else None
        with self._database.transaction():
            # Between the look-up and here an admin may have changed the password or disabled the user, and
            # ended his sessions: this one must not outlive that.
            if not self._table.get(user.id).active or self._table.password_hash(user.id) != hashed:
                raise NotSignedIn(REFUSED)
            if renewed is not None:
                self._table.set_hash(user.id, renewed)
            if replaces:
                self.sessions.end_token(replaces)
            self._table.signed_in(user.id)
            begun = self._begin(user.id, address, agent)
            self.audit.note(begun.principal, "sign_in", user.id, address=address)
        return begun

    def change_password(
        self, principal: Principal, current: str, new: str, *, address: str = "", agent: str = ""
    ) -> SignedIn:
        """Let somebody who has signed in change his own password.

        All his sessions end, this one too; the new one takes its place. His API keys stay. Raises
        ``Forbidden`` to an API key, ``NotSignedIn`` where the present password is wrong, ``BadRequest`` for a
        new one that cannot be used, ``TooManyAttempts``, ``Busy``.
        """
        if principal.key or principal.id == LOCAL.id:
            raise Forbidden("a password is changed by its owner, after he has signed in with it")
        user = self._table.get(principal.id)
        hashed = self._table.password_hash(user.id)
        self._prove(user, hashed, user.name, current, address)
        renewed = self._passwords.hashed(new, user.name)
        with self._database.transaction():
            if not self._table.get(user.id).active or self._table.password_hash(user.id) != hashed:
                raise NotSignedIn(REFUSED)
            self._table.set_password(user.id, renewed)
            self.sessions.end_all(user.id)
            begun = self._begin(user.id, address, agent)
            self.audit.note(principal, "user_password", user.id, address=address)
        return begun

    def sign_out(self, principal: Principal, *, address: str = "") -> None:
        """End the session somebody came with; nothing where he came without."""
        if principal.session:
            with self._database.transaction():
                self.sessions.end_quietly(principal.session)
                self.audit.note(principal, "sign_out", principal.id, address=address)

    def by_session(self, token: str) -> Principal | None:
        """Whose session it is, with his role and grants of this moment; None for none that is valid.

        Two indexed queries; once a minute also a write that keeps the session from going idle.
        """
        return self.sessions.principal(token)

    def by_key(self, token: str) -> Principal | None:
        """Whose API key it is, narrowed to what the key is for; None for none that is valid.

        The owner's state, role and grants of this moment apply: a disabled user's key opens nothing.
        """
        return self.keys.principal(token)

    def again(self, principal: Principal) -> Principal | None:
        """The same session or key as it is now; None where it has ended. For streams that stay open."""
        if principal.session:
            return self.sessions.principal_again(principal.session)
        if principal.key:
            return self.keys.principal_again(principal.key)
        return principal if principal.id == LOCAL.id else None

    def granted_on_creation(self, principal: Principal, collection_id: str) -> None:
        """Let whoever made a knowledge base manage it, and note it; in the transaction that makes it.

        An admin may manage it anyway, and still may once he is none. Nothing for ``LOCAL``, who is no user.
        """
        self.audit.note(principal, "collection_add", collection_id)
        if principal.id != LOCAL.id:
            self.grants.give(collection_id, Grantee("user", principal.id), "manage")

    def _prove(self, user: User | None, hashed: str | None, name: str, password: str, address: str) -> None:
        """Raise unless that is the password of that user, who is active."""
        attempt = self._throttle.begin(name_key(name), address)
        try:
            right = self._passwords.verify(hashed, password)
        except Busy:
            self._throttle.withdrawn(attempt)
            raise
        if right and user is not None and user.active:
            self._throttle.succeeded(attempt)
            return
        with self._database.transaction():
            self._throttle.failed(attempt, user.id if user else "")
            self.audit.note(None, "sign_in", user.id if user else "", result="refused", address=address)
        raise NotSignedIn(REFUSED)

    def _begin(self, user_id: str, address: str, agent: str) -> SignedIn:
        token, session = self.sessions.begin(user_id, address, agent)
        principal = self.sessions.principal_again(session.id)
        assert principal is not None  # noqa: S101 - it begins in this transaction
        return SignedIn(token, principal, session)
