"""Measures of rankings, held to what trec_eval's definitions give."""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.evaluation.intervals import interval, statistic_interval
from app.evaluation.matching import f1, says, says_any
from app.evaluation.refusal import auc
from app.evaluation.retrieval_measures import measure
from app.evaluation.stages import ranking

REFERENCE = Path(__file__).parents[2] / "data" / "golden" / "evaluation" / "reference.json"


def _reference() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(REFERENCE.read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("query", _reference()["values"])
def test_measures_are_those_of_pytrec_eval(query: str) -> None:
    reference = _reference()
    ranked = ranking((document, 1.0) for document in reference["runs"][query])
    found = measure(ranked, reference["judgements"][query])
    assert {name: round(found[name], 6) for name in reference["values"][query]} == pytest.approx(
        reference["values"][query], abs=2e-6
    )


def test_wrong_evidence_needs_something_to_be_found() -> None:
    assert measure((), {"a": 1.0})["wrong_evidence@3"] == 0.0
    assert measure((("b", 2.0), ("c", 1.0)), {"a": 1.0})["wrong_evidence@3"] == 1.0
    assert measure((("b", 2.0), ("a", 1.0)), {"a": 1.0})["wrong_evidence@3"] == 0.0


SCORED = st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(-1e6, 1e6)), max_size=20)


@given(SCORED)
def test_ranking_names_each_document_once_with_falling_scores(scored: list[tuple[str, float]]) -> None:
    found = ranking(scored)
    assert [name for name, _ in found] == list(dict.fromkeys(name for name, _ in scored))
    scores = [score for _, score in found]
    assert all(before > after for before, after in pairwise(scores))


@given(SCORED)
def test_reader_that_sorts_by_score_finds_the_order_of_the_product(scored: list[tuple[str, float]]) -> None:
    found = ranking(scored)
    written = [(name, float(repr(score))) for name, score in found]
    assert sorted(written, key=lambda pair: -pair[1]) == written


def test_intervals_hold_the_mean_and_shrink_with_more_questions() -> None:
    few, many = interval([0.0, 1.0] * 10), interval([0.0, 1.0] * 200)
    assert few.low < few.mean == 0.5 < few.high
    assert many.high - many.low < few.high - few.low
    assert interval([0.25] * 5) == interval([0.25] * 5)
    with pytest.raises(ValueError, match="no value to average"):
        interval([])


def test_statistic_without_anything_to_divide_by_has_no_interval() -> None:
    assert statistic_interval(lambda _: float("nan"), 3) is None
    assert statistic_interval(lambda _: 1.0, 0) is None
    found = statistic_interval(lambda drawn: float(len(drawn)), 3)
    assert found is not None
    assert (found.mean, found.low, found.high) == (3.0, 3.0, 3.0)


def test_auc_counts_pairs_in_order_and_ties_as_half() -> None:
    assert auc([0.9, 0.1], [True, False]) == 1.0
    assert auc([0.5, 0.5], [True, False]) == 0.5
    assert auc([0.9, 0.4, 0.6, 0.1], [True, True, False, False]) == 0.75
    assert auc([0.9], [True]) is None


def test_words_are_compared_without_space_case_and_width() -> None:
    assert says("共　２４０ 元", "240元")
    assert says("in TEN minutes", "十分钟|ten minutes")
    assert not says("in ten minutes", "nine minutes")
    assert says_any("a|b is the flag", ["a|b"])
    assert not says_any("anything", ["", " "])


@pytest.mark.parametrize(
    ("text", "accepted", "expected"),
    [
        ("北京大学", ["北京"], 2 * 2 / 6),
        ("The answer is 42 [1].", ["42"], 2 * 1 / 5),
        ("1", ["1"], 1.0),
        ("[1][2]", ["1"], 0.0),
        ("red", ["blue", "dark red"], 2 / 3),
        ("", ["x"], 0.0),
        ("x", [], 0.0),
    ],
)
def test_f1_is_over_characters_of_chinese_and_words_of_english(
    text: str, accepted: list[str], expected: float
) -> None:
    assert f1(text, accepted) == pytest.approx(expected)
