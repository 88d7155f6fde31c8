"""How well each stage ranks: measures of every judged question, and their means with intervals."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.evaluation.asked import Asked
from app.evaluation.intervals import Interval, interval
from app.evaluation.stages import STAGES, Ranking, Stage
from retrieval.metrics import Gains, hit, ndcg, recall, reciprocal_rank

MEASURES = ("mrr@10", "ndcg@10", "recall@5", "recall@20", "recall@50", "hit@1", "hit@3", "wrong_evidence@3")


@dataclass(frozen=True, slots=True)
class StageFigures:
    """Means over the judged questions, each with its 95 % bootstrap interval."""

    queries: int
    measures: Mapping[str, Interval]


def measure(ranked: Ranking, gains: Gains) -> dict[str, float]:
    """The measures of one question. Definitions: ``retrieval.metrics``.

    ``wrong_evidence@3``: 1 where something stands among the first three and nothing of it is relevant.
    """
    names = [name for name, _ in ranked]
    right = hit(names, gains, 3)
    return {
        "mrr@10": reciprocal_rank(names, gains, 10),
        "ndcg@10": ndcg(names, gains, 10),
        "recall@5": recall(names, gains, 5),
        "recall@20": recall(names, gains, 20),
        "recall@50": recall(names, gains, 50),
        "hit@1": hit(names, gains, 1),
        "hit@3": right,
        "wrong_evidence@3": float(bool(names) and not right),
    }


def question_values(asked: Asked) -> dict[Stage, dict[str, float]]:
    """The measures of one judged question at each stage that ran.

    A question that is asked back about, and so is not reranked, counts there with an empty list.
    """
    return {stage: measure(asked.rankings[stage], asked.question.gains) for stage in asked.ran}


def stage_figures(asked: Iterable[Asked]) -> dict[Stage, StageFigures]:
    """The figures of every stage that ran, over the judged questions; empty without any."""
    judged = [each for each in asked if each.question.judged]
    rows = [question_values(each) for each in judged]
    ran = [stage for stage in STAGES if rows and stage in rows[0]]
    return {
        stage: StageFigures(
            len(judged), {name: interval([row[stage][name] for row in rows]) for name in MEASURES}
        )
        for stage in ran
    }
