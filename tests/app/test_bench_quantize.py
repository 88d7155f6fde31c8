import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.bench.agreement import Scorer, Subject, compare, verdict
from app.bench.contenders import Dtype
from app.bench.figures import Shape
from app.bench.pairs import Judged, SetUnreadable, read_pairs
from app.bench.quantize import GOLDEN, dtypes_for, keep, loader, run
from app.bench.random_model import save_random
from app.permits import read_permits
from rerank.errors import RerankerUnavailable
from rerank.permit import Arithmetic, Loaded
from rerank.selftest import KNOWN_ANSWERS
from tests.fakes.rerank import ScriptedReranker
from tests.rerank.permits import permit

TINY = Shape(layers=2, hidden=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=7000)


CPU = Subject("m", "small", "cpu", random=False)
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


class Fixed(ScriptedReranker):
    """Scores by the passage's own number, changed as told; knows the known answers, or nothing."""

    def __init__(self, *, factor: float = 1.0, moved: float = 0.0, trained: bool = True) -> None:
        super().__init__({answer.right: 0.9 for answer in KNOWN_ANSWERS} if trained else {})
        self.arithmetic: Arithmetic | None = Arithmetic("int8", "int8", Loaded("abc", "cpu", "/m"))
        self._factor, self._moved = factor, moved

    def log_odds(self, query: str, passages: Sequence[str], instruction: str) -> list[float]:
        return [float(passage.split()[0]) * self._factor + self._moved for passage in passages]


def loads(**others: Scorer) -> dict[str, Scorer]:
    """Trained weights by dtype."""
    return {"float32": Fixed(), **others}


def many(queries: int = 20, candidates: int = 6) -> list[Judged]:
    """Passages with the log-odds -2.5, -1.5 … 2.5, the last one relevant."""
    passages = tuple(f"{i - candidates / 2 + 0.5} apples" for i in range(candidates))
    relevant = tuple(i == candidates - 1 for i in range(candidates))
    return [Judged(str(number), "apples", passages, relevant) for number in range(queries)]


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


def test_fewer_bits_that_reverse_the_order_may_not_be_enabled() -> None:
    found = compare(loads(int8=Fixed(factor=-1)).__getitem__, ["int8"], many(), CPU, lambda: NOON)
    others = found.figures["against_float32"]
    assert isinstance(others, dict)
    assert others["int8"]["mean_kendall_tau"] == -1.0
    assert others["int8"]["mean_top_3_agreement"] == 0.0
    assert others["int8"]["mrr_at_10_float32"] == 1.0
    assert others["int8"]["mrr_at_10_change"] == pytest.approx(-0.8333)
    assert others["int8"]["verdict"] == {
        "may_be_enabled": False,
        "reason": "measured tau -1.0000 (needed 0.97) and top 3 agreement 0.0000 (needed 0.95)",
    }
    assert [each.shortfall() != "" for each in found.permits] == [True]


def test_order_that_is_kept_earns_a_permit_with_the_floor_that_belongs_to_it() -> None:
    found = compare(loads(int8=Fixed(moved=-0.8)).__getitem__, ["int8"], many(), CPU, lambda: NOON)
    [permit] = found.permits
    assert (permit.weights, permit.dtype, permit.device, permit.set_name) == ("abc", "int8", "cpu", "small")
    assert (permit.kendall_tau, permit.top_3_agreement, permit.mrr_at_10_change) == (1.0, 1.0, 0.0)
    assert (permit.queries, permit.pairs, permit.at, permit.shortfall()) == (20, 120, NOON, "")
    assert permit.floor == pytest.approx(0.42556, abs=1e-5)  # what was 0.5 is now -0.3
    assert (permit.disagreements, permit.disagreements_at_half) == (0, 20)
    others = found.figures["against_float32"]
    assert isinstance(others, dict)
    assert others["int8"]["passages_parted_otherwise_at_0.5"] == 20
    assert others["int8"]["verdict"]["may_be_enabled"] is True


def test_small_sets_permit_nothing() -> None:
    found = compare(loads(int8=Fixed()).__getitem__, ["int8"], many(queries=9), CPU)
    [permit] = found.permits
    assert permit.shortfall().startswith("54 pairs of 9 queries are too few to tell")


