"""Reranking against its peers: one process, the same weights, the same texts, alternating rounds.

Runs from a bare checkout with torch, transformers, numpy and pydantic only (``python -m app.bench.rerank``);
``touchstone bench rerank`` calls the same ``measure``.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from transformers import AutoConfig, AutoTokenizer

from app.bench.contenders import Build, Card, Contender, Ours, builders, quiet
from app.bench.figures import PEAK_TFLOPS, Shape, largest_difference
from app.bench.machine import write_result
from app.bench.meter import best_device, device_name, free, held, product_tflops, threads
from app.bench.race import described, race, table
from app.bench.random_model import save_random
from app.bench.workloads import SIZES, Spec, Workload, build

BASELINES = Path(__file__).parents[2] / "data" / "baselines"
PEERS = ("card", "crossencoder", "loop")
NOT_MEASURED = {
    "onnx": "exporting 0.6B to ONNX takes longer and more memory than all of this benchmark",
    "openvino": "not a dependency, and its export of 0.6B is as heavy as ONNX's",
    "llamacpp": "not a dependency; needs the weights converted to GGUF",
    "vllm": "not a dependency; a server in a process of its own",
}
RANDOM = "random weights, geometry of Qwen3-Reranker-0.6B: times and memory are real, scores mean nothing"
Tell = Callable[[str], None]


def measure(
    folder: Path,
    weights: str,
    *,
    specs: Sequence[Spec],
    rounds: int,
    peers: Sequence[str] = PEERS,
    device: str,
    tell: Tell = lambda line: None,
) -> dict[str, object]:
    """Figures of one run on the checkpoint in ``folder``; ``weights`` says in the result which they are.

    A peer that cannot be built here is left out and named with its reason under ``not_measured``.
    """
    shape, tokenizer = _shape(folder), AutoTokenizer.from_pretrained(folder, local_files_only=True)
    workloads = [build(spec, tokenizer.backend_tokenizer) for spec in specs]
    tell("loading")
    references = {} if device == "cpu" and "card" in peers else _references(folder, device, workloads)
    exact = _exact_on_gpu(folder, device, workloads[0], references)
    contenders, about, missing = _built(builders(folder, device, peers), device)
    missing |= {peer: NOT_MEASURED.get(peer, "unknown") for peer in peers if peer not in contenders | missing}
    plain = "float32" if device == "cpu" else "bfloat16"
    ceilings = {plain: PEAK_TFLOPS.get(device_name(device)) or product_tflops(device, plain)}
    if device == "cpu":
        ceilings["int8"] = product_tflops(device, "int8")
    entries = []
    for contender in contenders.values():  # first calls pay for threads and allocations
        contender.log_odds(workloads[0].query, workloads[0].passages[:2])
    for workload in workloads:
        tell(workload.name)
        laps, loads = race(contenders, workload, rounds=rounds, device=device)
        reference = references.get(workload.name) or laps["card"].log_odds
        entry = described(workload, laps, shape=shape, ceilings=ceilings, reference=reference)
        entries.append(entry | {"load_average_before_rounds": loads})
        for line in table([entry]):
            tell(line)
    for name, contender in contenders.items():
        about[name]["setup"] = contender.note
    return {
        "weights": weights,
        "device": device_name(device),
        "threads": threads(),
        "rounds": rounds,
        "ceiling_tflops": {dtype: round(rate, 4) for dtype, rate in ceilings.items()},
        "ceiling_source": _ceiling_source(device),
        "contenders": about,
        "not_measured": missing,
        "exact_on_gpu": exact,
        "workloads": entries,
    }


def _ceiling_source(device: str) -> str:
    known = device_name(device) in PEAK_TFLOPS
    return "known rate of this GPU" if known else "the best product measured in this run"


def _shape(folder: Path) -> Shape:
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    return Shape(
        config.num_hidden_layers,
        config.hidden_size,
        config.num_attention_heads,
        config.num_key_value_heads,
        config.head_dim,
        config.intermediate_size,
        config.vocab_size,
    )


def _references(folder: Path, device: str, workloads: Sequence[Workload]) -> dict[str, list[float]]:
    """The card's float32 log-odds by workload, where no contender gives them."""
    card = Card(folder, device, "float32")
    found = {work.name: card.log_odds(work.query, work.passages) for work in workloads}
    del card
    free(device)
    return found


def _exact_on_gpu(
    folder: Path, device: str, workload: Workload, references: dict[str, list[float]]
) -> dict[str, object] | None:
    """Our engine in float32 against the card in float32, where the timed contenders are in bfloat16."""
    if device == "cpu":
        return None
    values = Ours(folder, device, "float32").log_odds(workload.query, workload.passages)
    free(device)
    return {
        "workload": workload.name,
        "max_difference_log_odds_float32": largest_difference(values, references[workload.name]),
    }


def _built(
    wanted: dict[str, Build], device: str
) -> tuple[dict[str, Contender], dict[str, dict[str, object]], dict[str, str]]:
    """Contenders, what loading each took, and why some are missing. Ours must load."""
    contenders: dict[str, Contender] = {}
    about: dict[str, dict[str, object]] = {}
    missing: dict[str, str] = {}
    for name, make in wanted.items():
        before, began = held(device), time.perf_counter()
        try:
            contenders[name] = make()
        except Exception as error:  # peers fail in their own ways; the result says which and why
            if name.startswith("ours"):
                raise
            missing[name] = f"{type(error).__name__}: {error}"
            continue
        after = held(device)
        about[name] = {
            "load_s": round(time.perf_counter() - began, 2),
            "weights_mb": None if before is None or after is None else round((after - before) / 1e6, 1),
        }
    return contenders, about, missing


@contextmanager
def checkpoint(model: Path | None) -> Iterator[tuple[Path, str]]:
    """The folder of a model with the words for it; None builds random weights that are removed afterwards."""
    if model is not None:
        yield model, model.name
        return
    with tempfile.TemporaryDirectory(prefix="touchstone-random-") as scratch:
        yield save_random(Path(scratch)), RANDOM


def run(
    model: Path | None,
    *,
    sizes: str | None,
    rounds: int | None,
    peers: Sequence[str] = PEERS,
    output: Path | None,
    tell: Tell,
) -> Path:
    """Measure, write the result, say it in a table; None: what suits the device. Returns the file written."""
    quiet()
    device = best_device()
    specs = SIZES[sizes or ("cpu" if device == "cpu" else "gpu")]
    with checkpoint(model) as (folder, weights):
        found = measure(
            folder,
            weights,
            specs=specs,
            rounds=rounds or (2 if device == "cpu" else 20),
            peers=peers,
            device=device,
            tell=tell,
        )
    target = output or BASELINES / f"rerank-{slug(str(found['device']))}.json"
    write_result(target, {"benchmark": "rerank", **found})
    return target


def slug(name: str) -> str:
    """A device's name as part of a file name."""
    return "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m app.bench.rerank``."""
    parser = argparse.ArgumentParser(prog="python -m app.bench.rerank", description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a checkpoint; without it random weights")
    parser.add_argument("--sizes", choices=sorted(SIZES))
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args(arguments)

    def tell(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    target = run(
        chosen.model,
        sizes=chosen.sizes,
        rounds=chosen.rounds,
        peers=[peer for peer in chosen.peers.split(",") if peer],
        output=chosen.output,
        tell=tell,
    )
    tell(f"written to {target}")


if __name__ == "__main__":
    main()
