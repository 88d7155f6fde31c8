"""Peers on other runtimes: named wherever they do not run, and right wherever they do."""

import importlib
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from app.bench import peers
from app.bench.card_ids import CardIds
from app.bench.contenders import EIGHT_BIT, Card, Contender, Ours
from app.bench.exported import LastLogOdds
from app.bench.figures import Shape, largest_difference
from app.bench.meter import Cost
from app.bench.muster import TOLERANCE_8_BIT, Muster
from app.bench.open_vino import unreporting
from app.bench.peers import PEERS, RUNTIMES, Build, NotHere, left_out, our_builders, runtime_builders
from app.bench.race import LEAST_ROUNDS, Lap, described, race
from app.bench.random_model import random_tokenizer, save_random
from app.bench.rerank import measure
from app.bench.workloads import Spec, Workload, build

TINY = Shape(layers=2, hidden=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=7000)
SPEC = Spec("mixed-zh", "zh", (100, 160, 130, 110))
EVERYTHING = ("onnxruntime", "onnx", "onnxscript", "openvino", "nncf", "llama_cpp", "gguf")
CONTENDERS = [name for names in RUNTIMES.values() for name in names]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random(tmp_path_factory.mktemp("random"), TINY, seed=1)


@pytest.fixture(scope="module")
def workload() -> Workload:
    return build(SPEC, random_tokenizer().backend_tokenizer)


@pytest.fixture
def nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in EVERYTHING:
        monkeypatch.setitem(sys.modules, name, None)  # as if not installed


class Fixed:
    """Answers with what it was given, whatever the passages are."""

    note = "fixed"

    def __init__(self, values: Sequence[float], *, seconds: float = 0.0) -> None:
        self._values = list(values)
        self._seconds = seconds

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        time.sleep(self._seconds)
        return self._values[: len(passages)]


class Failing:
    note = "failing"

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        raise RuntimeError("no kernel")


def built(contenders: dict[str, Contender]) -> Muster:
    """A muster that knows these."""
    muster = Muster("cpu", "float32", {})
    muster.built({name: lambda made=made: made for name, made in contenders.items()})  # type: ignore[misc]  # bound now
    return muster


@pytest.mark.usefixtures("nothing_installed")
def test_every_runtime_that_is_not_installed_is_named_with_the_packages_it_lacks(folder: Path) -> None:
    found = measure(folder, "tiny", specs=(SPEC,), rounds=1, device="cpu")
    missing = found["not_measured"]
    assert isinstance(missing, dict)
    assert set(missing) == {*CONTENDERS}
    assert missing["onnxruntime"] == (
        "not installed here: onnxruntime, onnx, onnxscript (pip install onnxruntime onnx onnxscript)"
    )
    assert "nncf" in missing["openvino int8"]
    assert missing["llama.cpp"].endswith("(pip install llama-cpp-python gguf)")
    workloads = found["workloads"]
    assert isinstance(workloads, list)
    assert list(workloads[0]["results"]) == ["ours float32", "ours int8", "card", "crossencoder", "loop"]
    json.dumps(found)


def test_peers_that_are_not_asked_for_are_named() -> None:
    assert left_out(("card", "openvino"), "cpu") == dict.fromkeys(
        ("crossencoder", "loop", "onnxruntime", "llama.cpp"), "not asked for (--peers)"
    )


def test_on_a_gpu_the_cpu_runtimes_and_vllm_are_named() -> None:
    reasons = left_out(PEERS, "cuda")
    assert set(reasons) == {"onnxruntime", "openvino", "llama.cpp", "vllm"}
    assert reasons["openvino"] == "measured on CPU only, and this run is on a GPU"
    assert reasons["vllm"].startswith("a server in a process of its own")


def test_on_a_gpu_our_engine_runs_in_three_ways(folder: Path) -> None:
    assert list(our_builders(folder, "cuda")) == ["ours bfloat16", "ours bfloat16, ids stored", "ours fp8"]


def test_fp8_may_be_missing_but_our_exact_engine_may_not() -> None:
    def refuse() -> Contender:
        raise RuntimeError("not on this GPU")

    muster = Muster("cpu", "bfloat16", {})
    assert muster.built({"ours fp8": refuse}) == {}
    assert muster.missing == {"ours fp8": "RuntimeError: not on this GPU"}
    with pytest.raises(RuntimeError, match="not on this GPU"):
        muster.built({"ours bfloat16": refuse})


def test_weights_that_do_not_fit_into_memory_for_conversion_are_named() -> None:
    with pytest.raises(NotHere, match=r"converting takes 3500000\.0 GB of memory, \d+\.\d are left"):
        peers._need(10**15, "json")