def test_untrained_weights_never_earn_a_permit() -> None:
    untrained = {"float32": Fixed(trained=False), "int8": Fixed(trained=False)}
    found = compare(untrained.__getitem__, ["int8"], many(), CPU)
    assert found.permits == ()
    assert found.untrained.startswith("weights that fail the known answers decide nothing")
    random = compare(loads(int8=Fixed()).__getitem__, ["int8"], many(), Subject("m", "s", "cpu", random=True))
    assert (random.permits, random.untrained) == ((), "random weights decide nothing")


def test_a_dtype_that_is_not_there_is_named_with_its_reason() -> None:
    def load(dtype: Dtype) -> Scorer:
        if dtype == "fp8":
            raise RerankerUnavailable("fp8 runs elsewhere")
        return Fixed()

    found = compare(load, ["bfloat16", "fp8"], many(), CPU)
    others = found.figures["against_float32"]
    assert isinstance(others, dict)
    assert others["fp8"] == {"not_measured": "fp8 runs elsewhere"}
    assert [each.dtype for each in found.permits] == ["bfloat16"]


def test_what_is_compared_suits_the_device() -> None:
    assert dtypes_for("cpu") == ["int8"]
    assert dtypes_for("cuda") == ["bfloat16", "fp8"]


@pytest.mark.parametrize(
    ("tau", "top", "untrained", "allowed"),
    [
        (0.97, 0.95, "", True),
        (0.969, 1.0, "", False),
        (1.0, 0.949, "", False),
        (1.0, 1.0, "random", False),
    ],
)
def test_both_thresholds_and_trained_weights_are_needed(
    tau: float, top: float, untrained: str, allowed: bool
) -> None:
    found = verdict(permit("abc", kendall_tau=tau, top_3_agreement=top), untrained=untrained)
    assert found["may_be_enabled"] is allowed


def test_a_real_engine_in_8_bits_is_compared_with_itself_in_float32(tmp_path: Path) -> None:
    model = save_random(tmp_path / "model", TINY, seed=1)
    (tmp_path / "set").mkdir()
    judged = read_pairs(written(tmp_path / "set", candidates=True), queries=5, candidates=10)
    found = compare(loader(model, "cpu"), ["int8"], judged, Subject("m", "s", "cpu", random=True))
    others = found.figures["against_float32"]
    assert isinstance(others, dict)
    assert 0 < others["int8"]["max_difference_log_odds"] < 1
    assert others["int8"]["verdict"]["reason"].startswith("random weights decide nothing")


def test_a_comparison_is_written_with_its_set_and_weights(tmp_path: Path) -> None:
    model = save_random(tmp_path / "model", TINY, seed=1)
    (tmp_path / "small").mkdir()
    told: list[str] = []
    target = run(
        model, written(tmp_path / "small", candidates=True), queries=5, candidates=10, device="cpu",
        output=tmp_path / "result.json", permits=tmp_path / "permits", tell=told.append,
    )  # fmt: skip
    result = json.loads(target.read_text(encoding="utf-8"))
    assert (result["benchmark"], result["set"], result["weights"]) == ("quantize", "small", "model")
    assert result["pairs"] == 3
    assert "int8" in told[0]
    # a folder of random weights is found out by the known answers
    assert result["permits"].startswith("none: weights that fail the known answers decide nothing")
    assert told[1].startswith("no permit: weights that fail")
    assert read_permits(tmp_path / "permits").found == ()
    assert read_permits(tmp_path).found == ()


def test_permits_go_into_the_data_directory_or_beside_the_output(tmp_path: Path) -> None:
    found = compare(loads(int8=Fixed()).__getitem__, ["int8"], many(), CPU, lambda: NOON)
    told: list[str] = []
    first = keep(found, None, tmp_path / "permits", tell=told.append)
    second = keep(found, tmp_path / "out" / "result.json", tmp_path / "permits", tell=told.append)
    assert first == [tmp_path / "permits" / "permit-int8-cpu-abc.json"]
    assert second == [tmp_path / "out" / "permit-int8-cpu-abc.json"]
    assert read_permits(tmp_path / "permits").found == read_permits(tmp_path / "out").found == found.permits
    assert told[0] == f"permit written to {first[0]}; restart Touchstone to use it"
    assert told[1] == f"permit written to {second[0]}; it counts once it lies in {tmp_path / 'permits'}"
