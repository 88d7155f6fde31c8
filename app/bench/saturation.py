"""Many callers on one engine: what merging their requests brings, and what happens beyond its capacity.

Runs from a bare checkout like ``app.bench.rerank`` (``python -m app.bench.saturation``).
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from transformers import AutoTokenizer

from app.bench.contenders import quiet
from app.bench.figures import QWEN3_06B, Shape
from app.bench.machine import percentiles, write_result
from app.bench.meter import best_device, device_name, threads
from app.bench.peers import plain_dtype
from app.bench.rerank import BASELINES, RANDOM, BenchFailed, checkpoint, slug
from app.bench.traffic import Outcome, Send, arriving, closed
from app.bench.workloads import Spec, build
from rerank.prompt import DEFAULT_INSTRUCTION
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings, RerankSettings
from rerank.timed import TimedReranker
from rerank.tokens import PairEncoder

SMALL = Shape(layers=4, hidden=128, heads=4, kv_heads=2, head_dim=32, intermediate=384, vocabulary=8192)
SMALL_WORDS = (
    "random weights of a small geometry (4 layers of 128): a pass takes milliseconds, so queues fill and "
    "empty within seconds; scores mean nothing"
)
CLIENTS = (1, 4, 16, 64)
LOADS = (1.0, 2.0, 4.0)
CANDIDATES = 10
PAIR_TOKENS = (96, 160)
"""Evenly spread over the texts the candidates are taken from."""
_TEXTS = 40
Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """How hard and how long it is tried: ``seconds`` a round with so many clients, five times that a load.

    ``queue`` and ``deadline_s`` are the product's own by default.
    """

    clients: Sequence[int] = CLIENTS
    loads: Sequence[float] = LOADS
    seconds: float = 1.2
    rounds: int = 5
    queue: int = EngineSettings().queue
    deadline_s: float = RerankSettings().timeout_s


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests of ten candidates each; ``tokens`` of each in a packed pass."""

    asked: tuple[tuple[str, tuple[str, ...]], ...]
    tokens: tuple[int, ...]

    def sender(self, reranker: Qwen3Reranker, deadline_s: float) -> Send:
        """Sends them in turn, each given up after ``deadline_s``."""
        timed = TimedReranker(reranker, timeout_s=deadline_s)

        def send(number: int) -> object:
            query, passages = self.asked[number % len(self.asked)]
            return timed.score(query, passages, DEFAULT_INSTRUCTION)

        return send


