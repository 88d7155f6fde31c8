"""The floor chosen on labelled questions: the best there is, checked on questions it has not seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression  # type: ignore[import-untyped] # it carries no types

from app.evaluation.calibration import Labelled, balanced_accuracy, crossing, isotonic

RELEVANCE = st.integers(0, 40).map(lambda tenths: tenths / 40)  # few values: ties are what is hard
LABELS = st.lists(st.tuples(RELEVANCE, st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: len({answerable for _, answerable in rows}) == 2
)


def _labelled(rows: list[tuple[float, bool]]) -> list[Labelled]:
    return [Labelled(str(number), relevance, label) for number, (relevance, label) in enumerate(rows)]


@given(LABELS)
def test_no_floor_parts_the_questions_better(rows: list[tuple[float, bool]]) -> None:
    labelled = _labelled(rows)
    floor = crossing(isotonic(labelled))
    best = max(
        balanced_accuracy([(each, other) for each in labelled])
        for other in (0.0, 1.1, *(relevance for relevance, _ in rows))
    )
    assert balanced_accuracy([(each, floor) for each in labelled]) == pytest.approx(best)


@given(LABELS)
def test_curve_is_that_of_scikit_learn_with_both_classes_weighing_the_same(
    rows: list[tuple[float, bool]],
) -> None:
    positive = sum(answerable for _, answerable in rows)
    weights = [1 / (positive if answerable else len(rows) - positive) for _, answerable in rows]
    fitted = IsotonicRegression().fit(
        [relevance for relevance, _ in rows], [float(label) for _, label in rows], sample_weight=weights
    )
    curve = isotonic(_labelled(rows))
    assert [value for _, value in curve] == pytest.approx(
        fitted.predict([relevance for relevance, _ in curve]).tolist(), abs=1e-6
    )


@given(LABELS)
def test_curve_never_falls(rows: list[tuple[float, bool]]) -> None:
    curve = isotonic(_labelled(rows))
    assert list(curve) == sorted(curve)


def test_floor_stands_midway_between_the_classes() -> None:
    curve = isotonic(_labelled([(0.1, False), (0.3, False), (0.7, True), (0.9, True)]))
    assert curve == ((0.1, 0.0), (0.3, 0.0), (0.7, 1.0), (0.9, 1.0))
    assert crossing(curve) == 0.5


def test_relevance_that_says_nothing_refuses_nothing() -> None:
    assert crossing(isotonic(_labelled([(0.9, False), (0.1, True)]))) == 0.0
