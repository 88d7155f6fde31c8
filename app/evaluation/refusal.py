"""Does it abstain where the documents hold no answer, and only there?"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from app.evaluation.asked import Asked
from app.evaluation.intervals import Interval, statistic_interval


@dataclass(frozen=True, slots=True)
class RefusalFigures:
    """Shares (0..1) with 95 % intervals; None where no question or no abstention is there to divide by.

    ``precision``: of the abstentions, those on unanswerable questions; ``recall``: of the unanswerable
    questions, those abstained from; ``kept``: of the answerable ones, those not abstained from;
    ``balanced_accuracy``: mean of recall and kept. ``auc``: how often the best relevance of an answerable
    question is above that of an unanswerable one (ties half), whatever the threshold; None where nothing was
    reranked. ``floors``: the thresholds that applied.
    """

    answerable: int
    unanswerable: int
    precision: Interval | None
    recall: Interval | None
    kept: Interval | None
    balanced_accuracy: Interval | None
    auc: float | None
    floors: tuple[float, ...]


def refusal_figures(asked: Sequence[Asked]) -> RefusalFigures:
    """Over all questions but vague ones, for which asking back is right."""
    rows = [each for each in asked if not each.question.vague]
    floors = {each.result.floor for each in rows if each.result.floor is not None}
    answerable = np.array([each.question.answerable for each in rows], dtype=bool)
    refused = np.array([abstained(each) for each in rows], dtype=bool)

    def share(of: np.ndarray, among: np.ndarray) -> Interval | None:
        return statistic_interval(lambda drawn: _share(of[drawn], among[drawn]), len(rows))

    def balanced(drawn: np.ndarray) -> float:
        recall = _share(refused[drawn], ~answerable[drawn])
        return (recall + _share(~refused[drawn], answerable[drawn])) / 2

    return RefusalFigures(
        answerable=int(answerable.sum()),
        unanswerable=int((~answerable).sum()),
        precision=share(~answerable, refused),
        recall=share(refused, ~answerable),
        kept=share(~refused, answerable),
        balanced_accuracy=statistic_interval(balanced, len(rows)),
        auc=auc([each.best_relevance for each in rows], answerable.tolist()) if floors else None,
        floors=tuple(sorted(floors)),
    )


def abstained(asked: Asked) -> bool:
    """Whether nothing was answered: no passage reached the floor, or the generator found no answer there."""
    return asked.result.answer.outcome == "abstained"


def auc(scores: Sequence[float], positive: Sequence[bool]) -> float | None:
    """The area under the ROC curve: the share of (positive, negative) pairs in order, ties as one half.

    Source: the Mann-Whitney form of Hanley and McNeil 1982. None without pairs.
    """
    above = np.array([s for s, p in zip(scores, positive, strict=True) if p])
    below = np.array([s for s, p in zip(scores, positive, strict=True) if not p])
    if not len(above) or not len(below):
        return None
    pairs = above[:, None] - below[None, :]
    return float(((pairs > 0).sum() + (pairs == 0).sum() / 2) / pairs.size)


def _share(of: np.ndarray, among: np.ndarray) -> float:
    return float((of & among).sum() / among.sum()) if among.any() else float("nan")
