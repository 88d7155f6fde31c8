"""Fewer bits against float32 on stored pairs: orders kept, labels still found, memory and time saved."""

import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import mean

from app.bench.contenders import Contender, Dtype, Ours, quiet
from app.bench.figures import kendall_tau, largest_difference, reciprocal_rank, top_agreement
from app.bench.machine import percentiles, write_result
from app.bench.meter import best_device, device_name, free, held, measured, threads
from app.bench.pairs import Judged, read_pairs
from app.bench.rerank import BASELINES, checkpoint, slug

GOLDEN = Path(__file__).parents[2] / "data" / "golden" / "rerank"
TAU = 0.97
TOP_3 = 0.95
"""Least mean agreement with float32 that allows fewer bits (design notes of the engine, section 7)."""
Load = Callable[[Dtype], Contender]


def compare(
    load: Load, dtypes: Sequence[Dtype], judged: Sequence[Judged], *, device: str, random: bool
) -> dict[str, object]:
    """float32 first, then each dtype beside it; one model in memory at a time.

    ``random`` weights give figures but never a permission: what rounding does to trained weights is not known
    from them.
    """
    exact, base = _scored(load, "float32", judged, device)
    others: dict[str, object] = {}
    for dtype in dtypes:
        scores, cost = _scored(load, dtype, judged, device)
        agreement = _agreement(exact, scores, judged)
        others[dtype] = {**cost, **agreement, "verdict": verdict(agreement, random=random)}
    return {
        "device": device_name(device),
        "threads": threads(),
        "queries": len(judged),
        "pairs": sum(len(each.passages) for each in judged),
        "labelled_queries": sum(bool(each.relevant) for each in judged),
        "float32": base,
        "against_float32": others,
        "needed": {"mean_kendall_tau": TAU, "mean_top_3_agreement": TOP_3},
    }


def verdict(agreement: dict[str, float | None], *, random: bool) -> dict[str, object]:
    """Whether this dtype may be enabled, with the reason."""
    tau, top = agreement["mean_kendall_tau"], agreement["mean_top_3_agreement"]
    passed = tau is not None and top is not None and tau >= TAU and top >= TOP_3
    figures = f"tau {tau} (needed {TAU}), top 3 {top} (needed {TOP_3})"
    if random:
        return {"may_be_enabled": False, "reason": f"random weights decide nothing; {figures}"}
    return {"may_be_enabled": passed, "reason": figures}


def dtypes_for(device: str) -> list[Dtype]:
    """What is compared with float32 on a device: int8 runs on CPU only, bfloat16 pays on a GPU."""
    return ["int8"] if device == "cpu" else ["bfloat16"]


def loader(folder: Path, device: str) -> Load:
    """Opens our engine on a checkpoint in a dtype."""
    return lambda dtype: Ours(folder, device, dtype)


def _scored(
    load: Load, dtype: Dtype, judged: Sequence[Judged], device: str
) -> tuple[list[list[float]], dict[str, object]]:
    """Log-odds of every query's candidates, and what they cost."""
    before, began = held(device), time.perf_counter()
    contender = load(dtype)
    load_s, after = time.perf_counter() - began, held(device)
    contender.log_odds(judged[0].query, judged[0].passages[:2])
    scores, times = [], []
    for each in judged:
        values, cost = measured(device, partial(contender.log_odds, each.query, each.passages))
        scores.append(values)
        times.append(cost.ms)
    del contender
    free(device)
    return scores, {
        "load_s": round(load_s, 2),
        "weights_mb": None if before is None or after is None else round((after - before) / 1e6, 1),
        "ms_per_query": percentiles(times),
        "ms_all": round(sum(times), 1),
    }


def _agreement(
    exact: Sequence[Sequence[float]], other: Sequence[Sequence[float]], judged: Sequence[Judged]
) -> dict[str, float | None]:
    taus = [kendall_tau(a, b) for a, b in zip(exact, other, strict=True)]
    tops = [top_agreement(a, b, 3) for a, b in zip(exact, other, strict=True)]
    before = _mrr(exact, judged)
    after = _mrr(other, judged)
    return {
        "mean_kendall_tau": round(mean(taus), 4),
        "least_kendall_tau": round(min(taus), 4),
        "mean_top_3_agreement": round(mean(tops), 4),
        "max_difference_log_odds": round(max(map(largest_difference, exact, other)), 4),
        "mrr_at_10_float32": before,
        "mrr_at_10_change": None if before is None or after is None else round(after - before, 4),
    }


def _mrr(scores: Sequence[Sequence[float]], judged: Sequence[Judged]) -> float | None:
    """MRR@10 over labelled queries, None without any."""
    ranks = [
        reciprocal_rank(values, each.relevant, 10)
        for values, each in zip(scores, judged, strict=True)
        if each.relevant
    ]
    return round(mean(ranks), 4) if ranks else None


def run(
    model: Path | None,
    folder: Path | None,
    *,
    queries: int,
    candidates: int,
    output: Path | None,
    tell: Callable[[str], None],
) -> Path:
    """Compare on a stored set (None: the demo's), write the result, say it. Returns the file written."""
    quiet()
    device, folder = best_device(), folder or GOLDEN
    judged = read_pairs(folder, queries=queries, candidates=candidates)
    with checkpoint(model) as (weights, name):
        found = compare(
            loader(weights, device), dtypes_for(device), judged, device=device, random=model is None
        )
    target = output or BASELINES / f"quantize-{slug(str(found['device']))}.json"
    write_result(target, {"benchmark": "quantize", "set": folder.name, "weights": name, **found})
    tell(json.dumps({name: found[name] for name in ("float32", "against_float32")}, indent=1))
    return target