def test_a_peer_that_computes_something_else_is_named_and_not_raced(workload: Workload) -> None:
    expected = [0.1, 0.5, -0.3, 0.2]
    contenders: dict[str, Contender] = {
        "onnxruntime": Fixed([0.1, 0.5, -0.3, 0.2009]),
        "openvino": Fixed([0.1, 0.5, -0.3, 0.202]),
        "crossencoder": Fixed([float("nan")] * 4),
        "loop": Failing(),
    }
    muster = built(contenders)
    assert list(muster.checked(contenders, workload, expected)) == ["onnxruntime"]
    assert muster.about["onnxruntime"]["check_max_difference_log_odds"] == 0.0009
    assert list(muster.about) == ["onnxruntime"]
    assert muster.missing == {
        "openvino": "wrong: its log-odds differ from the card's by 0.002, not 0.001",
        "crossencoder": "wrong: its log-odds differ from the card's by nan, not 0.001",
        "loop": "RuntimeError: no kernel",
    }


def test_eight_bits_may_round_by_a_quarter_of_the_spread_but_not_shuffle(workload: Workload) -> None:
    expected = [0.0, 1.0, 2.0, 4.0]
    contenders: dict[str, Contender] = {
        "openvino int8": Fixed([0.9, 0.5, 2.4, 4.9]),
        "onnxruntime int8": Fixed([1.0, 0.0, 4.0, 2.0]),
        "llama.cpp": Fixed([2.0] * 4),
    }
    muster = built(contenders)
    assert list(muster.checked(contenders, workload, expected)) == ["openvino int8"]
    assert set(muster.missing) == {"onnxruntime int8", "llama.cpp"}


def test_a_race_ends_when_its_time_is_up_but_not_before_its_least_rounds(workload: Workload) -> None:
    slow: dict[str, Contender] = {"ours float32": Fixed([0.0] * 4, seconds=0.02)}
    _, loads = race(slow, workload, rounds=50, device="cpu", limit_s=0.0)
    assert len(loads) == LEAST_ROUNDS
    laps, loads = race(slow, workload, rounds=4, device="cpu", limit_s=60.0)
    assert (len(loads), len(laps["ours float32"].costs)) == (4, 4)


def test_a_peer_is_compared_with_ours_in_the_rounds_of_its_own_group(workload: Workload) -> None:
    def lap(ms: float) -> Lap:
        return Lap([Cost(ms, 0.001, None)] * 2, [0.0, 1.0, 2.0, 3.0])

    entry = described(
        workload,
        [{"ours float32": lap(10), "card": lap(40)}, {"ours float32": lap(20), "openvino": lap(30)}],
        shape=TINY,
        ceilings={"float32": 1.0},
        reference=[0.0, 1.0, 2.0, 3.0],
    )
    assert entry["times_as_fast"] == {"ours float32": {"card": 4.0, "openvino": 1.5}}
    assert entry["results"]["ours float32"]["rounds_ms"] == [10, 10, 20, 20]
    assert list(entry["results"]) == ["ours float32", "card", "openvino"]


def test_the_exported_module_scores_right_padded_pairs_as_the_card_does(
    folder: Path, workload: Workload
) -> None:
    ids = CardIds(folder)
    batch, last = ids.right_padded(workload.query, workload.passages)
    assert batch.shape == (4, 160)
    assert last.tolist() == [99, 159, 129, 109]
    with torch.no_grad():
        values = LastLogOdds(folder, ids)(torch.from_numpy(batch), torch.from_numpy(last)).numpy()
    expected = Card(folder, "cpu", "float32").log_odds(workload.query, workload.passages)
    assert np.ptp(expected) > 0.01
    assert np.abs(values - expected).max() < 1e-5


def test_ours_and_the_card_read_the_same_ids(folder: Path, workload: Workload) -> None:
    rows = CardIds(folder).pairs(workload.query, workload.passages)
    assert [len(row) for row in rows] == list(workload.lengths)
    ours = Ours(folder, "cpu", "float32").log_odds(workload.query, workload.passages)
    card = Card(folder, "cpu", "float32").log_odds(workload.query, workload.passages)
    assert largest_difference(ours, card) < 1e-4


def killed(source: Path, target: Path) -> Path:
    os._exit(9)


def test_a_conversion_that_is_killed_does_not_end_the_benchmark(tmp_path: Path) -> None:
    with pytest.raises(NotHere, match="was killed, perhaps for its memory"):
        peers._elsewhere(killed, tmp_path, tmp_path)


def test_openvino_is_imported_without_its_reporter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino_telemetry", ModuleType("openvino_telemetry"))
    assert unreporting("json") is json
    with pytest.raises(ImportError):
        importlib.import_module("openvino_telemetry")


@pytest.fixture(scope="module")
def runtimes(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Build]:
    return runtime_builders(folder, tmp_path_factory.mktemp("converted"), PEERS)


@pytest.mark.parametrize("name", CONTENDERS)
def test_a_runtime_that_is_installed_computes_what_the_card_does(
    name: str, folder: Path, workload: Workload, runtimes: dict[str, Build]
) -> None:
    try:
        contender = runtimes[name]()
    except NotHere as error:
        pytest.skip(str(error))
    expected = Card(folder, "cpu", "float32").log_odds(workload.query, workload.passages)
    values = contender.log_odds(workload.query, workload.passages)
    allowed = TOLERANCE_8_BIT * np.ptp(expected) if name in EIGHT_BIT else 1e-4
    assert largest_difference(values, expected) < allowed
    assert "padding" in contender.note or "one pair a pass" in contender.note
