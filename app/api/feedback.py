"""``/api/messages/{id}/feedback`` and ``/api/feedback``: what people think of answers."""

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.paging import PAGE, Cursor, Limit, number_of, written
from app.api.permitted import Asker
from app.api.state import services
from app.conversations.opinions import MAX_TEXT, Opinions
from app.conversations.views import FeedbackView, GivenList
from app.services import Services
from app.storage.feedback import REASONS, Reason, Verdict

routes = APIRouter(prefix="/api", tags=["feedback"])


def opinions(held: Annotated[Services, Depends(services)], asker: Asker) -> Opinions:
    """Feedback as whoever makes the request gives and sees it."""
    return Opinions(held, asker)


Given = Annotated[Opinions, Depends(opinions)]


class NewFeedback(BaseModel):
    """What you think of an answer."""

    model_config = ConfigDict(extra="forbid")

    verdict: Verdict
    reasons: list[Reason] = Field(default_factory=list, max_length=len(REASONS))
    text: str = Field("", max_length=MAX_TEXT)


@routes.put("/messages/{message_id}/feedback")
def put_feedback(message_id: str, body: NewFeedback, given: Given) -> FeedbackView:
    """Say what you think of one of your answers, in place of what you said before."""
    return given.put(message_id, body.verdict, body.reasons, body.text)


@routes.delete("/messages/{message_id}/feedback", status_code=204)
def withdraw_feedback(message_id: str, given: Given) -> None:
    """Take it back; its reasons and words are deleted."""
    given.withdraw(message_id)


@routes.get(
    "/feedback",
    response_model=GivenList,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def list_feedback(
    given: Given,
    verdict: Verdict | None = None,
    format: Annotated[
        Literal["json", "csv"], Query(description="csv: all of it, UTF-8 with a byte order mark, no formulas")
    ] = "json",
    cursor: Cursor = "",
    limit: Limit = PAGE,
) -> GivenList | Response:
    """Feedback with its question, given last first: yours; to an admin, that of everyone."""
    if format == "csv":
        headers = {"Content-Disposition": 'attachment; filename="feedback.csv"', "Cache-Control": "no-store"}
        return Response(given.csv(verdict), headers=headers, media_type="text/csv; charset=utf-8")
    data, more = given.page(verdict=verdict, before=number_of(cursor) if cursor else 0, limit=limit)
    return GivenList(data=data, next_cursor=None if more is None else written(str(more)))
