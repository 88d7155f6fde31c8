"""Sessions: a random token in a browser, its digest here."""

import logging
import secrets
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from app.access.administration import may_end
from app.access.audit import Audit
from app.access.grants import highest
from app.access.principal import Principal
from app.errors import DiskFull, NotFound, StorageBusy
from app.settings import AccessSettings
from app.storage.database import Database
from app.storage.grants import GrantTable
from app.storage.sessions import Session, SessionTable, SessionUser

TOKEN_BYTES = 32  # 256 bits
TOUCH = timedelta(minutes=1)  # how exact ``seen_at`` is: a write for every request would be one too many
SKEW = timedelta(minutes=5)  # what a clock may be set back without ending sessions
MAX_AGENT = 200

log = logging.getLogger(__name__)


class Sessions:
    """Begin, find, list and end sessions."""

    def __init__(
        self, database: Database, audit: Audit, *, settings: AccessSettings, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._audit = audit
        self._now = now
        self._idle = timedelta(hours=settings.session_idle_h)
        self._longest = timedelta(days=settings.session_max_days)
        self._table = SessionTable(database, now=now)
        self._grants = GrantTable(database, now=now)

    def of(self, user_id: str) -> list[Session]:
        """A user's valid sessions, the one seen last first."""
        return [each for each in self._table.of_user(user_id) if not self._over(each)]

    def end(self, by: Principal, session_id: str, *, address: str = "") -> None:
        """End one of his own sessions, or as an admin anybody's. Raises ``NotFound``."""
        found = self._table.by_id(session_id)
        if found is None or not may_end(by, found.session.user_id):
            raise NotFound("the session does not exist, or has ended")
        with self._database.transaction():
            self._table.delete(session_id)
            self._audit.note(by, "session_end", found.session.user_id, address=address)

    def end_of(self, by: Principal, user_id: str, *, address: str = "") -> int:
        """End all his own sessions, or as an admin all of somebody's; how many. Raises ``NotFound``."""
        if not may_end(by, user_id):
            raise NotFound("the user does not exist")
        with self._database.transaction():
            ended = self.end_all(user_id)
            self._audit.note(by, "session_end", user_id, address=address, details={"sessions": str(ended)})
        return ended

    def begin(self, user_id: str, address: str, agent: str) -> tuple[str, Session]:
        """A new session and its token. For ``Accounts``, which has looked who it is."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._table.delete_unseen(self._now() - self._idle)
        session = self._table.add(uuid.uuid4().hex, _digest(token), user_id, address, agent[:MAX_AGENT])
        return token, session

    def principal(self, token: str) -> Principal | None:
        """Whose session a token is; None for none that is valid."""
        return self._principal(self._table.by_digest(_digest(token)))

    def principal_again(self, session_id: str) -> Principal | None:
        """Whose session it is; None where it has ended."""
        return self._principal(self._table.by_id(session_id))

    def end_token(self, token: str) -> None:
        """End the session of a token, if there is one."""
        found = self._table.by_digest(_digest(token))
        if found is not None:
            self._table.delete(found.session.id)

    def end_quietly(self, session_id: str) -> None:
        """End a session without a line in the audit log, for callers that write their own."""
        self._table.delete(session_id)

    def end_all(self, user_id: str) -> int:
        """End all sessions of a user, for callers that write the audit log themselves; how many."""
        return self._table.delete_of(user_id)

    def _principal(self, found: SessionUser | None) -> Principal | None:
        if found is None:
            return None
        session = found.session
        if self._over(session):
            return None  # the next sign-in sweeps it
        if self._now() - session.seen_at >= TOUCH:
            self._saw(session.id)
        grants = highest(self._grants.levels(session.user_id))
        return Principal(session.user_id, found.name, found.role, grants, session=session.id)

    def _over(self, session: Session) -> bool:
        """Whether it has ended by age.

        One that was seen in the future ends as well: the clock was set back by more than a correction, and
        the session would else last longer by as much. Its user signs in again.
        """
        now = self._now()
        idle, age = now - session.seen_at, now - session.created_at
        return idle >= self._idle or age >= self._longest or idle < -SKEW

    def _saw(self, session_id: str) -> None:
        try:
            self._table.saw(session_id)
        except StorageBusy:  # no reason to wait: the next request notes it
            log.debug("the use of session %s is not noted while others write", session_id)
        except DiskFull:  # no reason to refuse whoever only reads
            log.warning("the use of session %s could not be noted: the disk is full", session_id)


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()
