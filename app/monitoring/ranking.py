"""MRR@10 over time, from golden sets and from feedback.

**Golden sets**: of each stored evaluation that is done, the mean over its judged questions of 1 / the rank
of the first relevant document among the first ten, 0 where none is there
(``retrieval.metrics.reciprocal_rank``), with reranking and without, as far as it was asked so. Evaluations of
one set over one knowledge base that were asked alike (instruction, K, half, sample) make a series.

**Feedback**: the mean over answers with a verdict that was not withdrawn, at the time of the verdict. Thumbs
down counts 0. Thumbs up counts 1 / the rank of the first cited chunk: of the candidates in the order that
passages were chosen from (by relevance, by fused rank where nothing was reranked), the best rank of one that
the answer cites; 0 beyond rank 10. A cited chunk that only completes another counts as that one. Thumbs up
for an answer that cites nothing (a question that was refused or asked back) or whose words are gone says
nothing about ranks: it is left out and counted. Who gives feedback, and on what, is not a sample of all
questions: compare it with itself over time, not with golden sets.

Intervals are 95 % percentile bootstraps over questions and answers (``app.evaluation.intervals``).
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from app.evaluation.intervals import Interval, interval
from app.monitoring.timeline import Range, Window
from app.storage.rankings import MeasuredRun, Rankings, Vote

DEPTH = 10
LEAST_VOTES = 10  # fewer in one step give no figure
LEAST_POINTS = 3  # fewer are shown as points, without a line
MOST_RUNS = 500
STEPS: Mapping[Range, Window] = {
    "hour": Window(3_600, 600),
    "day": Window(86_400, 3 * 3_600),
    "week": Window(7 * 86_400, 86_400),
    "month": Window(30 * 86_400, 3 * 86_400),
}


@dataclass(frozen=True, slots=True)
class Series:
    """Evaluations that can be compared, oldest first; ``key`` is the id of the newest."""

    runs: tuple[MeasuredRun, ...]

    @property
    def key(self) -> str:
        """What it is found by."""
        return self.runs[-1].id


@dataclass(frozen=True, slots=True)
class Opinion:
    """Feedback of one step. ``mrr`` is None below ``LEAST_VOTES`` verdicts that count."""

    begins_at: int
    up: int
    down: int
    left_out: int
    mrr: Interval | None

    @property
    def counted(self) -> int:
        """Verdicts in the mean."""
        return self.up + self.down - self.left_out


def golden(rankings: Rankings, collections: Sequence[str]) -> list[Series]:
    """The series of these knowledge bases (ids), the one with the newest evaluation first."""
    found: dict[tuple[str, str, str], list[MeasuredRun]] = {}
    for run in rankings.runs(collections, MOST_RUNS):
        found.setdefault((run.collection_id, run.set_name, run.asked_with), []).append(run)
    made = [Series(tuple(runs)) for runs in found.values()]
    return sorted(made, key=lambda each: (each.runs[-1].ended_at, each.key), reverse=True)


def feedback(rankings: Rankings, range_: Range, now: datetime) -> tuple[list[Opinion], Opinion]:
    """Feedback of each step of the range that ends now, and of all of it together."""
    window = STEPS[range_]
    end = int(now.timestamp())
    first = end - window.length_s
    first -= first % window.step_s
    votes: dict[int, list[tuple[bool, float | None]]] = {
        begins_at: [] for begins_at in range(first, end + 1, window.step_s)
    }
    for vote in rankings.votes(datetime.fromtimestamp(first, UTC)):
        at = int(vote.given_at.timestamp())
        if at <= end:  # the clock may have been put back
            votes[at - at % window.step_s].append((vote.verdict == "up", reciprocal_rank(vote)))
    everything = [each for step in votes.values() for each in step]
    return [_opinion(at, step) for at, step in votes.items()], _opinion(first, everything)


def reciprocal_rank(vote: Vote) -> float | None:
    """What a verdict counts, 0..1; None where it says nothing about ranks."""
    if vote.verdict == "down":
        return 0.0
    result = json.loads(vote.result) if vote.result else {}
    cited = {each["chunk_id"] for each in result.get("citations", ())}
    passages = result.get("passages", ())
    by_number = {each["number"]: each["chunk_id"] for each in passages}
    cited |= {
        by_number[each["completes"]]
        for each in passages
        if each["chunk_id"] in cited and each.get("completes") in by_number
    }
    ranks = [_rank(each) for each in result.get("candidates", ()) if each["chunk_id"] in cited]
    if not ranks:
        return None
    return 1 / min(ranks) if min(ranks) <= DEPTH else 0.0


def _rank(candidate: Mapping[str, Mapping[str, int | None]]) -> int:
    ranks = candidate["ranks"]
    return ranks["rerank"] or ranks["fused"] or DEPTH + 1


def _opinion(begins_at: int, votes: Iterable[tuple[bool, float | None]]) -> Opinion:
    given = list(votes)
    values = [value for _, value in given if value is not None]
    up = sum(liked for liked, _ in given)
    return Opinion(
        begins_at=begins_at,
        up=up,
        down=len(given) - up,
        left_out=len(given) - len(values),
        mrr=interval(values) if len(values) >= LEAST_VOTES else None,
    )
