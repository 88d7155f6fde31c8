import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from app.bench.contenders import Contender, Dtype
from app.bench.figures import Shape
from app.bench.pairs import SetUnreadable, read_pairs
from app.bench.quantize import GOLDEN, compare, loader, run, verdict
from app.bench.random_model import save_random

TINY = Shape(layers=2, hidden=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=7000)


class Fixed:
    """Scores by the passage's own number; int8 swaps the best two where told."""

    note = ""

    def __init__(self, swapped: bool) -> None:
        self._swapped = swapped

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        values = [float(passage.split()[0]) for passage in passages]
        return [9.0 - value if self._swapped else value for value in values]


def written(folder: Path, *, candidates: bool) -> Path:
    corpus = [{"_id": f"d{i}", "text": f"{i} apples and pears"} for i in range(4)]
    corpus.append({"_id": "d4", "text": "4 zebras"})
    for name, rows in (("corpus", corpus), ("queries", [{"_id": "q", "text": "zebras"}])):
        lines = "\n".join(json.dumps(row) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines + "\n", encoding="utf-8")
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\td3\t1\nq\td0\t0\n", encoding="utf-8")
    if candidates:
        (folder / "candidates.tsv").write_text("q\td2\nq\td3\nq\td1\n", encoding="utf-8")
    return folder


def test_stored_candidates_are_taken_in_their_order(tmp_path: Path) -> None:
    [judged] = read_pairs(written(tmp_path, candidates=True), queries=5, candidates=10)
    assert [passage[0] for passage in judged.passages] == ["2", "3", "1"]
    assert judged.relevant == (False, True, False)


def test_without_candidates_the_labelled_come_first_then_those_with_terms_in_common(tmp_path: Path) -> None:
    [judged] = read_pairs(written(tmp_path, candidates=False), queries=5, candidates=3)
    assert [passage[0] for passage in judged.passages] == ["3", "4", "0"]


def test_a_title_is_read_before_the_text(tmp_path: Path) -> None:
    folder = written(tmp_path, candidates=True)
    rows = '{"_id": "d1", "title": "T", "text": "x"}\n{"_id": "d2", "text": "y"}\n'
    rows += '{"_id": "d3", "text": "z"}\n{"_id": "d0", "text": "w"}\n'
    (folder / "corpus.jsonl").write_text(rows, encoding="utf-8")
    [judged] = read_pairs(folder, queries=5, candidates=10)
    assert judged.passages == ("y", "z", "T\nx")


def test_a_candidate_without_a_document_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path, candidates=True)
    (folder / "candidates.tsv").write_text("q\tnowhere\n", encoding="utf-8")
    with pytest.raises(SetUnreadable, match=r"1 ids are not in corpus\.jsonl, such as nowhere"):
        read_pairs(folder, queries=5, candidates=10)


def test_a_folder_without_a_corpus_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SetUnreadable, match=r"corpus\.jsonl is missing"):
        read_pairs(tmp_path, queries=5, candidates=10)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    folder = written(tmp_path, candidates=True)
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "a"}\n{"text": "b"}\n', encoding="utf-8")
    with pytest.raises(SetUnreadable, match=r"queries\.jsonl:2 cannot be read"):
        read_pairs(folder, queries=5, candidates=10)


def test_the_set_of_the_demo_has_ten_candidates_for_each_question() -> None:
    judged = read_pairs(GOLDEN, queries=50, candidates=10)
    assert len(judged) == 19
    assert {len(each.passages) for each in judged} == {10}
    assert sum(any(each.relevant) for each in judged) >= 15


def test_fewer_bits_that_reverse_the_order_may_not_be_enabled(tmp_path: Path) -> None:
    judged = read_pairs(written(tmp_path, candidates=True), queries=5, candidates=10)

    def load(dtype: Dtype) -> Contender:
        return Fixed(swapped=dtype == "int8")

    found = compare(load, ["int8"], judged, device="cpu", random=False)
    others = found["against_float32"]
    assert isinstance(others, dict)
    assert others["int8"]["mean_kendall_tau"] == -1.0
    assert others["int8"]["mrr_at_10_float32"] == 1.0
    assert others["int8"]["mrr_at_10_change"] == pytest.approx(-0.6667)
    assert others["int8"]["verdict"]["may_be_enabled"] is False


@pytest.mark.parametrize(
    ("tau", "top", "random", "allowed"),
    [
        (0.97, 0.95, False, True),
        (0.969, 1.0, False, False),
        (1.0, 0.949, False, False),
        (1.0, 1.0, True, False),
    ],
)
def test_both_thresholds_and_trained_weights_are_needed(
    tau: float, top: float, random: bool, allowed: bool
) -> None:
    agreement: dict[str, float | None] = {"mean_kendall_tau": tau, "mean_top_3_agreement": top}
    assert verdict(agreement, random=random)["may_be_enabled"] is allowed


def test_a_real_engine_in_8_bits_is_compared_with_itself_in_float32(tmp_path: Path) -> None:
    model = save_random(tmp_path / "model", TINY, seed=1)
    (tmp_path / "set").mkdir()
    judged = read_pairs(written(tmp_path / "set", candidates=True), queries=5, candidates=10)
    found = compare(loader(model, "cpu"), ["int8"], judged, device="cpu", random=True)
    others = found["against_float32"]
    assert isinstance(others, dict)
    assert 0 < others["int8"]["max_difference_log_odds"] < 1
    assert others["int8"]["verdict"]["reason"].startswith("random weights decide nothing")


def test_a_comparison_is_written_with_its_set_and_weights(tmp_path: Path) -> None:
    model = save_random(tmp_path / "model", TINY, seed=1)
    (tmp_path / "small").mkdir()
    told: list[str] = []
    target = run(
        model, written(tmp_path / "small", candidates=True), queries=5, candidates=10,
        output=tmp_path / "result.json", tell=told.append,
    )  # fmt: skip
    result = json.loads(target.read_text(encoding="utf-8"))
    assert (result["benchmark"], result["set"], result["weights"]) == ("quantize", "small", "model")
    assert result["pairs"] == 3
    assert "int8" in told[0]
