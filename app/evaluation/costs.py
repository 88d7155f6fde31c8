"""What a question costs: milliseconds by stage, and tokens read and written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from app.evaluation.asked import Asked


@dataclass(frozen=True, slots=True)
class Cost:
    """Means a question. Tokens by each model's own count; 0 for models that have none or did not run."""

    seconds: float
    reranker_tokens: float
    prompt_tokens: float
    completion_tokens: float


def latency_ms(asked: Sequence[Asked]) -> dict[str, Mapping[str, float]]:
    """p50 and p95 (nearest rank) of each stage's time, over the questions for which it ran."""
    times: dict[str, list[float]] = {}
    for each in asked:
        for name, ms in each.result.timings_ms:
            times.setdefault(name, []).append(ms)
    return {name: _percentiles(values) for name, values in times.items()}


def cost(asked: Sequence[Asked]) -> Cost:
    """Over at least one question."""
    return Cost(
        seconds=_mean([dict(each.result.timings_ms)["total"] / 1000 for each in asked]),
        reranker_tokens=_mean([each.result.rerank_tokens for each in asked]),
        prompt_tokens=_mean([each.result.answer.usage.prompt_tokens for each in asked]),
        completion_tokens=_mean([each.result.answer.usage.completion_tokens for each in asked]),
    )


def _percentiles(values: Sequence[float]) -> dict[str, float]:
    low, high = np.percentile(values, (50, 95), method="inverted_cdf")
    return {"p50": round(float(low), 3), "p95": round(float(high), 3)}


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)
