"""Candidates → ranked candidates, whatever happens to the model."""

from collections.abc import Sequence

from rerank.guarded import GuardedReranker
from rerank.protocols import Reranker, Stopped, never
from rerank.types import Reranked
from retrieval.types import Candidate, Notice, Ranked


def rerank(
    query_text: str,
    candidates: Sequence[Candidate],
    *,
    instruction: str,
    reranker: Reranker | GuardedReranker | None,
    fallback: Reranker | None = None,
    timeout_s: float,
    stopped: Stopped = never,
) -> Reranked:
    """All candidates by relevance, best first; ties by fused rank, then by chunk id; none is lost.

    The model reads each candidate's ``contextual_text``, equal texts once. When it fails or is late the
    fallback judges instead, and when there is none or it fails too, the fused order stands with relevance
    None. Each of ``timeout_s`` applies to one reranker. Pass a ``GuardedReranker`` (which has its own
    fallback) that is kept between calls, so that failures are remembered and a model stuck in an earlier call
    is not entered again. Candidates that its latency budget left unjudged keep their fused order behind the
    judged ones.

    Notices: ``rerank_off``; those of ``GuardedReranker.judge``; ``fused_order`` where nobody judged. Raises
    only ``RerankStopped``, when ``stopped`` becomes true.
    """
    if not candidates:
        return Reranked((), "")
    if reranker is None:
        return _fused(candidates, [Notice.of("rerank_off")])
    guarded = reranker if isinstance(reranker, GuardedReranker) else GuardedReranker(reranker, fallback)
    fused = sorted(candidates, key=lambda candidate: (candidate.rank, candidate.chunk.id))
    texts = [candidate.chunk.contextual_text for candidate in fused]
    judged = guarded.judge(query_text, texts, instruction, timeout_s=timeout_s, stopped=stopped)
    if not judged.identity:
        return _fused(candidates, [*judged.notices, Notice.of("fused_order")])
    return Reranked(
        ranked=_ordered(fused, judged.relevance),
        identity=judged.identity,
        notices=judged.notices,
        tokens=judged.tokens,
        floor=judged.floor,
        fallback=judged.fallback,
    )


def _ordered(fused: Sequence[Candidate], relevance: Sequence[float | None]) -> tuple[Ranked, ...]:
    """By relevance, the unjudged last; the sort is stable, so equal ones keep the fused order."""
    pairs = sorted(
        zip(fused, relevance, strict=True),
        key=lambda pair: (pair[1] is None, -(pair[1] or 0.0)),
    )
    return tuple(Ranked(candidate, value, rank) for rank, (candidate, value) in enumerate(pairs, start=1))


def _fused(candidates: Sequence[Candidate], notices: Sequence[Notice]) -> Reranked:
    """The order recall gave, unjudged."""
    ordered = sorted(candidates, key=lambda candidate: (candidate.rank, candidate.chunk.id))
    ranked = tuple(Ranked(candidate, None, rank) for rank, candidate in enumerate(ordered, start=1))
    return Reranked(ranked, "", tuple(notices))
