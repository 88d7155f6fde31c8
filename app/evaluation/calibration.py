"""From which relevance on should a question be answered? Chosen on labelled questions, checked on others."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import groupby, pairwise
from math import nan

from app.errors import BadRequest
from app.evaluation.asked import Asked
from app.evaluation.intervals import Drawn, Interval, statistic_interval
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.floors import CalibratedFloor, CalibratedFloors

LEAST = 20  # questions of each class; with fewer a floor is chosen by chance
FOLDS = 5
Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A question's best relevance, and whether it can be answered."""

    id: str
    relevance: float
    answerable: bool


Decided = tuple[Labelled, float]
"""A question with the floor that decides about it."""

@dataclass(frozen=True, slots=True)
class Calibration:
    """``curve``: relevance -> share of answerable questions among as many of both, never falling.

    ``floor`` is where the curve passes one half. Balanced accuracies (0..1): ``fitted`` on the questions it
    was chosen on; ``cross_validated``, each question by a floor chosen without its fold; ``present``, of the
    floor that was in force. ``gain``: cross-validated less present, with its paired 95 % bootstrap interval.
    """

    reranker: str
    floor: float
    present_floor: float
    questions: int
    fitted: float
    cross_validated: float
    present: float
    gain: Interval
    curve: Curve

    @property
    def is_better(self) -> bool:
        """Whether it does better on questions it has not seen than the present floor, beyond chance."""
        return self.gain.low > 0


def calibrate(asked: Sequence[Asked]) -> Calibration:
    """The floor for the reranker that judged these questions; vague ones and noisy forms do not count.

    Raises ``BadRequest`` for too few questions of a class, or where several rerankers judged.
    """
    rows = [
        each
        for each in asked
        if not each.question.vague and not each.question.of and each.result.models.reranker
    ]
    judges = {each.result.models.reranker for each in rows}
    floors = {each.result.floor for each in rows if each.result.floor is not None}
    labelled = [Labelled(each.question.id, each.best_relevance, each.question.answerable) for each in rows]
    positive = sum(each.answerable for each in labelled)
    negative = len(labelled) - positive
    if min(positive, negative) < LEAST:
        raise BadRequest(
            f"a floor needs {LEAST} questions of each class that were reranked; there are {positive} "
            f"answerable and {negative} unanswerable ones"
        )
    if len(judges) > 1 or len(floors) > 1:
        raise BadRequest(f"several rerankers judged: {', '.join(sorted(judges))}; calibrate when one does")
    present = floors.pop()
    curve = isotonic(labelled)
    floor = crossing(curve)
    held_out, so_far = _held_out(labelled), [(each, present) for each in labelled]
    gain = statistic_interval(lambda drawn: _gain(held_out, so_far, drawn), len(labelled))
    assert gain is not None  # noqa: S101 - both classes are there
    return Calibration(
        reranker=judges.pop(),
        floor=floor,
        present_floor=present,
        questions=len(labelled),
        fitted=balanced_accuracy([(each, floor) for each in labelled]),
        cross_validated=balanced_accuracy(held_out),
        present=balanced_accuracy(so_far),
        gain=gain,
        curve=curve,
    )


def require_collection(database: Database, name: str) -> Collection:
    """The collection of that name. Raises ``NotFound``."""
    return Collections(database, now=_now).named(name)


def put_into_force(database: Database, collection: str, set_name: str, found: Calibration) -> bool:
    """Answer questions to a collection by this floor from now on; only one that is better is put into force.

    Raises ``NotFound`` for an unknown collection.
    """
    target = require_collection(database, collection)
    if found.is_better:
        floor = CalibratedFloor(
            reranker=found.reranker,
            floor=found.floor,
            questions=found.questions,
            balanced_accuracy=found.cross_validated,
            set_name=set_name,
            curve=found.curve,
        )
        CalibratedFloors(database, now=_now).keep(target.id, floor)
    return found.is_better


def isotonic(labelled: Sequence[Labelled]) -> Curve:
    """The never falling step function nearest to the labels (least squares), both classes weighing the same.

    Pool adjacent violators (Ayer et al. 1955; Zadrozny and Elkan 2002 for calibration). A point for each end
    of each step, in rising order of relevance. Both classes must be there.
    """
    classes = Counter(each.answerable for each in labelled)
    positive_weight, negative_weight = classes[False], classes[True]  # whole numbers: exact
    steps: list[_Step] = []
    ordered = sorted(labelled, key=lambda each: each.relevance)
    for relevance, same in groupby(ordered, key=lambda each: each.relevance):
        here = Counter(each.answerable for each in same)
        positive = here[True] * positive_weight
        step = _Step(relevance, relevance, positive, positive + here[False] * negative_weight)
        while steps and steps[-1].value >= step.value:
            step = steps.pop().joined(step)
        steps.append(step)
    return tuple(
        (relevance, step.value)
        for step in steps
        for relevance in dict.fromkeys((step.low, step.high))
    )


def crossing(curve: Curve) -> float:
    """The floor: midway between the last relevance below one half and the first at or above it.

    Among all floors, it parts the questions the curve was made of with the best balanced accuracy. 0 where
    nothing is below; something is always at or above, the mean of the curve being one half.
    """
    if curve[0][1] >= 0.5:
        return 0.0
    return next((below + above) / 2 for (below, _), (above, value) in pairwise(curve) if value >= 0.5)


def balanced_accuracy(decided: Sequence[Decided]) -> float:
    """The mean of the share of answerable questions that reach their floor, and of others that do not."""
    kept = [each.relevance >= floor for each, floor in decided if each.answerable]
    refused = [each.relevance < floor for each, floor in decided if not each.answerable]
    return (sum(kept) / len(kept) + sum(refused) / len(refused)) / 2


def _gain(after: Sequence[Decided], before: Sequence[Decided], drawn: Drawn) -> float:
    """The change of balanced accuracy on drawn questions; NaN where a class is not among them."""
    if len({after[each][0].answerable for each in drawn}) < 2:
        return nan
    return balanced_accuracy([after[i] for i in drawn]) - balanced_accuracy([before[i] for i in drawn])


@dataclass(frozen=True, slots=True)
class _Step:
    low: float
    high: float
    positive: int
    weight: int

    @property
    def value(self) -> float:
        return self.positive / self.weight

    def joined(self, other: "_Step") -> "_Step":
        return _Step(self.low, other.high, self.positive + other.positive, self.weight + other.weight)


def _held_out(labelled: Sequence[Labelled]) -> list[Decided]:
    """Each question, in order, with a floor chosen on the other folds; classes are dealt evenly to folds."""
    fold_of: dict[str, int] = {}
    for answerable in (True, False):
        same = [each.id for each in labelled if each.answerable == answerable]
        same.sort(key=lambda each: sha256(each.encode()).digest())
        fold_of |= {each: number % FOLDS for number, each in enumerate(same)}
    floors = [
        crossing(isotonic([each for each in labelled if fold_of[each.id] != fold])) for fold in range(FOLDS)
    ]
    return [(each, floors[fold_of[each.id]]) for each in labelled]


def _now() -> datetime:
    return datetime.now(UTC)