def requests_of(folder: Path) -> Requests:
    """As many different requests as there are texts; every text stands in ten of them."""
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True).backend_tokenizer
    low, high = PAIR_TOKENS
    lengths = tuple(low + (high - low) * (i * 7 % _TEXTS) // (_TEXTS - 1) for i in range(_TEXTS))
    workload = build(Spec("texts", "en", lengths), tokenizer)
    encoder = PairEncoder(tokenizer)
    asked, tokens = [], []
    for i in range(_TEXTS):
        passages = tuple(workload.passages[(i + 3 * j) % _TEXTS] for j in range(CANDIDATES))
        pairs = encoder.encode(workload.query, passages, DEFAULT_INSTRUCTION)
        asked.append((workload.query, passages))
        tokens.append(len(pairs.shared) + sum(map(len, pairs.tails)))
    return Requests(tuple(asked), tuple(tokens))


def measure(
    folder: Path,
    weights: str,
    *,
    device: str,
    plan: Plan = Plan(),
    tell: Tell = lambda line: None,
) -> dict[str, object]:
    """Figures of one run, in process, on the product's scheduler, queue and deadline; the score cache is off.

    Clients that wait for their answers, once merged and once one request a pass, in alternating rounds; then
    arrivals that do not wait, at multiples of the most requests a second seen before. Raises ``BenchFailed``
    where the rounds were too short to answer anything.
    """
    requests = requests_of(folder)

    def sender(batch_tokens: int | None) -> Send:
        settings = EngineSettings(cached_scores=0, queue=plan.queue, batch_tokens=batch_tokens)
        reranker = Qwen3Reranker.load(folder, device=device, settings=settings)
        send = requests.sender(reranker, plan.deadline_s)
        for number in range(len(requests.asked)):  # passages are tokenised once, as after ingest
            send(number)
        return send

    merged, alone = sender(None), sender(max(requests.tokens))  # no second request fits beside one
    busy = [os.getloadavg()[0]]
    waiting, most = [], 0.0
    for clients in plan.clients:
        entry, per_s = _compared(merged, alone, clients, plan)
        most = max(most, per_s)
        waiting.append(entry)
        ratio = entry["times_the_throughput"]
        tell(f"{clients:>3} clients: {per_s:.1f} requests/s, {ratio} times those of one request a pass")
    if not most:
        raise BenchFailed(
            f"no request was answered in most rounds of {plan.seconds:g} s each: measure longer (--seconds) "
            "or on a quieter machine"
        )
    loaded = []
    for load in plan.loads:
        outcome = arriving(merged, per_s=load * most, seconds=5 * plan.seconds)
        loaded.append(_loaded(load, load * most, outcome, plan.queue / most))
        tell(f"{load:g} times the capacity: {outcome.told()}")
    busy.append(os.getloadavg()[0])
    return {
        "weights": weights,
        "device": device_name(device),
        "dtype": plain_dtype(device),
        "threads": threads(),
        "request": {
            "candidates": CANDIDATES,
            "pair_tokens": list(PAIR_TOKENS),
            "packed_tokens": [min(requests.tokens), max(requests.tokens)],
        },
        "queue": plan.queue,
        "deadline_s": plan.deadline_s,
        "seconds_a_round": plan.seconds,
        "rounds": plan.rounds,
        "seconds_a_load": 5 * plan.seconds,
        "clients_that_wait": waiting,
        "capacity_per_s": round(most, 3),
        "full_queue_ms": round(plan.queue / most * 1000, 1),
        "arrivals_that_do_not_wait": loaded,
        "load_average_before_and_after": [round(each, 2) for each in busy],
    }


def _compared(merged: Send, alone: Send, clients: int, plan: Plan) -> tuple[dict[str, object], float]:
    """One entry, and the answers a second when merged: the median round."""
    rounds = [
        (
            closed(merged, clients=clients, seconds=plan.seconds),
            closed(alone, clients=clients, seconds=plan.seconds),
        )
        for _ in range(plan.rounds)
    ]
    together = Outcome()
    apart = Outcome()
    for one, other in rounds:
        together.add(one)
        apart.add(other)
    ratios = [times for one, other in rounds if (times := _times(one.per_s, other.per_s)) is not None]
    return {
        "clients": clients,
        "merged": together.figures(),
        "one_request_a_pass": apart.figures(),
        "times_the_throughput": round(median(ratios), 3) if ratios else None,
        "times_by_round": ratios,
        "rounds_without_an_answer": len(rounds) - len(ratios),
        "times_the_answers_per_core_second": _times(together.per_core_s, apart.per_core_s),
    }, median(one.per_s for one, _ in rounds)


def _times(one: float, other: float) -> float | None:
    """None where there is nothing to compare with: on a busy machine a short round may end unanswered."""
    return round(one / other, 3) if other else None


def _loaded(load: float, per_s: float, outcome: Outcome, full_queue_s: float) -> dict[str, object]:
    """``p95_over_full_queue``: p95 in times of what a full queue takes at capacity."""
    p95 = percentiles(outcome.admitted_ms)["p95"] if outcome.admitted_ms else None
    return {
        "times_the_capacity": load,
        "offered_per_s": round(per_s, 3),
        **outcome.figures(),
        "p95_over_full_queue": None if p95 is None else round(p95 / 1000 / full_queue_s, 3),
    }


def run(model: Path | None, *, seconds: float | None = None, output: Path | None, tell: Tell) -> Path:
    """Measure and write the result. Without a model: random weights, on a CPU of a small geometry."""
    quiet()
    device = best_device()
    shape, words = (SMALL, SMALL_WORDS) if device == "cpu" else (QWEN3_06B, RANDOM)
    plan = Plan() if seconds is None else Plan(seconds=seconds)
    with checkpoint(model, shape, words) as (folder, weights):
        found = measure(folder, weights, device=device, plan=plan, tell=tell)
    target = output or BASELINES / f"rerank-saturation-{slug(str(found['device']))}.json"
    write_result(target, {"benchmark": "rerank-saturation", **found})
    return target


def main(arguments: Sequence[str] | None = None) -> None:
    """``python -m app.bench.saturation``."""
    parser = argparse.ArgumentParser(prog="python -m app.bench.saturation", description=__doc__)
    parser.add_argument("--model", type=Path, help="folder of a checkpoint; without it random weights")
    parser.add_argument("--seconds", type=float, help="of each round (1.2)")
    parser.add_argument("--output", type=Path)
    chosen = parser.parse_args(arguments)

    def tell(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    target = run(chosen.model, seconds=chosen.seconds, output=chosen.output, tell=tell)
    tell(f"written to {target}")


if __name__ == "__main__":
    main()
