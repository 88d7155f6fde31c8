"""How well other dtypes keep float32's order on stored pairs, and the permits that follow from it."""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import mean
from typing import Protocol

from app.bench.contenders import Dtype
from app.bench.figures import kendall_tau, largest_difference, reciprocal_rank, top_agreement
from app.bench.floor import matching_floor
from app.bench.machine import percentiles
from app.bench.meter import device_name, free, held, threads, timed
from app.bench.pairs import Judged
from rerank.errors import RerankError, RerankerUnavailable
from rerank.permit import (
    LEAST_CANDIDATES,
    LEAST_PAIRS,
    LEAST_TAU,
    LEAST_TOP_3,
    SCHEMES,
    Arithmetic,
    DtypePermit,
)
from rerank.protocols import Reranker
from rerank.qwen3 import Qwen3Reranker
from rerank.selftest import self_test

EXACT_FLOOR = Qwen3Reranker.default_floor
RANDOM = "random weights decide nothing"


class Scorer(Reranker, Protocol):
    """Our engine: the role, the log-odds behind the relevance, and what it computes in."""

    arithmetic: Arithmetic | None

    def log_odds(self, query: str, passages: Sequence[str], instruction: str) -> Sequence[float]:
        """logit("yes") - logit("no") per passage, in the order given."""


