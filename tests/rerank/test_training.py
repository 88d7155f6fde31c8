"""The weights of the starter reranker: read, fitted, calibrated and written as the product reads them."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from rerank.errors import RerankError
from rerank.soft_features import NAMES
from rerank.starter import WEIGHTS, Weights
from rerank.training import __main__ as command
from rerank.training.examples import Example, examples
from rerank.training.fit import calibrated, fit
from rerank.training.labelled import chosen, read_set
from retrieval.starter_table import starter_folder, starter_table

PASSAGES = {
    "p": "To reset your password open the settings page and choose a new one.",
    "h": "The hotel limit on business trips is 600 yuan in large cities.",
    "c": "The canteen serves noodles on Mondays.",
    "i": "发票须加盖公司公章后方可报销。",
}
QUESTIONS = {
    "How do I reset my password?": "p",
    "What is the hotel limit on a business trip?": "h",
    "报销的发票要盖什么章？": "i",
    "怎么重置密码": "p",
    "出差住宿的上限是多少": "h",
    "Who won the football match?": None,
    "火星上有几家分公司": None,
}


def write_set(folder: Path) -> Path:
    folder.mkdir()
    corpus = [{"_id": name, "title": "", "text": text} for name, text in PASSAGES.items()]
    queries, qrels = [], ["query-id\tcorpus-id\tscore"]
    for number, (text, answer) in enumerate(QUESTIONS.items()):
        for copy in range(4):
            name = f"q{number}-{copy}"
            queries.append({"_id": name, "text": text, "answerable": answer is not None})
            if answer:
                qrels.append(f"{name}\t{answer}\t1")
    for file, rows in (("corpus", corpus), ("queries", queries)):
        lines = (json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{file}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    (folder / "qrels.tsv").write_text("\n".join(qrels), encoding="utf-8")
    return folder


def test_only_the_choosing_half_is_read(tmp_path: Path) -> None:
    labelled = read_set(write_set(tmp_path / "made"))
    assert 0 < len(labelled.questions) < 4 * len(QUESTIONS)
    assert all(chosen(question.id) for question in labelled.questions)


def test_candidates_carry_the_features_that_the_product_computes(tmp_path: Path) -> None:
    found = examples(read_set(write_set(tmp_path / "made")), starter_table())
    assert {example.values.shape[1] for example in found} == {len(NAMES)}
    assert any(example.relevant.any() for example in found)
    assert any(not example.answerable for example in found)


def made_examples(count: int = 60) -> list[Example]:
    """Relevant is whatever has the largest first feature, in three questions of four."""
    random = np.random.default_rng(0)
    found = []
    for number in range(count):
        values = random.random((8, len(NAMES))).astype(np.float32)
        answerable = number % 4 > 0
        values[:, 0] *= 1.0 if answerable else 0.3
        relevant = np.zeros(8, dtype=bool)
        relevant[values[:, 0].argmax()] = answerable
        found.append(Example("made", values, relevant, answerable))
    return found


def test_fit_finds_what_decides_and_calibration_keeps_the_order() -> None:
    found = made_examples()
    fitted = fit(found)
    assert int(np.abs(fitted.coefficients).argmax()) == 0
    scaled = calibrated(fitted, found)
    for example in found:
        assert (fitted.log_odds(example.values).argsort() == scaled.log_odds(example.values).argsort()).all()


def test_calibrated_relevance_is_the_share_that_is_relevant() -> None:
    found = made_examples(200)
    fitted = calibrated(fit(found), found)
    relevance, relevant, weights = [], [], []
    for example in found:
        best = (-fitted.log_odds(example.values)).argsort()[:3]
        relevance += (1 / (1 + np.exp(-fitted.log_odds(example.values)[best]))).tolist()
        relevant += example.relevant[best].tolist()
        weights += [1 / 150 if example.answerable else 1 / 50] * 3
    expected = np.average(relevant, weights=weights)
    assert np.average(relevance, weights=weights) == pytest.approx(expected, abs=0.01)


def test_command_writes_weights_that_the_product_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_set(tmp_path / "refusal_made")
    monkeypatch.setattr(command, "SETS", ("refusal_made",))
    monkeypatch.setattr(sys, "argv", ["training", str(tmp_path), "--out", str(tmp_path)])
    command.main()
    weights = Weights.load(tmp_path)
    assert weights.fitted_to == starter_table().identity
    assert 0 < weights.floor < 1
    assert "MRR@10" in capsys.readouterr().err


def test_weights_that_travel_were_fitted_to_the_table_that_travels() -> None:
    assert Weights.load(starter_folder()).fitted_to == starter_table().identity


@pytest.mark.parametrize("text", ["", "{}", '{"version": "1", "bias": 0, "coefficients": {"a": 1}}'])
def test_damaged_weights_are_named_with_the_remedy(tmp_path: Path, text: str) -> None:
    (tmp_path / WEIGHTS).write_text(text, encoding="utf-8")
    with pytest.raises(RerankError, match=r"reranker\.json cannot be read .*install touchstone-kb again"):
        Weights.load(tmp_path)
