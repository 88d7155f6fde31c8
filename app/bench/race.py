"""Contenders on one workload, in alternating rounds, and what their times say."""

import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from statistics import median
from typing import Any

from app.bench.contenders import EIGHT_BIT, Contender
from app.bench.figures import Shape, card_flop, floor_flop, kendall_tau, largest_difference, order, ratio
from app.bench.machine import percentiles
from app.bench.meter import Cost, measured
from app.bench.workloads import Workload

CUDA_WARMING = 3
"""Calls before the first timed one on a GPU: a shape is compiled, then captured in a graph, then replayed."""
LEAST_ROUNDS = 3
"""What a time limit leaves of the rounds asked for, where it does not suffice for all."""


@dataclass(slots=True)
class Lap:
    """Everything one contender did on a workload."""

    costs: list[Cost] = field(default_factory=list)
    log_odds: list[float] = field(default_factory=list)

    @property
    def ms(self) -> list[float]:
        """Milliseconds of each round."""
        return [cost.ms for cost in self.costs]


def race(
    contenders: Mapping[str, Contender], workload: Workload, *, rounds: int, device: str, limit_s: float
) -> tuple[dict[str, Lap], list[float]]:
    """Each contender once a round, the first one another each round, so that a busy machine hits all alike.

    Also the load average before each round. Rounds end early when the next one would pass ``limit_s``.
    """
    began = time.monotonic()
    laps = {name: Lap() for name in contenders}
    names, loads = list(contenders), []
    if device != "cpu":
        for name in names * CUDA_WARMING:
            contenders[name].log_odds(workload.query, workload.passages)
    for turn in range(rounds):
        loads.append(round(os.getloadavg()[0], 2))
        started, at = time.monotonic(), turn % len(names)
        for name in names[at:] + names[:at]:
            laps[name].log_odds, cost = measured(
                device, partial(contenders[name].log_odds, workload.query, workload.passages)
            )
            laps[name].costs.append(cost)
        now = time.monotonic()
        if turn + 1 >= LEAST_ROUNDS and now - began + (now - started) > limit_s:
            break
    return laps, loads


def joined(groups: Sequence[Mapping[str, Lap]]) -> dict[str, Lap]:
    """Everything each contender did, where ours ran with every group of peers."""
    laps: dict[str, Lap] = {}
    for group in groups:
        for name, lap in group.items():
            before = laps.get(name, Lap())
            laps[name] = Lap(before.costs + lap.costs, lap.log_odds)
    return laps


def described(
    workload: Workload,
    groups: Sequence[Mapping[str, Lap]],
    *,
    shape: Shape,
    ceilings: Mapping[str, float],
    reference: Sequence[float],
) -> dict[str, Any]:
    """The workload's entry of the result: its work, then figures of each contender, then ratios to each peer.

    A peer is compared with ours in the rounds of its own group. ``ceilings``: TFLOP/s by dtype, whose floor
    the shares are of; ``reference``: the card's float32 log-odds.
    """
    floor = floor_flop(shape, workload.shared, workload.lengths)
    laps = joined(groups)
    ours = [name for name in laps if name.startswith("ours")]
    return {
        "name": workload.name,
        "language": workload.language,
        "pairs": len(workload.lengths),
        "pair_tokens": sum(workload.lengths),
        "shared_tokens": workload.shared,
        "distinct_tokens": workload.distinct,
        "padded_tokens": workload.padded,
        "shortest_and_longest_pair": [min(workload.lengths), max(workload.lengths)],
        "floor_tflop": round(floor / 1e12, 4),
        "card_tflop": round(card_flop(shape, workload.lengths) / 1e12, 4),
        "results": {
            name: _figures(workload, lap, _floor_ms(floor, name, ceilings), reference)
            for name, lap in laps.items()
        },
        "times_as_fast": {
            name: {
                peer: ratio(lap.ms, group[name].ms)
                for group in groups
                for peer, lap in group.items()
                if peer not in ours
            }
            for name in ours
        },
    }


def _floor_ms(flop: float, name: str, ceilings: Mapping[str, float]) -> float | None:
    """Milliseconds at the ceiling of the contender's arithmetic."""
    dtype = "int8" if name in EIGHT_BIT else next(iter(ceilings))
    return flop / (ceilings[dtype] * 1e12) * 1000 if dtype in ceilings else None


def _figures(
    workload: Workload, lap: Lap, floor_ms: float | None, reference: Sequence[float]
) -> dict[str, object]:
    seconds = median(lap.ms) / 1000
    extra = [cost.extra_bytes for cost in lap.costs if cost.extra_bytes is not None]
    return {
        "latency_ms": percentiles(lap.ms),
        "rounds_ms": [round(ms, 2) for ms in lap.ms],
        "core_seconds": round(median(cost.core_s for cost in lap.costs), 3),
        "pairs_per_s": round(len(workload.lengths) / seconds, 2),
        "pair_tokens_per_s": round(sum(workload.lengths) / seconds, 1),
        "peak_extra_mb": round(max(extra) / 1e6, 1) if extra else None,
        "share_of_floor": None if floor_ms is None else round(floor_ms / (seconds * 1000), 3),
        "against_card_float32": _agreement(lap.log_odds, reference),
    }


def _agreement(values: Sequence[float], reference: Sequence[float]) -> dict[str, object]:
    return {
        "max_difference_log_odds": float(f"{largest_difference(values, reference):.3g}"),
        "spread_of_reference": round(max(reference) - min(reference), 4),
        "kendall_tau": round(kendall_tau(values, reference), 4),
        "same_order": order(values) == order(reference),
    }


def table(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """Lines of text: for each workload and contender time, rate, memory, floor, difference and ratios."""
    lines = [
        f"{'workload':<12} {'contender':<24} {'p50 ms':>9} {'p95 ms':>9} {'pairs/s':>8} {'tok/s':>8} "
        f"{'MB':>8} {'floor':>6} {'max d':>9} {'tau':>6}  times as fast as"
    ]
    for entry in entries:
        for name, row in entry["results"].items():
            near, ms = row["against_card_float32"], row["latency_ms"]
            extra = "-" if row["peak_extra_mb"] is None else f"{row['peak_extra_mb']:.0f}"
            share = "-" if row["share_of_floor"] is None else f"{row['share_of_floor']:.0%}"
            ratios = entry["times_as_fast"].get(name, {})
            faster = ", ".join(f"{peer} {value:.2f}" for peer, value in ratios.items())
            lines.append(
                f"{entry['name']:<12} {name:<24} {ms['p50']:>9.1f} {ms['p95']:>9.1f} "
                f"{row['pairs_per_s']:>8.1f} {row['pair_tokens_per_s']:>8.0f} {extra:>8} {share:>6} "
                f"{near['max_difference_log_odds']:>9.2g} {near['kendall_tau']:>6.3f}  {faster}".rstrip()
            )
    return lines
