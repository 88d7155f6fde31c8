"""API keys: a secret a program sends, its digest here."""

import logging
import re
import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest

from app.access.administration import may_end
from app.access.audit import Audit
from app.access.grants import highest
from app.access.names import checked_name
from app.access.principal import LOCAL, USES, Principal, Use
from app.access.visible import Visible
from app.errors import BadRequest, DiskFull, Forbidden, NotFound, StorageBusy
from app.storage.api_keys import ApiKey, ApiKeyTable, KeyUser
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.grants import GrantTable
from app.storage.users import UserTable

SHAPE = re.compile(r"tsk_([0-9a-f]{8})_[0-9A-Za-z_-]{43}")  # id, and 256 random bits in base64url
TOUCH = timedelta(minutes=1)  # how exact ``used_at`` is
MAX_DAYS = 3_650

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. ``secret`` is the whole of what a program sends; nobody can show it again."""

    secret: str
    key: ApiKey


class ApiKeys:
    """Make, find, list and revoke API keys."""

    def __init__(self, database: Database, audit: Audit, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._audit = audit
        self._now = now
        self._table = ApiKeyTable(database, now=now)
        self._users = UserTable(database, now=now)
        self._grants = GrantTable(database, now=now)
        self._collections = Collections(database, now=now)

    def add(
        self,
        by: Principal,
        user_id: str,
        name: str,
        uses: Collection[Use],
        *,
        only: Collection[str] | None = None,
        days: float | None,
        address: str = "",
    ) -> NewKey:
        """Make a key for oneself; the operator at this machine makes one for anybody.

        ``only``: ids of the knowledge bases it is for, None for all its owner may see. ``days`` until it
        expires, None for never.

        Raises ``Forbidden`` to an API key (it would outlive itself) and for somebody else's; ``NotFound`` for
        a knowledge base the owner may not see; ``BadRequest`` for no or unknown uses, for ``admin`` without
        the role, and for ``admin`` together with ``only``, which it could undo.
        """
        if by.key or by.id not in (user_id, LOCAL.id):
            raise Forbidden("an API key is made by its owner, after he has signed in")
        user = self._users.get(user_id)
        shown, _ = checked_name(name, "key")
        wanted = self._checked(frozenset(uses), user.role == "admin", only)
        if days is not None and not 0 < days <= MAX_DAYS:
            raise BadRequest(f"a key that expires lasts up to {MAX_DAYS} days, not {days:g}")
        lasts = None if days is None else timedelta(days=days)
        subset = None if only is None else frozenset(only)
        with self._database.transaction():
            owner = Principal(user.id, user.name, user.role, highest(self._grants.levels(user.id)))
            seen = Visible(self._collections, owner)
            for each in subset or ():
                seen.by_id(each)
            key_id, secret = self._keep(user.id, shown, wanted, subset, lasts)
            told = {"key": key_id, "uses": " ".join(sorted(wanted))}
            self._audit.note(by, "key_add", user.id, address=address, details=told)
            found = self._table.find(key_id)
        assert found is not None  # noqa: S101 - it was just kept
        return NewKey(secret, found.key)

    def all(self) -> list[ApiKey]:
        """Every key, by owner, newest first. For admins."""
        return self._table.all()

    def of(self, user_id: str) -> list[ApiKey]:
        """A user's keys, newest first; expired ones too."""
        return self._table.of_user(user_id)

    def revoke(self, by: Principal, key_id: str, *, address: str = "") -> ApiKey:
        """End one of his own keys, or as an admin anybody's. Raises ``NotFound``."""
        found = self._table.find(key_id)
        if found is None or not may_end(by, found.key.user_id):
            raise NotFound("the key does not exist, or was revoked")
        with self._database.transaction():
            self._table.delete(key_id)
            self._audit.note(by, "key_revoke", found.key.user_id, address=address, details={"key": key_id})
        return found.key

    def principal(self, token: str) -> Principal | None:
        """Whose key it is, narrowed to what it is for; None for none that is valid."""
        shape = SHAPE.fullmatch(token)
        found = None if shape is None else self._table.find(shape[1])
        if found is None or not compare_digest(sha256(token.encode()).digest(), found.digest):
            return None
        return self._principal(found)

    def principal_again(self, key_id: str) -> Principal | None:
        """Whose key it is; None where it was revoked or has expired."""
        found = self._table.find(key_id)
        return None if found is None else self._principal(found)

    def _principal(self, found: KeyUser) -> Principal | None:
        key, now = found.key, self._now()
        if not found.active or (key.expires_at is not None and now >= key.expires_at):
            return None
        if key.used_at is None or abs(now - key.used_at) >= TOUCH:
            try:
                self._table.used(key.id)
            except StorageBusy:  # nor a reason to wait: the next request notes it
                log.debug("the use of API key %s is not noted while others write", key.id)
            except DiskFull:  # no reason to refuse whoever only reads
                log.warning("the use of API key %s could not be noted: the disk is full", key.id)
        uses = key.uses if found.role == "admin" else key.uses - {"admin"}
        grants = highest(self._grants.levels(key.user_id))
        return Principal(key.user_id, key.owner, found.role, grants, uses, key.only, key=key.id)

    def _checked(self, uses: frozenset[Use], admin: bool, only: Collection[str] | None) -> frozenset[Use]:
        unknown = uses - USES
        if unknown or not uses:
            wrong = ", ".join(sorted(unknown)) or "nothing"
            known = ", ".join(sorted(USES))
            raise BadRequest(f"a key for {wrong} cannot be made; it is for some of: {known}")
        if "admin" in uses and not admin:
            raise BadRequest("a key for admin needs an owner with the role admin")
        if "admin" in uses and only is not None:
            raise BadRequest(
                "a key for admin cannot be kept to some knowledge bases, for it could open the others; leave "
                "out admin, or the knowledge bases"
            )
        return uses

    def _keep(
        self,
        user_id: str,
        name: str,
        uses: frozenset[Use],
        only: frozenset[str] | None,
        lasts: timedelta | None,
    ) -> tuple[str, str]:
        while True:  # ids are 32 random bits: sooner or later one is taken
            key_id = secrets.token_hex(4)
            secret = f"tsk_{key_id}_{secrets.token_urlsafe(32)}"
            digest = sha256(secret.encode()).digest()
            if self._table.add(key_id, digest, user_id, name, uses, only, lasts):
                return key_id, secret
