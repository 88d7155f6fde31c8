"""What people think of answers: given, taken back, listed, and written out as a spreadsheet."""

from collections.abc import Iterable, Sequence

from app.access.principal import Principal
from app.access.visible import Visible
from app.conversations.asking import AskedWith
from app.conversations.views import FeedbackView, GivenView, feedback_view
from app.services import Services
from app.spreadsheet import csv_bytes
from app.storage.feedback import FeedbackRow, Reason, Verdict

MAX_TEXT = 4_000  # characters
COLUMNS = (
    "given_at",
    "verdict",
    "reasons",
    "text",
    "question",
    "collections",
    "state",
    "owner",
    "message_id",
    "answer_id",
)


class Opinions:
    """Feedback as a principal gives and sees it: his own; an admin sees that of everyone."""

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._chats = services.caretaker.chats
        self._principal = principal
        self._owner = principal.id

    def put(self, message_id: str, verdict: Verdict, reasons: Sequence[Reason], text: str) -> FeedbackView:
        """What he thinks of one of his answers, in place of what he thought before. Raises ``NotFound``."""
        self._chats.messages.get(message_id, self._owner)
        row = self._chats.feedback.put(
            message_id, self._owner, verdict, tuple(dict.fromkeys(reasons)), text.strip()
        )
        return feedback_view(row)

    def withdraw(self, message_id: str) -> None:
        """Take it back. Raises ``NotFound`` where there is none."""
        self._chats.messages.get(message_id, self._owner)
        self._chats.feedback.withdraw(message_id, self._owner)

    def page(
        self, *, verdict: Verdict | None, before: int, limit: int
    ) -> tuple[tuple[GivenView, ...], int | None]:
        """Feedback, given last first, below the number ``before`` (0: all); and that of the next page."""
        rows = self._rows(verdict, before=before, limit=limit + 1)
        more = rows[limit - 1].seq if len(rows) > limit else None
        return tuple(self._views(rows[:limit])), more

    def csv(self, verdict: Verdict | None) -> bytes:
        """All of it as CSV: UTF-8 with a byte order mark, no cell a formula."""
        return csv_bytes(COLUMNS, (_cells(each) for each in self._views(self._rows(verdict, 0, None))))

    def _rows(self, verdict: Verdict | None, before: int, limit: int | None) -> list[FeedbackRow]:
        visible = Visible(self._services.collections, self._principal)
        everyone = self._principal.is_at_least("admin") and "admin" in self._principal.uses
        return self._chats.feedback.page(
            None if everyone else self._owner,
            visible=[each.id for each in visible.all()],
            verdict=verdict,
            before=before,
            limit=limit,
        )

    def _views(self, rows: Iterable[FeedbackRow]) -> list[GivenView]:
        names = self._services.collections.names()
        return [
            GivenView(
                message_id=row.message_id,
                owner=row.owner,
                verdict=row.verdict,
                reasons=row.reasons,
                text=row.text,
                question=row.question,
                collections=tuple(
                    names[each]
                    for each in AskedWith.model_validate_json(row.settings).collections
                    if each in names and self._principal.may(each, "read")
                ),
                state=row.state,
                answer_id=row.answer_id,
                created_at=row.created_at,
                updated_at=row.updated_at,
            )
            for row in rows
        ]


def _cells(given: GivenView) -> tuple[str, ...]:
    return (
        given.updated_at.isoformat(),
        given.verdict,
        ", ".join(given.reasons),
        given.text,
        given.question,
        ", ".join(given.collections),
        given.state,
        given.owner,
        given.message_id,
        given.answer_id,
    )
