"""Runs against each other: what counts as worse, and what a kept baseline must be to compare with."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import BadRequest
from app.evaluation.comparison import Difference, compare, crossed
from app.evaluation.gate import GateFailed, against, fail_if_worse, read_baseline
from app.evaluation.values import LOWER_IS_BETTER, pack, unpack

WAY = {"reranking": True, "generation": True}
IDS = [f"q{number}" for number in range(40)]
ONES, ZEROS = dict.fromkeys(IDS, 1.0), dict.fromkeys(IDS, 0.0)
HALF = {each: float(number % 2) for number, each in enumerate(IDS)}


def test_a_clear_fall_is_worse_and_a_clear_rise_is_better() -> None:
    (fell,) = compare({"final mrr@10": ONES}, {"final mrr@10": HALF})
    assert (fell.is_worse, fell.is_better, fell.better, fell.worse) == (True, False, 0, 20)
    (rose,) = compare({"final mrr@10": HALF}, {"final mrr@10": ONES})
    assert (rose.is_worse, rose.is_better) == (False, True)


def test_wrong_answers_are_better_when_there_are_fewer() -> None:
    (fewer,) = compare({"wrong answer": ONES}, {"wrong answer": HALF})
    assert (fewer.is_better, fewer.is_worse, fewer.better, fewer.worse) == (True, False, 20, 0)
    assert {"wrong answer", "wrong evidence", "refused for nothing"} == LOWER_IS_BETTER


def test_one_question_of_forty_may_be_chance() -> None:
    (change,) = compare({"right answer": ONES}, {"right answer": {**ONES, "q7": 0.0}})
    assert (change.worse, change.is_worse) == (1, False)


def test_the_same_run_is_neither_better_nor_worse() -> None:
    (same,) = compare({"right answer": HALF}, {"right answer": HALF})
    assert (same.change.low, same.change.high, same.is_worse, same.is_better) == (0.0, 0.0, False, False)


def test_only_questions_of_both_runs_are_compared() -> None:
    (change,) = compare({"right answer": {"a": 1.0, "b": 0.0}}, {"right answer": {"b": 1.0, "c": 0.0}})
    assert (change.questions, change.before, change.after) == (1, 0.0, 1.0)
    assert compare({"right answer": {"a": 1.0}}, {"right answer": {"b": 1.0}}) == []


def test_questions_that_crossed_are_named() -> None:
    before, after = {"m": {"a": 1.0, "b": 0.0, "c": 1.0}}, {"m": {"a": 0.0, "b": 1.0, "c": 1.0}}
    assert crossed(before, after, "m") == (["b"], ["a"])


VALUES = st.dictionaries(
    st.sampled_from(["final mrr@10", "wrong answer"]),
    st.dictionaries(st.text(min_size=1), st.integers(0, 10_000).map(lambda n: n / 10_000), min_size=1),
    max_size=2,
)


@given(VALUES)
def test_kept_values_come_back_as_they_were(values: dict[str, dict[str, float]]) -> None:
    assert unpack(json.loads(json.dumps(pack(values)))) == values


def test_values_of_another_shape_are_refused() -> None:
    with pytest.raises(BadRequest, match="values of the questions cannot be read"):
        unpack({"questions": ["a"], "columns": {"m": "1 0"}})


def _baseline(path: Path, values: dict[str, dict[str, float]]) -> Path:
    report = {"set": "small", "digest": "d", "asked_with": WAY, "values": pack(values)}
    path.write_text(json.dumps(report), encoding="utf-8")
    return path


def _against(path: Path, found: dict[str, dict[str, float]]) -> list[Difference]:
    return against(read_baseline(path)["small"], digest="d", asked_with=WAY, found=found)


def test_gate_names_what_is_worse(tmp_path: Path) -> None:
    kept = _baseline(tmp_path / "base.json", {"right answer": ONES, "wrong answer": ZEROS})
    worse = _against(kept, {"right answer": HALF, "wrong answer": ZEROS})
    with pytest.raises(GateFailed, match=r"small: right answer 1.000 → 0.500$"):
        fail_if_worse({"small": worse})
    fail_if_worse({"small": _against(kept, {"right answer": ONES, "wrong answer": ZEROS})})


def test_baseline_of_other_documents_or_another_way_of_asking_is_refused(tmp_path: Path) -> None:
    kept = read_baseline(_baseline(tmp_path / "base.json", {"right answer": ONES}))["small"]
    with pytest.raises(BadRequest, match=r"baseline is of another version of small"):
        against(kept, digest="another", asked_with=WAY, found={"right answer": ONES})
    way = {"reranking": True, "generation": False}
    with pytest.raises(BadRequest, match=r"'generation': True}, this run with .*'generation': False"):
        against(kept, digest="d", asked_with=way, found={"right answer": ONES})


def test_runs_without_a_common_question_are_refused(tmp_path: Path) -> None:
    kept = _baseline(tmp_path / "base.json", {"right answer": ONES})
    with pytest.raises(BadRequest, match="no question in common"):
        _against(kept, {"right answer": {"x": 1.0}})


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"set": "a"}', '{"sets": {"a": {}}}'])
def test_file_that_is_no_result_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "base.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadRequest, match=r"base.json is no result of `touchstone evaluate --json`"):
        read_baseline(path)
