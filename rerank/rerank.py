"""Candidates → ranked candidates, whatever happens to the model."""

import logging
from collections.abc import Sequence

from rerank.errors import RerankError, RerankStopped
from rerank.protocols import Reranker, Stopped, never
from rerank.timed import RerankTimeout, TimedReranker
from rerank.types import Reranked, Scores
from retrieval.types import Candidate, Notice, Ranked

logger = logging.getLogger(__name__)


def rerank(
    query_text: str,
    candidates: Sequence[Candidate],
    *,
    instruction: str,
    reranker: Reranker | None,
    fallback: Reranker | None = None,
    timeout_s: float,
    stopped: Stopped = never,
) -> Reranked:
    """All candidates by relevance, best first; ties by fused rank, then by chunk id; none is lost.

    The model reads each candidate's ``contextual_text``, equal texts once. When it fails or is late the
    fallback judges instead, and when there is none or it fails too, the fused order stands with relevance
    None. Each of ``timeout_s`` applies to one reranker. Pass a ``TimedReranker`` that is kept between calls,
    so that a model stuck in an earlier call is not entered again.

    Notices: ``rerank_off``; ``rerank_timeout`` (identity, timeout_s) or ``rerank_failed`` (identity, reason)
    for each reranker that gave no scores; then ``rerank_fallback`` (identity) where the fallback judged, or
    ``fused_order`` where nobody did; and what the reranker itself has to say. Raises only
    ``RerankStopped``, when ``stopped`` becomes true.
    """
    if not candidates:
        return Reranked((), "")
    if reranker is None:
        return _fused(candidates, [Notice.of("rerank_off")])
    notices: list[Notice] = []
    for judge in (reranker, fallback):
        if judge is None:
            continue
        try:
            scores, relevance = _judged(judge, query_text, candidates, instruction, timeout_s, stopped)
        except RerankStopped:
            raise
        except RerankTimeout:
            notices.append(Notice.of("rerank_timeout", identity=judge.identity, timeout_s=f"{timeout_s:g}"))
        except RerankError as error:
            notices.append(Notice.of("rerank_failed", identity=judge.identity, reason=error))
        else:
            if judge is not reranker:
                notices.append(Notice.of("rerank_fallback", identity=judge.identity))
            ordered = _ordered(candidates, relevance)
            return Reranked(ordered, judge.identity, (*notices, *scores.notices), scores.tokens)
        logger.warning("reranking %d candidates with %s gave no scores", len(candidates), judge.identity)
    return _fused(candidates, [*notices, Notice.of("fused_order")])


def _judged(
    judge: Reranker,
    query: str,
    candidates: Sequence[Candidate],
    instruction: str,
    timeout_s: float,
    stopped: Stopped,
) -> tuple[Scores, list[float]]:
    """The reranker's scores for the distinct texts, and the relevance of each candidate."""
    timed = judge if isinstance(judge, TimedReranker) else TimedReranker(judge)
    texts = [candidate.chunk.contextual_text for candidate in candidates]
    place = {text: i for i, text in enumerate(dict.fromkeys(texts))}
    scores = timed.score_within(timeout_s, query, list(place), instruction, stopped)
    return scores, [scores.relevance[place[text]] for text in texts]


def _ordered(candidates: Sequence[Candidate], relevance: Sequence[float]) -> tuple[Ranked, ...]:
    pairs = sorted(
        zip(candidates, relevance, strict=True),
        key=lambda pair: (-pair[1], pair[0].rank, pair[0].chunk.id),
    )
    return tuple(Ranked(candidate, value, rank) for rank, (candidate, value) in enumerate(pairs, start=1))


def _fused(candidates: Sequence[Candidate], notices: Sequence[Notice]) -> Reranked:
    """The order recall gave, unjudged."""
    ordered = sorted(candidates, key=lambda candidate: (candidate.rank, candidate.chunk.id))
    ranked = tuple(Ranked(candidate, None, rank) for rank, candidate in enumerate(ordered, start=1))
    return Reranked(ranked, "", tuple(notices))
