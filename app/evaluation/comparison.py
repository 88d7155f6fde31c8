"""Two runs over the same questions: what changed, and whether that can be chance."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.evaluation.intervals import Interval, interval
from app.evaluation.values import LOWER_IS_BETTER, Values


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure before and after, over the questions that both runs have.

    ``change``: after minus before, with its paired 95 % bootstrap interval. ``better`` and ``worse`` count
    questions.
    """

    measure: str
    questions: int
    before: float
    after: float
    change: Interval
    better: int
    worse: int

    @property
    def is_worse(self) -> bool:
        """Whether the whole interval lies on the wrong side of 0."""
        return self.change.low > 0 if self.measure in LOWER_IS_BETTER else self.change.high < 0

    @property
    def is_better(self) -> bool:
        """Whether the whole interval lies on the right side of 0."""
        return self.change.high < 0 if self.measure in LOWER_IS_BETTER else self.change.low > 0


def compare(before: Values, after: Values) -> list[Difference]:
    """A difference for each measure that both have taken of some question, in the order of ``after``."""
    found = []
    for measure, column in after.items():
        earlier = before.get(measure, {})
        shared = [question for question in column if question in earlier]
        if shared:
            pairs = [(earlier[question], column[question]) for question in shared]
            found.append(_difference(measure, pairs))
    return found


def crossed(before: Values, after: Values, measure: str) -> tuple[list[str], list[str]]:
    """The questions for which the measure rose, and those for which it fell."""
    earlier, later = before.get(measure, {}), after.get(measure, {})
    shared = [question for question in later if question in earlier]
    rose = [question for question in shared if later[question] > earlier[question]]
    return rose, [question for question in shared if later[question] < earlier[question]]


def _difference(measure: str, pairs: Sequence[tuple[float, float]]) -> Difference:
    sign = -1 if measure in LOWER_IS_BETTER else 1
    changes = [after - before for before, after in pairs]
    return Difference(
        measure=measure,
        questions=len(pairs),
        before=sum(before for before, _ in pairs) / len(pairs),
        after=sum(after for _, after in pairs) / len(pairs),
        change=interval(changes),
        better=sum(sign * change > 0 for change in changes),
        worse=sum(sign * change < 0 for change in changes),
    )
