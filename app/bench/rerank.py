"""Reranking against its peers: one process, the same weights, the same texts, alternating rounds.

Runs from a bare checkout with torch, transformers, numpy and pydantic only (``python -m app.bench.rerank``);
``touchstone bench rerank`` calls the same ``measure``.
"""

import argparse
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from transformers import AutoConfig, AutoTokenizer

from app.bench.contenders import Card, Contender, Ours, quiet
from app.bench.figures import PEAK_TFLOPS, QWEN3_06B, Shape, largest_difference
from app.bench.machine import write_result
from app.bench.meter import best_device, device_name, free, product_tflops, threads
from app.bench.muster import CHECKED_PAIRS, TOLERANCE, TOLERANCE_8_BIT, Muster
from app.bench.peers import (
    PEERS,
    left_out,
    our_builders,
    plain_dtype,
    runtime_builders,
    torch_builders,
)
from app.bench.race import Lap, described, race, table
from app.bench.random_model import save_random
from app.bench.workloads import SIZES, Spec, Workload, build
from app.errors import TouchstoneError

BASELINES = Path(__file__).parents[2] / "data" / "baselines"
RANDOM = "random weights, geometry of Qwen3-Reranker-0.6B: times and memory are real, scores mean nothing"
GPU_LIMIT_S = 420.0
"""Rounds that would pass it are left out, so that a GPU run ends within 9 minutes, loading included."""
Tell = Callable[[str], None]


class BenchFailed(TouchstoneError):
    """What everything is compared with cannot be had; the message says why."""


@dataclass(slots=True)
class _Run:
    """One run while it goes on. ``laps`` and ``loads``: by workload, then by group of peers."""

    workloads: Sequence[Workload]
    shape: Shape
    ceilings: dict[str, float]
    device: str
    rounds: int
    ends: float
    tell: Tell
    references: dict[str, list[float]]
    laps: dict[str, list[dict[str, Lap]]] = field(default_factory=dict)
    loads: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def race(self, group: str, contenders: Mapping[str, Contender]) -> None:
        """All contenders on all workloads."""
        for i, workload in enumerate(self.workloads):
            self.tell(f"{workload.name}, {group}")
            share = (self.ends - time.monotonic()) / (len(self.workloads) - i)
            laps, loads = race(contenders, workload, rounds=self.rounds, device=self.device, limit_s=share)
            self.laps.setdefault(workload.name, []).append(laps)
            self.loads.setdefault(workload.name, {})[group] = loads
            if workload.name not in self.references:
                self.references[workload.name] = laps["card"].log_odds
            for line in table([self._entry(workload, [laps])]):
                self.tell(line)
            if len(loads) < self.rounds:
                self.tell(f"only {len(loads)} of {self.rounds} rounds: the time of this run is up")

    def entries(self) -> list[dict[str, object]]:
        """The result's entry for each workload."""
        return [
            self._entry(workload, self.laps[workload.name])
            | {"load_average_before_rounds": self.loads[workload.name]}
            for workload in self.workloads
        ]

    def _entry(self, workload: Workload, groups: Sequence[Mapping[str, Lap]]) -> dict[str, object]:
        return described(
            workload,
            groups,
            shape=self.shape,
            ceilings=self.ceilings,
            reference=self.references[workload.name],
        )


