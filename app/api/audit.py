"""``/api/audit``: who did what, for admins. Nothing here changes it."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query

from app.api.paging import PAGE, Cursor, Limit, number_of, written
from app.api.users import People
from app.result import View
from app.storage.audit import AuditEntry

routes = APIRouter(prefix="/api", tags=["audit"])


class AuditView(View):
    """What somebody did; ``actor`` "" for somebody who had not signed in.

    ``digest`` binds it to every entry before it: note one elsewhere, and ``verify`` tells whether it still
    stands.
    """

    seq: int
    at: datetime
    actor: str
    actor_name: str
    via: str
    address: str
    action: str
    target: str
    result: Literal["ok", "refused", "failed"]
    details: dict[str, str]
    digest: str


class AuditList(View):
    """Entries, newest first."""

    data: tuple[AuditView, ...]
    next_cursor: str | None


class VerifiedView(View):
    """Whether every entry fits the one before it; ``broken_at``: the first that does not, 0 for none.

    ``noted``: whether the digest that was asked for is that of an entry; null where none was asked for.
    """

    entries: int
    digest: str
    broken_at: int
    reason: str
    noted: bool | None


@routes.get("/audit")
def list_audit(
    people: People,
    actor: Annotated[str, Query(max_length=64, description="id of a user")] = "",
    action: Annotated[str, Query(max_length=64)] = "",
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> AuditList:
    """What was done, newest first."""
    before = number_of(cursor) if cursor else 0
    rows = people.audit.page(before=before, limit=limit + 1, actor=actor, action=action)
    more = written(str(rows[limit - 1].seq)) if len(rows) > limit else None
    return AuditList(data=tuple(map(_view, rows[:limit])), next_cursor=more)


@routes.get("/audit/verify")
def verify_audit(
    people: People,
    digest: Annotated[str, Query(max_length=64, description="of an entry, noted elsewhere (hex)")] = "",
) -> VerifiedView:
    """Read the whole log and check that no entry was changed, left out or put in."""
    found = people.audit.verify()
    return VerifiedView(
        entries=found.entries,
        digest=found.digest,
        broken_at=found.broken_at,
        reason=found.reason,
        noted=people.audit.holds(digest) if digest else None,
    )


def _view(entry: AuditEntry) -> AuditView:
    return AuditView(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        actor_name=entry.actor_name,
        via=entry.via,
        address=entry.address,
        action=entry.action,
        target=entry.target,
        result=entry.result,
        details=dict(entry.details),
        digest=entry.digest,
    )
