"""Reranking in a few lines of Python, with a model in this process or a server.

    from rerank.client import RerankerClient

    with RerankerClient(url="http://127.0.0.1:8400") as reranker:
        for found in reranker.rerank("报销发票需要哪些盖章？", candidates, instruction="优先条文", top_n=3):
            print(found.index, found.relevance, found.text)

``RerankerClient(model="Qwen/Qwen3-Reranker-0.6B")`` or ``model="/a/folder"`` loads the weights here instead,
and ``RerankerClient(profile="starter")`` judges by words, without weights. A server may be Touchstone or any
other that speaks ``/rerank``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from rerank.checks import check_relevance
from rerank.protocols import Reranker
from rerank.selftest import self_test
from rerank.starter import StarterReranker
from retrieval.types import Notice


@dataclass(frozen=True, slots=True)
class RankedCandidate:
    """A candidate with its relevance (0..1) and its place (from 0) among those given."""

    index: int
    text: str
    relevance: float


class Ranking(list[RankedCandidate]):
    """Candidates, best first; ``model`` judged them, ``notices`` say what was cut or who stood in."""

    def __init__(self, ranked: Sequence[RankedCandidate], model: str, notices: tuple[Notice, ...]) -> None:
        super().__init__(ranked)
        self.model = model
        self.notices = notices


class RerankerClient:
    """Ranks candidates with a server (``url``), with weights (``model``), or without (``profile="starter"``).

    ``model`` is a folder or a hub id (fetched before, or now with ``download=True``); loading takes seconds,
    asks the model known answers, and raises ``RerankerUnavailable`` where it is missing or answers wrong.
    ``api_key`` goes to the server as a bearer token. Raises ``ValueError`` unless exactly one is given.
    """

    def __init__(
        self,
        url: str = "",
        *,
        model: str = "",
        profile: Literal["", "starter"] = "",
        api_key: str = "",
        timeout_s: float = 60.0,
        device: str = "auto",
        download: bool = False,
    ) -> None:
        if sum(map(bool, (url, model, profile))) != 1:
            raise ValueError("give exactly one of url, model and profile")
        self._close: Callable[[], None] | None = None
        self._reranker: Reranker
        if url:
            from rerank.remote import RemoteReranker

            remote = RemoteReranker(url, api_key=api_key, timeout_s=timeout_s)
            self._reranker, self._close = remote, remote.close
        elif model:
            from rerank.qwen3 import Qwen3Reranker  # torch takes seconds to import

            self._reranker = Qwen3Reranker.load(model, device=device, local_files_only=not download)
            self_test(self._reranker)
        else:
            self._reranker = StarterReranker(None)

    def rerank(
        self, query: str, candidates: Sequence[str], instruction: str | None = None, top_n: int | None = None
    ) -> Ranking:
        """Candidates by relevance, best first, equals in the order given; the best ``top_n`` where given.

        Raises ``RerankError`` when the model or the server cannot judge, ``ValueError`` for ``top_n`` < 1.
        """
        if top_n is not None and top_n < 1:
            raise ValueError(f"top_n is {top_n}; it must be at least 1")
        distinct = list(dict.fromkeys(candidates))
        if not distinct:
            return Ranking((), self._reranker.identity, ())
        scores = self._reranker.score(query, distinct, instruction or "")
        check_relevance(scores.relevance, len(distinct))
        relevance = dict(zip(distinct, scores.relevance, strict=True))
        ranked = [RankedCandidate(i, text, relevance[text]) for i, text in enumerate(candidates)]
        ranked.sort(key=lambda each: (-each.relevance, each.index))
        return Ranking(ranked[:top_n], self._reranker.identity, scores.notices)

    def close(self) -> None:
        """Close the connections to a server; a local model needs no closing."""
        if self._close is not None:
            self._close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
