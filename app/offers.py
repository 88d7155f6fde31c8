"""Which approved answers match a question: found by vectors and words, then judged."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from app.cards import Offer, OfferOwner
from app.models import Models
from app.storage.snippets import Snippet, SnippetRows
from rerank.log_odds import log_odds
from rerank.protocols import Stopped
from rerank.types import Judgement
from retrieval.analysis import detect_language, terms
from retrieval.errors import RetrievalError
from retrieval.protocols import Vectors
from retrieval.types import Notice

MOST_OFFERS = 3
CANDIDATES = 10  # phrasings that are judged
RANK_SHIFT = 60
"""k of reciprocal rank fusion (Cormack, Clarke, Büttcher, SIGIR 2009)."""
SECONDED = 5  # phrasings that are judged the other way round
STARTER_SLACK = 1.1
"""How far below the floor (log odds) the starter reranker's judgement of two questions still means the same.

Chosen on ``data/golden/snippets``, see ``app/docs/experiments.md``; other rerankers keep their own floor.
"""


@dataclass(frozen=True, slots=True)
class Matched:
    """Approved answers in their order, and what the person must be told."""

    offers: tuple[Offer, ...] = ()
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class _Phrasing:
    """One way to ask for a snippet; ``place`` among the snippet's questions, from 0."""

    snippet: Snippet
    place: int

    @property
    def question(self) -> str:
        return self.snippet.questions[self.place]

    @property
    def read(self) -> str:
        """What the reranker reads."""
        return f"{self.question}\n{self.snippet.answer}"


class Matching:
    """Finds the approved snippets of an assistant that answer a question. Thread-safe."""

    def __init__(self, rows: SnippetRows, models: Models, *, timeout_s: float) -> None:
        """``timeout_s``: of one judgement."""
        self._rows = rows
        self._models = models
        self._timeout_s = timeout_s

    def match(self, assistant_id: str, question: str, *, judge: bool, stopped: Stopped) -> Matched:
        """At most ``MOST_OFFERS`` of them, those in the language of the question first, then the best.

        Each has a phrasing that reaches the floor. It is judged with its answer as a passage for the
        question, and the best again the other way round, because who asks the same is answered by the same:
        the mean of both log odds has to reach the floor that passages are judged by. Nothing that was not
        judged is offered: words for a customer are no guess. Notices: ``snippets_not_judged`` where
        reranking is off or failed (or without ``judge``), ``snippets_not_matched`` (reason) where the
        embedder failed. Raises only ``RerankStopped``.
        """
        snippets = self._rows.offered(assistant_id)
        if not snippets:
            return Matched()
        if not judge:
            return Matched(notices=(Notice.of("snippets_not_judged", count=len(snippets)),))
        phrasings = [_Phrasing(each, place) for each in snippets for place in range(len(each.questions))]
        try:
            near = self._nearest(question, phrasings)
        except RetrievalError as error:
            return Matched(notices=(Notice.of("snippets_not_matched", reason=error),))
        first = self._judge(question, [each.read for each in near], stopped)
        if not first.identity:
            return Matched(notices=(Notice.of("snippets_not_judged", count=len(snippets)),))
        best: dict[str, tuple[float, _Phrasing]] = {}
        for phrasing, relevance in self._seconded(question, near, first, stopped):
            if phrasing.snippet.id not in best or relevance > best[phrasing.snippet.id][0]:
                best[phrasing.snippet.id] = (relevance, phrasing)
        spoken = detect_language(question)

        def order(match: tuple[float, _Phrasing]) -> tuple[bool, float, int]:
            relevance, phrasing = match
            return detect_language(phrasing.question) != spoken, -relevance, phrasing.snippet.seq

        ordered = sorted(best.values(), key=order)
        return Matched(tuple(_offer(phrasing, value) for value, phrasing in ordered[:MOST_OFFERS]))

    def _judge(self, query: str, texts: Sequence[str], stopped: Stopped) -> Judgement:
        return self._models.reranker.judge(query, texts, "", timeout_s=self._timeout_s, stopped=stopped)

    def _seconded(
        self, question: str, near: Sequence[_Phrasing], first: Judgement, stopped: Stopped
    ) -> Iterator[tuple[_Phrasing, float]]:
        """Those that also hold the other way round, with the relevance of both ways together."""
        floor = self._models.reranker.floor if first.floor is None else first.floor
        needed = log_odds(floor) - (STARTER_SLACK if self._models.profile == "starter" else 0.0)
        told = zip(near, first.relevance, strict=True)
        judged = [(phrasing, value) for phrasing, value in told if value is not None]
        for phrasing, value in sorted(judged, key=lambda each: -each[1])[:SECONDED]:
            second = self._judge(phrasing.question, [question], stopped).relevance[0]
            if second is None:
                continue
            both = (log_odds(value) + log_odds(second)) / 2
            if both >= needed:
                yield phrasing, 1 / (1 + math.exp(-both))

    def _nearest(self, question: str, phrasings: Sequence[_Phrasing]) -> list[_Phrasing]:
        """The ``CANDIDATES`` best by reciprocal rank in both lists: likeness of vectors, share of words."""
        asked = self._models.embedder.embed_queries([question])[0]
        words = set(terms(question))
        alike = self._vectors(phrasings) @ asked
        shared = [_share(words, set(terms(each.read))) for each in phrasings]
        fused = [
            1 / (RANK_SHIFT + by_vector) + (1 / (RANK_SHIFT + by_words) if share else 0.0)
            for by_vector, by_words, share in zip(
                _ranks(alike.tolist()), _ranks(shared), shared, strict=True
            )
        ]
        order = sorted(range(len(phrasings)), key=lambda at: (-fused[at], at))
        return [phrasings[at] for at in order[:CANDIDATES]]

    def _vectors(self, phrasings: Sequence[_Phrasing]) -> Vectors:
        """A vector for each, made where this embedder has made none yet. Shape (phrasings, dim)."""
        embedder = self._models.embedder
        snippets = {each.snippet.id: each.snippet.questions for each in phrasings}
        known = self._rows.vectors(list(snippets), embedder.identity)
        missing = [each for each in phrasings if (each.snippet.id, each.place) not in known]
        if missing:
            # Read as questions, like what is asked: both sides of the comparison are of one kind.
            made = embedder.embed_queries([each.question for each in missing])
            fresh = {
                (each.snippet.id, each.place): vector for each, vector in zip(missing, made, strict=True)
            }
            self._rows.keep_vectors(
                fresh, embedder.identity, {each.snippet.id: each.snippet.questions for each in missing}
            )
            known |= fresh
        return np.stack([known[each.snippet.id, each.place] for each in phrasings])


def _ranks(scores: Sequence[float]) -> list[int]:
    """The rank of each from 1, the highest first; ties by place."""
    order = sorted(range(len(scores)), key=lambda at: (-scores[at], at))
    ranks = [0] * len(scores)
    for rank, at in enumerate(order, start=1):
        ranks[at] = rank
    return ranks


def _share(asked: set[str], there: set[str]) -> float:
    """The share (0..1) of the question's terms that stand there."""
    return len(asked & there) / len(asked) if asked else 0.0


def _offer(phrasing: _Phrasing, relevance: float) -> Offer:
    snippet = phrasing.snippet
    return Offer(
        snippet_id=snippet.id,
        question=phrasing.question,
        answer=snippet.answer,
        note=snippet.note,
        owner=OfferOwner(id=snippet.owner.id, name=snippet.owner.name),
        expires_on=snippet.expires_on,
        relevance=relevance,
    )
