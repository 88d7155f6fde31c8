"""What relevance was worth in one evaluation: the share of questions that could be answered, by it."""

from collections.abc import Iterator

from fastapi import APIRouter

from app.api.evaluations import Desk
from app.evaluation.calibration import LEAST, Labelled, crossing, isotonic
from app.evaluation.evaluations import EvaluationDesk
from app.result import View

routes = APIRouter(prefix="/api", tags=["evaluation"])
AT_ONCE = 200


class StepView(View):
    """From this relevance on, this share of questions can be answered, were there as many of both kinds."""

    relevance: float
    share: float


class CalibrationView(View):
    """Isotonic curve over the questions that were reranked; no steps where one kind is missing.

    ``floor``: where it passes one half, null without steps. ``enough``: whether there are ``least`` questions
    of each kind, so that a floor may be chosen by it (``touchstone evaluate --calibrate``).
    """

    answerable: int
    unanswerable: int
    least: int
    enough: bool
    floor: float | None
    steps: tuple[StepView, ...]


@routes.get("/evaluations/{evaluation_id}/calibration")
def show_calibration(evaluation_id: str, desk: Desk) -> CalibrationView:
    """How much the relevance of this evaluation's questions says about whether they can be answered."""
    labelled = list(_labelled(desk, evaluation_id))
    answerable = sum(each.answerable for each in labelled)
    unanswerable = len(labelled) - answerable
    curve = isotonic(labelled) if answerable and unanswerable else ()
    return CalibrationView(
        answerable=answerable,
        unanswerable=unanswerable,
        least=LEAST,
        enough=min(answerable, unanswerable) >= LEAST,
        floor=crossing(curve) if curve else None,
        steps=tuple(StepView(relevance=relevance, share=share) for relevance, share in curve),
    )


def _labelled(desk: EvaluationDesk, evaluation_id: str) -> Iterator[Labelled]:
    after = 0
    while True:
        page, after = desk.questions(evaluation_id, after=after, limit=AT_ONCE)
        for each in page:
            told = each.on or {}
            relevance, answerable = told.get("best_relevance"), told.get("answerable")
            if told.get("kind") == "vague":  # it asks back, whatever is found
                continue
            if isinstance(relevance, int | float) and isinstance(answerable, bool):
                yield Labelled(each.id, float(relevance), answerable)
        if not after:
            return
