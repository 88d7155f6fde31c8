"""``/api/answers``: answers that were given, and whether what they quote still stands."""

from typing import Annotated

from fastapi import APIRouter, Query

from app.api.collections import Hands
from app.kept_answers import LARGEST_PAGE, PAGE, AnswerDetail, AnswerList

routes = APIRouter(prefix="/api", tags=["answers"])


@routes.get("/answers")
def list_answers(
    hands: Hands,
    cursor: Annotated[str, Query(max_length=20)] = "",
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
    document_id: Annotated[str, Query(max_length=64)] = "",
) -> AnswerList:
    """Your kept answers, newest first; ``cursor`` is the ``next_cursor`` of the page before.

    With ``document_id`` those that quote that document.
    """
    return hands.answers(cursor=cursor, limit=limit, document_id=document_id)


@routes.get("/answers/{answer_id}")
def show_answer(answer_id: str, hands: Hands) -> AnswerDetail:
    """One kept answer, with its result as it was given."""
    return hands.answer(answer_id)
