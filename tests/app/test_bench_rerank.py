import json
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.bench.contenders import Card, CrossEncoder, OneByOne, Ours
from app.bench.figures import Shape, largest_difference
from app.bench.race import table
from app.bench.random_model import random_tokenizer, save_random
from app.bench.rerank import main, measure, slug
from app.bench.workloads import SIZES, Spec, build
from app.cli.bench import bench

TINY = Shape(layers=2, hidden=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=7000)
SPECS = (Spec("3x110-en", "en", (110,) * 3), Spec("mixed-zh", "zh", (100, 160, 130)))
ROOT = Path(__file__).parents[2]
ALONE = """
import sys
sys.modules.update(dict.fromkeys(sys.argv[1:]))  # None: as if not installed
import app.bench.rerank, app.bench.saturation, app.bench.quantize, rerank.qwen3, retrieval.types
print("imported")
"""
ALLOWED = ("torch", "transformers", "numpy", "pydantic")


def others() -> list[str]:
    """Import names of all that is installed here beside ``ALLOWED``, what those need, and this project."""
    needed: set[str] = set()
    waiting = list(ALLOWED)
    while waiting:
        name = waiting.pop()
        if name in needed:
            continue
        needed.add(name)
        try:
            lines = requires(name) or []
        except PackageNotFoundError:
            continue  # for another platform
        found = (re.match(r"[\w.-]+", line) for line in lines if "extra ==" not in line)
        waiting += [re.sub(r"[-_.]+", "-", each[0]).lower() for each in found if each]
    return [
        module
        for module, packages in packages_distributions().items()
        if module not in sys.stdlib_module_names
        and not {re.sub(r"[-_.]+", "-", each).lower() for each in packages} & {*needed, "touchstone-kb"}
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random(tmp_path_factory.mktemp("random"), TINY, seed=1)


def test_the_bench_starts_where_only_torch_transformers_and_pydantic_are_installed() -> None:
    blocked = others()
    assert {"chromadb", "click", "rich", "fastapi", "sentence_transformers", "pypdf"} & set(blocked)
    done = subprocess.run([sys.executable, "-c", ALONE, *blocked], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "imported\n", done.stderr[-2000:]


def test_every_workload_of_every_size_has_exactly_the_tokens_its_name_says() -> None:
    tokenizer = random_tokenizer().backend_tokenizer
    for spec in {spec for specs in SIZES.values() for spec in specs}:
        workload = build(spec, tokenizer)
        assert workload.shared == 80
        assert workload.lengths == spec.lengths
        assert len(set(workload.passages)) == len(spec.lengths)


def test_a_workload_counts_shared_tokens_once_and_padding_in_full() -> None:
    workload = build(Spec("two", "en", (100, 160)), random_tokenizer().backend_tokenizer)
    assert workload.distinct == 80 + 20 + 80
    assert workload.padded == 320


def test_the_demo_text_that_is_too_short_for_a_workload_is_refused() -> None:
    with pytest.raises(ValueError, match="are needed"):
        build(Spec("long", "en", (7000,)), random_tokenizer().backend_tokenizer)


def test_all_contenders_score_the_same_pairs_alike(folder: Path) -> None:
    workload = build(SPECS[1], random_tokenizer().backend_tokenizer)
    card = Card(folder, "cpu", "float32")
    wanted = card.log_odds(workload.query, workload.passages)
    assert max(wanted) - min(wanted) > 0.001
    for contender in (
        Ours(folder, "cpu", "float32"),
        CrossEncoder(folder, "cpu", "float32"),
        OneByOne(card),
    ):
        values = contender.log_odds(workload.query, workload.passages)
        assert largest_difference(values, wanted) < 1e-4


def test_our_contender_computes_every_round_again(folder: Path) -> None:
    ours = Ours(folder, "cpu", "float32")
    ours.log_odds("q", ["one", "two"])
    ours.log_odds("q", ["one", "two"])
    assert ours._reranker.cache.hits == 0


def test_a_whole_run_has_figures_of_every_contender_on_every_workload(folder: Path) -> None:
    told: list[str] = []
    found = measure(
        folder, "tiny", specs=SPECS, rounds=2, peers=("card", "crossencoder", "loop", "mlx"), device="cpu",
        tell=told.append,
    )  # fmt: skip
    json.dumps(found)
    names = ["ours float32", "ours int8", "card", "crossencoder", "loop"]
    workloads = found["workloads"]
    assert isinstance(workloads, list)
    for entry in workloads:
        assert list(entry["results"]) == names
        assert set(entry["times_as_fast"]) == {"ours float32", "ours int8"}
        assert set(entry["times_as_fast"]["ours float32"]) == {"card", "crossencoder", "loop"}
        assert list(entry["load_average_before_rounds"]) == ["torch"]
        assert len(entry["load_average_before_rounds"]["torch"]) == 2
        for row in entry["results"].values():
            assert len(row["rounds_ms"]) == 2
            assert row["pairs_per_s"] > 0
            assert row["core_seconds"] > 0
        exact = entry["results"]["ours float32"]["against_card_float32"]
        assert exact["max_difference_log_odds"] < 1e-4
        assert exact["same_order"]
    assert [entry["pair_tokens"] for entry in workloads] == [330, 390]
    not_measured, contenders = found["not_measured"], found["contenders"]
    assert isinstance(not_measured, dict)
    assert isinstance(contenders, dict)
    assert set(not_measured) == {"onnxruntime", "openvino", "llama.cpp", "mlx"}
    assert not_measured["openvino"] == "not asked for (--peers)"
    assert not_measured["mlx"].startswith("unknown; known are card, ")
    assert "one batch" in contenders["card"]["setup"]
    assert contenders["crossencoder"]["check_max_difference_log_odds"] < 1e-4
    assert [line for line in told if "ours int8" in line]


def test_without_the_card_as_peer_the_difference_to_it_is_still_measured(folder: Path) -> None:
    found = measure(folder, "tiny", specs=SPECS[:1], rounds=1, peers=(), device="cpu")
    workloads = found["workloads"]
    assert isinstance(workloads, list)
    row = workloads[0]["results"]["ours float32"]
    assert 0 < row["against_card_float32"]["max_difference_log_odds"] < 1e-4


def test_the_module_runs_alone_and_writes_machine_and_figures(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "result.json"
    main([
        "--model", str(folder), "--sizes", "quick", "--rounds", "1", "--peers", "card",
        "--output", str(target),
    ])  # fmt: skip
    result = json.loads(target.read_text(encoding="utf-8"))
    assert result["benchmark"] == "rerank"
    assert result["weights"] == folder.name
    assert result["machine"]["cores"] >= 1
    assert result["workloads"][0]["name"] == "5x128-en"


def test_the_table_has_a_line_for_each_contender() -> None:
    row = {
        "latency_ms": {"p50": 12.0, "p95": 13.0}, "pairs_per_s": 5.0, "pair_tokens_per_s": 700.0,
        "peak_extra_mb": None, "share_of_floor": 0.5,
        "against_card_float32": {"max_difference_log_odds": 1e-6, "kendall_tau": 1.0},
    }  # fmt: skip
    entry = {
        "name": "w", "results": {"ours": row, "card": row}, "times_as_fast": {"ours": {"card": 2.5}},
    }  # fmt: skip
    lines = table([entry])
    assert len(lines) == 3
    assert lines[1].endswith("card 2.50")


def test_a_result_file_is_named_after_the_device() -> None:
    assert slug("NVIDIA H200") == "nvidia-h200"


@pytest.mark.parametrize("name", ["rerank", "quantize"])
def test_a_model_and_random_weights_together_are_refused(name: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(bench, [name, "--model", str(tmp_path), "--random"])
    assert done.exit_code == 2
    assert "give --model or --random, not both" in done.output
