"""Every question of a set asked through the path that chat uses, with what each stage brought."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from app.access.principal import LOCAL, Principal
from app.answering import Ask, Stopped
from app.evaluation.questions import Question
from app.evaluation.stages import DEPTH, STAGES, Rankings, Stage, recalled_rankings, reranked_ranking
from app.result import Result
from app.services import Services
from retrieval.types import Lists

FIRST_DEPTH, MOST_CHUNKS = 100, 1600
"""Chunks a list is looked at first, and at most, until it shows ``DEPTH`` documents."""
Progress = Callable[[int], None]
T = TypeVar("T")


class Halted(Exception):
    """It was told to stop before every question was asked."""


def never() -> bool:
    """Nobody tells it to stop."""
    return False


@dataclass(frozen=True, slots=True)
class Options:
    """How questions are asked; None is what chat would take. ``generate``: an answer is written."""

    rerank: bool = True
    instruction: str | None = None
    top_k: int | None = None
    generate: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with its result and the document rankings of the stages.

    ``passages``: documents handed to the generator, in order. ``best_relevance``: the highest of the
    candidates, 0 where none was judged. ``written``: an answer was asked for. ``unjudged``: reranking was
    asked for and nobody could judge, so the fused order stands. ``same_path``: the deep lists begin with the
    very candidates that were reranked.
    """

    question: Question
    rankings: Rankings
    passages: tuple[str, ...]
    best_relevance: float
    result: Result
    written: bool
    unjudged: bool
    same_path: bool

    @property
    def ran(self) -> tuple[Stage, ...]:
        """The stages that have a list."""
        return tuple(stage for stage in STAGES if stage in self.rankings)

    @property
    def final(self) -> Stage:
        """The stage whose order passages are chosen from."""
        return "reranked" if "reranked" in self.rankings else "fused"

    def without_chunks(self) -> "Asked":
        """The same without candidates and passages: thousands of results are kept until the end."""
        answer = replace(self.result.answer, passages=())
        return replace(self, result=replace(self.result, candidates=(), answer=answer))


def ask_all(
    services: Services,
    questions: Sequence[Question],
    ids: Mapping[str, str],
    collection: str,
    ways: Sequence[Options],
    judge: Callable[[Asked], T],
    progress: Progress,
    *,
    principal: Principal = LOCAL,
    stopped: Stopped = never,
    turn: Callable[[], object] = never,
) -> list[list[T]]:
    """All questions in each of the ways, judged at once; one list a way, in the order of the questions.

    Recall is run a second time, deeper, outside of what is timed: measures need 50 documents, chat takes K
    chunks. ``ids``: document name -> the set's own id. ``stopped`` is polled by the models: raises
    ``Halted`` where it says so. ``turn`` is called before each question, and comes back when it may be asked.
    """
    judged: list[list[T]] = [[] for _ in ways]
    for number, question in enumerate(questions, 1):
        lists: Lists | None = None
        for way, found in zip(ways, judged, strict=True):
            turn()
            request = services.ask(
                question.text,
                principal=principal,
                collections=(collection,),
                instruction=way.instruction,
                rerank=way.rerank,
                top_k=way.top_k,
                generate=way.generate,
            )
            events = services.answering.ask(request, stopped)
            result = next(each for each in events if isinstance(each, Result))
            if stopped():
                raise Halted
            lists = lists or _deep(services, request, ids)
            found.append(judge(_asked(question, way, result, lists, ids)))
        progress(number)
    return judged


def _asked(
    question: Question, way: Options, result: Result, lists: Lists, ids: Mapping[str, str]
) -> Asked:
    rankings = recalled_rankings(lists, ids)
    if way.rerank:
        rankings["reranked"] = reranked_ranking(result, ids)
    handed = sorted(result.candidates, key=lambda ranked: ranked.candidate.rank)
    relevance = [entry.relevance for entry in result.candidates if entry.relevance is not None]
    return Asked(
        question=question,
        rankings=rankings,
        passages=tuple(ids[passage.chunk.document] for passage in result.answer.passages),
        best_relevance=max(relevance, default=0.0),
        result=result,
        written=way.generate,
        unjudged=way.rerank and bool(handed) and not relevance,
        same_path=[ranked.chunk.id for ranked in handed]
        == [found.chunk.id for found in lists.fused[: len(handed)]],
    )


def _deep(services: Services, request: Ask, ids: Mapping[str, str]) -> Lists:
    """The lists, searched deeper until each shows ``DEPTH`` documents or has come to its end."""
    depth = FIRST_DEPTH
    while True:
        lists = services.answering.recall(request, depth).lists
        assert lists is not None  # noqa: S101 - a depth was asked for
        short = [
            listed
            for listed in (lists.lexical, lists.vector)
            if len(listed) >= depth and len({ids[found.chunk.document] for found in listed}) < DEPTH
        ]
        if not short or depth >= MOST_CHUNKS:
            return lists
        depth *= 2