def measure(
    folder: Path,
    weights: str,
    *,
    specs: Sequence[Spec],
    rounds: int,
    peers: Sequence[str] = PEERS,
    device: str,
    limit_s: float = math.inf,
    tell: Tell = lambda line: None,
) -> dict[str, object]:
    """Figures of one run on the checkpoint in ``folder``; ``weights`` says in the result which they are.

    Peers on torch and those on other runtimes are loaded one group after the other, and each group runs its
    rounds with ours. A peer that cannot be built here, or that does not compute what the card does, is not
    raced and named with its reason under ``not_measured``. Raises ``BenchFailed`` without the card.
    """
    ends = time.monotonic() + limit_s
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    workloads = [build(spec, tokenizer.backend_tokenizer) for spec in specs]
    plain, checked = plain_dtype(device), workloads[-1]
    tell("loading")
    references = {} if device == "cpu" and "card" in peers else _references(folder, device, workloads)
    exact = _exact_on_gpu(folder, device, workloads[0], references)
    going = _Run(workloads, _shape(folder), _ceilings(device), device, rounds, ends, tell, references)
    muster = Muster(device, plain, left_out(peers, device))
    ours = muster.built(our_builders(folder, device))
    for contender in ours.values():  # first calls pay for threads and allocations
        contender.log_odds(checked.query, checked.passages[:CHECKED_PAIRS])
    with tempfile.TemporaryDirectory(prefix="touchstone-peers-") as scratch:
        groups = {"torch": partial(torch_builders, folder, device, peers)}
        if device == "cpu":
            groups["runtimes"] = partial(runtime_builders, folder, Path(scratch), peers)
        for group, builders in groups.items():
            contenders = muster.built(builders())  # builders hold what they share, so they go with the group
            contenders = muster.checked(contenders, checked, _expected(checked, references, contenders))
            if contenders:
                going.race(group, ours | contenders)
            muster.about_setup(contenders)
            contenders.clear()
            free(device)
    if not going.laps:
        going.race("alone", ours)
    muster.about_setup(ours)
    return {
        "weights": weights,
        "device": device_name(device),
        "threads": threads(),
        "rounds": rounds,
        "ceiling_tflops": {dtype: round(rate, 4) for dtype, rate in going.ceilings.items()},
        "ceiling_source": _ceiling_source(device),
        "tolerance_log_odds": {
            "checked_pairs": CHECKED_PAIRS,
            plain: TOLERANCE[plain],
            "8 bit, times the spread": TOLERANCE_8_BIT,
        },
        "contenders": muster.about,
        "not_measured": muster.missing,
        "exact_on_gpu": exact,
        "workloads": going.entries(),
    }


def _expected(
    workload: Workload, references: Mapping[str, Sequence[float]], contenders: Mapping[str, Contender]
) -> Sequence[float]:
    """The card's float32 log-odds of the checked pairs."""
    if workload.name in references:
        return references[workload.name][:CHECKED_PAIRS]
    if "card" not in contenders:
        raise BenchFailed("the card's model, which everything is compared with, cannot be loaded")
    return contenders["card"].log_odds(workload.query, workload.passages[:CHECKED_PAIRS])


def _ceilings(device: str) -> dict[str, float]:
    """TFLOP/s by dtype, the device's plain one first."""
    plain = plain_dtype(device)
    ceilings: dict[str, float] = {
        plain: PEAK_TFLOPS.get(device_name(device)) or product_tflops(device, plain)
    }
    if device == "cpu":
        ceilings["int8"] = product_tflops(device, "int8")
    return ceilings


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


@contextmanager
def checkpoint(
    model: Path | None, shape: Shape = QWEN3_06B, words: str = RANDOM
) -> Iterator[tuple[Path, str]]:
    """The folder of a model with the words for it; None builds random weights that are removed afterwards."""
    if model is not None:
        yield model, model.name
        return
    with tempfile.TemporaryDirectory(prefix="touchstone-random-") as scratch:
        yield save_random(Path(scratch), shape), words


def run(
    model: Path | None,
    *,
    sizes: str | None,
    rounds: int | None,
    peers: Sequence[str] | None = None,
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
            peers=PEERS if peers is None else peers,
            device=device,
            limit_s=math.inf if device == "cpu" else GPU_LIMIT_S,
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
    weights = parser.add_mutually_exclusive_group()
    weights.add_argument("--model", type=Path, help="folder of a checkpoint; without it random weights")
    weights.add_argument("--random", action="store_true", help="random weights of the 0.6B geometry")
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
