"""The audit log as the rest of the program writes it: who did what, never what a text said."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Literal

from app.access.principal import Principal
from app.storage.audit import AuditEntry, AuditTable, Outcome, Verified
from app.storage.database import Database

Action = Literal[
    "setup", "sign_in", "sign_out", "throttled", "session_end",
    "user_add", "user_role", "user_disable", "user_enable", "user_password", "user_remove", "user_unlock",
    "group_add", "group_remove", "member_add", "member_remove",
    "grant_set", "grant_remove", "key_add", "key_revoke",
    "collection_add", "collection_delete", "settings", "upload", "delete", "restore_document", "rollback",
    "purge", "reindex", "export", "backup", "restore",
    "assistant_add", "assistant_change", "assistant_delete",
    "snippet_add", "snippet_change", "snippet_approve", "snippet_delete", "snippet_restore",
    "gap_change",
]  # fmt: skip
"""What is written down. Nothing else fits, so that no text of a person's gets in by mistake."""

NOBODY = ""  # the actor of what was done by somebody who had not signed in
LONGEST = 200  # characters of a value


class Audit:
    """Append to the audit log, read it, check it."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._table = AuditTable(database, now=now)

    def note(
        self,
        by: Principal | None,
        action: Action,
        target: str = "",
        *,
        result: Outcome = "ok",
        address: str = "",
        details: Mapping[str, str] | None = None,
    ) -> None:
        """Write down what somebody did (None: he had not signed in).

        Inside an open transaction it becomes part of it: what is rolled back was not done. ``target`` is the
        id of what it was done to; ``details`` a few plain values (a role, a level, a name of an account or
        of a knowledge base). Never a password, a token, a question or words of a document. Raises
        ``ValueError`` for a value of more than 200 characters.
        """
        told = dict(details or {})
        for value in (target, address, *told, *told.values()):
            if len(value) > LONGEST:
                raise ValueError(f"{action}: {len(value)} characters are too many for the audit log")
        self._table.append(
            actor=NOBODY if by is None else by.id,
            actor_name="" if by is None else by.name,
            via=_via(by),
            address=address,
            action=action,
            target=target,
            result=result,
            details=told,
        )

    def page(
        self, *, before: int = 0, limit: int = 50, actor: str = "", action: str = ""
    ) -> list[AuditEntry]:
        """Entries, newest first; see ``AuditTable.page``."""
        return self._table.page(before=before, limit=limit, actor=actor, action=action)

    def verify(self) -> Verified:
        """Read the whole chain; see ``AuditTable.verify``. About 10 us an entry."""
        return self._table.verify()

    def holds(self, digest: str) -> bool:
        """Whether an entry has that digest (hex), which was noted elsewhere."""
        return self._table.holds(digest)


def _via(by: Principal | None) -> str:
    if by is None:
        return ""
    if by.key:
        return f"key:{by.key}"
    return "session" if by.session else "local"
