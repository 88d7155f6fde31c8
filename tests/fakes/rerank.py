"""Rerankers without a model: small, honest, and held to the same contract as the real ones."""

import re
from collections.abc import Sequence

from rerank.errors import RerankStopped
from rerank.protocols import Stopped, never
from rerank.types import Scores


class OverlapReranker:
    """Relevance is the share of the query's words (Latin) and characters (other scripts) in the passage."""

    default_floor = 0.3
    identity = "overlap/1"
    max_tokens = 8192

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """See the role; the instruction changes nothing."""
        wanted = _units(query)
        relevance = []
        for passage in passages:
            if stopped():
                raise RerankStopped("stopped")
            relevance.append(len(wanted & _units(passage)) / max(1, len(wanted)))
        return Scores(tuple(relevance))


class ScriptedReranker:
    """Gives each passage the relevance of the longest listed text that stands in it, 0.0 where none does."""

    default_floor = 0.5
    max_tokens = 8192

    def __init__(self, relevance: dict[str, float], *, identity: str = "scripted/1") -> None:
        self.identity = identity
        self.calls: list[tuple[str, tuple[str, ...], str]] = []
        self._relevance = relevance

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """See the role; every call is kept in ``calls`` as (query, passages, instruction)."""
        if stopped():
            raise RerankStopped("stopped")
        self.calls.append((query, tuple(passages), instruction))
        return Scores(tuple(self._of(passage) for passage in passages))

    def _of(self, passage: str) -> float:
        found = [text for text in self._relevance if text in passage]
        return self._relevance[max(found, key=len)] if found else 0.0


class FailingReranker:
    """Raises the error it was given."""

    default_floor = 0.5
    identity = "failing/1"
    max_tokens = 8192

    def __init__(self, error: Exception) -> None:
        self.calls = 0
        self._error = error

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """Always raises."""
        self.calls += 1
        raise self._error


def _units(text: str) -> set[str]:
    return set(re.findall(r"[a-z0-9]+|[^\W\d_a-z]", text.lower()))