Load = Callable[[Dtype], Scorer]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared: the model's and the set's name, and a torch device type.

    ``random``: the weights were made for the occasion.
    """

    model: str
    set_name: str
    device: str
    random: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """``figures`` for the result file, and a permit for each dtype measured, sufficient or not.

    Where ``untrained`` says why the weights are no reranker's there are no permits.
    """

    figures: dict[str, object]
    permits: tuple[DtypePermit, ...]
    untrained: str


@dataclass(frozen=True, slots=True)
class _Run:
    """Log-odds of every query's candidates, what they cost, and the fingerprint of the weights.

    ``load_average``: how busy the machine was meanwhile (one minute's), without which times say little.
    """

    scores: list[list[float]]
    load_s: float
    weights_mb: float | None
    times_ms: list[float]
    load_average: float
    weights: str
    untrained: str

    def cost(self) -> dict[str, object]:
        return {
            "load_s": round(self.load_s, 2),
            "weights_mb": self.weights_mb,
            "ms_per_query": percentiles(self.times_ms),
            "ms_all": round(sum(self.times_ms), 1),
            "load_average": round(self.load_average, 1),
        }


def compare(
    load: Load,
    dtypes: Sequence[Dtype],
    judged: Sequence[Judged],
    subject: Subject,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Comparison:
    """float32 first, then each dtype beside it; one model in memory at a time.

    Weights that are random, or that answer the known questions wrong, give figures but never a permit: what
    rounding does to trained weights is not known from them. A dtype that this device does not have is named
    with its reason.
    """
    exact = _run(load, "float32", judged, subject.device, known_answers=not subject.random)
    untrained = RANDOM if subject.random else exact.untrained
    others: dict[str, object] = {}
    permits: list[DtypePermit] = []
    for dtype in dtypes:
        try:
            other = _run(load, dtype, judged, subject.device)
        except RerankerUnavailable as error:
            others[dtype] = {"not_measured": str(error)}
            continue
        permit = _permit(exact, other, judged, dtype, subject, now())
        permits.append(permit)
        others[dtype] = {
            **other.cost(),
            **_agreement(permit),
            "least_kendall_tau": round(min(map(kendall_tau, exact.scores, other.scores)), 4),
            "max_difference_log_odds": round(max(map(largest_difference, exact.scores, other.scores)), 4),
            "mrr_at_10_float32": _rounded(_mrr(exact.scores, judged)),
            "verdict": verdict(permit, untrained=untrained),
        }
    figures: dict[str, object] = {
        "device": device_name(subject.device),
        "threads": threads(),
        "queries": len(judged),
        "pairs": sum(len(each.passages) for each in judged),
        "labelled_queries": sum(bool(each.relevant) for each in judged),
        "float32": exact.cost(),
        "against_float32": others,
        "needed": {
            "mean_kendall_tau": LEAST_TAU,
            "mean_top_3_agreement": LEAST_TOP_3,
            "pairs": LEAST_PAIRS,
            "pairs_per_query": LEAST_CANDIDATES,
        },
    }
    return Comparison(figures, () if untrained else tuple(permits), untrained)


def verdict(permit: DtypePermit, *, untrained: str) -> dict[str, object]:
    """Whether this dtype may be enabled, with the reason."""
    reason = untrained or permit.shortfall()
    figures = f"tau {permit.kendall_tau:.4f}, top 3 agreement {permit.top_3_agreement:.4f}"
    return {"may_be_enabled": not reason, "reason": reason or figures}


def _run(
    load: Load, dtype: Dtype, judged: Sequence[Judged], device: str, *, known_answers: bool = False
) -> _Run:
    before, began = held(device), time.perf_counter()
    scorer = load(dtype)
    load_s, after = time.perf_counter() - began, held(device)
    untrained = _untrained(scorer) if known_answers else ""
    scorer.log_odds(judged[0].query, judged[0].passages[:2], "")  # first calls pay for what is set up once
    scores, times = [], []
    for each in judged:
        values, ms = timed(device, partial(scorer.log_odds, each.query, each.passages, ""))
        scores.append(list(values))
        times.append(ms)
    load_average = os.getloadavg()[0]
    weights = scorer.arithmetic.loaded.weights if scorer.arithmetic else ""
    del scorer
    free(device)
    weights_mb = None if before is None or after is None else round((after - before) / 1e6, 1)
    return _Run(scores, load_s, weights_mb, times, load_average, weights, untrained)


def _untrained(scorer: Scorer) -> str:
    """Why these are no reranker's weights; empty where they answer the known questions."""
    try:
        self_test(scorer)
    except RerankError as error:
        return f"weights that fail the known answers decide nothing ({error})"
    return ""


def _permit(
    exact: _Run, other: _Run, judged: Sequence[Judged], dtype: Dtype, subject: Subject, at: datetime
) -> DtypePermit:
    floor = matching_floor(_relevance(exact.scores), _relevance(other.scores), floor=EXACT_FLOOR)
    before, after = _mrr(exact.scores, judged), _mrr(other.scores, judged)
    return DtypePermit(
        weights=other.weights,
        dtype=dtype,
        device=subject.device,
        scheme=SCHEMES.get(dtype, ""),
        model=subject.model,
        set_name=subject.set_name,
        queries=len(judged),
        pairs=sum(len(each.passages) for each in judged),
        kendall_tau=mean(map(kendall_tau, exact.scores, other.scores)),
        top_3_agreement=mean(top_agreement(a, b, 3) for a, b in zip(exact.scores, other.scores, strict=True)),
        mrr_at_10_change=None if before is None or after is None else after - before,
        floor=floor.value,
        disagreements=floor.disagreements,
        disagreements_at_half=floor.disagreements_unmoved,
        weights_mb=other.weights_mb,
        float32_weights_mb=exact.weights_mb,
        ms_per_query=percentiles(other.times_ms)["p50"],
        float32_ms_per_query=percentiles(exact.times_ms)["p50"],
        at=at,
    )


def _agreement(permit: DtypePermit) -> dict[str, object]:
    return {
        "mean_kendall_tau": round(permit.kendall_tau, 4),
        "mean_top_3_agreement": round(permit.top_3_agreement, 4),
        "mrr_at_10_change": _rounded(permit.mrr_at_10_change),
        "floor": permit.floor,
        "passages_parted_otherwise": permit.disagreements,
        "passages_parted_otherwise_at_0.5": permit.disagreements_at_half,
    }


def _relevance(scores: Sequence[Sequence[float]]) -> list[float]:
    """Of all pairs, one query after another."""
    return [1 / (1 + math.exp(-max(-700.0, value))) for values in scores for value in values]


def _mrr(scores: Sequence[Sequence[float]], judged: Sequence[Judged]) -> float | None:
    """MRR@10 over labelled queries, None without any."""
    ranks = [
        reciprocal_rank(values, each.relevant, 10)
        for values, each in zip(scores, judged, strict=True)
        if each.relevant
    ]
    return mean(ranks) if ranks else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
