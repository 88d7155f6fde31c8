"""A question becomes a cited answer: understand, recall, rerank, select, generate. Everyone asks here."""

import logging
import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.catalogue import say
from app.conversation import completed
from app.metrics import unobserved
from app.models import Models
from app.neighbours import with_neighbours
from app.quotes import Quotes
from app.result import ModelNames, Result
from app.settings import Settings
from app.storage.chunks import Chunks
from app.storage.floors import CalibratedFloors
from app.suggestions import suggest
from app.suspicious import marked
from app.trace import Ask, Event, Sources, Stage, Trace
from generation.abstain import abstain, clarify
from generation.errors import GenerationError
from generation.generate import generate
from generation.prompt import build_prompt
from generation.types import Answer, Outcome, Sampling, Usage
from rerank.errors import RerankStopped
from rerank.rerank import rerank
from rerank.select import Selection, select
from rerank.types import Reranked
from retrieval.protocols import LexicalIndex, VectorStore
from retrieval.recall import recall
from retrieval.types import Notice, Passage, Query, Ranked, Recalled, Scope
from retrieval.understand import understand

log = logging.getLogger(__name__)
Stopped = Callable[[], bool]
__all__ = ["Answering", "Ask", "Event", "Sources", "Stage", "Stopped"]


class Answering:
    """Answers questions. Thread-safe: it holds no state of its own."""

    def __init__(
        self,
        *,
        models: Models,
        vectors: VectorStore,
        lexical: LexicalIndex,
        chunks: Chunks,
        quotes: Quotes,
        floors: CalibratedFloors,
        settings: Settings,
        observe: Callable[[Result], None] = unobserved,
    ) -> None:
        self._models = models
        self._vectors = vectors
        self._lexical = lexical
        self._chunks = chunks
        self._quotes = quotes
        self._floors = floors
        self._settings = settings
        self._observe = observe
        starter = models.profile == "starter"
        self._retrieval = settings.retrieval.for_starter() if starter else settings.retrieval

    def ask(self, ask: Ask, stopped: Stopped) -> Iterator[Event]:
        """Stages as they end, the sources, the answer piece by piece, and last one ``Result``.

        ``stopped`` is polled throughout; a stopped answer ends with outcome cancelled and what was written so
        far.
        """
        trace = Trace(ask, time.perf_counter(), notices=list(self._models.notices))
        completion = completed(ask.question, ask.history, self._models, stopped)
        trace.notices.extend(completion.notices)
        query = understand(ask.question, ask.scope, completion.text)
        trace.query = query
        yield trace.lap("understand", trace.began)
        if query.vague:
            trace.notices.append(Notice.of("vague_question"))
            clarification = clarify(query.language, suggest(query, self._chunks))
            yield self._finish(trace, clarification.answer, clarification.suggestions)
            return
        yield self._recall(trace, query)
        try:
            yield self._rerank(trace, query, stopped)
        except RerankStopped:
            yield self._finish(trace, _empty("", "cancelled"))
            return
        began = time.perf_counter()
        selection = marked(self._select(trace), query.asked)
        trace.notices.extend(selection.notices)
        yield trace.lap("select", began)
        if not selection.passages:
            yield self._finish(trace, self._abstain(trace, query, selection))
            return
        yield Sources(selection.passages)
        if not ask.generate:
            yield self._finish(trace, _empty("", "retrieved", selection.passages))
            return
        yield from self._generate(trace, query, selection, stopped)

    def recall(self, ask: Ask, depth: int) -> Recalled:
        """What recall gives for a question, with the list of each stage, ``depth`` chunks deep."""
        return self._recalled(understand(ask.question, ask.scope), ask.top_k, depth)

    def _recalled(self, query: Query, top_k: int, depth: int = 0) -> Recalled:
        return recall(
            query,
            embedder=self._models.embedder,
            vectors=self._vectors,
            lexical=self._lexical,
            chunks=self._chunks,
            settings=self._retrieval.model_copy(update={"top_k": top_k}),
            depth=depth,
        )

    def _recall(self, trace: Trace, query: Query) -> Stage:
        began = time.perf_counter()
        recalled = self._recalled(query, trace.ask.top_k)
        trace.notices.extend(recalled.notices)
        trace.timings.extend(recalled.timings_ms)
        trace.ranked = tuple(Ranked(candidate, None, candidate.rank) for candidate in recalled.candidates)
        return trace.lap("recall", began)

    def _abstain(self, trace: Trace, query: Query, selection: Selection) -> Answer:
        return abstain(
            query.asked,
            language=query.language,
            nearest=[ranked.chunk for ranked in selection.nearest],
            relevance=selection.best,
            floor=None if selection.best is None else trace.floor,
        )

    def _rerank(self, trace: Trace, query: Query, stopped: Stopped) -> Stage:
        began = time.perf_counter()
        trace.withhold()
        wanted = trace.ask.rerank and self._settings.rerank.enabled
        reranked: Reranked = rerank(
            query.text,
            [ranked.candidate for ranked in trace.ranked],
            instruction=trace.ask.instruction,
            reranker=self._models.reranker if wanted else None,
            timeout_s=self._settings.rerank.timeout_s,
            stopped=stopped,
        )
        trace.ranked = reranked.ranked
        trace.reranked = reranked
        trace.floor = self._floor(trace.ask.scope, reranked)
        trace.notices.extend(reranked.notices)
        return trace.lap("rerank", began)

    def _select(self, trace: Trace) -> Selection:
        trace.withhold()
        settings = self._settings.rerank
        selection = select(
            trace.ranked,
            top_n=trace.ask.top_n,
            floor=trace.floor,
            near_duplicate=settings.near_duplicate,
            diversity=settings.diversity,
        )
        return with_neighbours(selection, trace.ranked, self._chunks, tokens=settings.neighbour_tokens)

    def _floor(self, scope: Scope, reranked: Reranked) -> float:
        """The admin's, meant for the reranker that is configured, or one calibrated, or the judge's own.

        A calibrated one is of one collection and for whoever judged.
        """
        set_by_admin = self._settings.rerank.floor
        if set_by_admin is not None and not reranked.fallback:
            return set_by_admin
        if len(scope.collections) == 1 and reranked.identity:
            calibrated = self._floors.floor(next(iter(scope.collections)), reranked.identity)
            if calibrated is not None:
                return calibrated
        return self._models.reranker.floor if reranked.floor is None else reranked.floor

    def _generate(
        self, trace: Trace, query: Query, selection: Selection, stopped: Stopped
    ) -> Iterator[Event]:
        began = time.perf_counter()
        generator, settings = self._models.generator, self._settings.generation
        sampling = trace.ask.sampling or Sampling(
            settings.temperature, settings.top_p, settings.max_tokens, settings.seed
        )
        deadline = began + settings.timeout_s
        answer: Answer | None = None
        first = True
        try:
            prompt = build_prompt(
                query.text if trace.ask.history else query.asked,
                language=query.language,
                instruction=trace.ask.instruction,
                passages=selection.passages,
                count_tokens=generator.count_tokens,
                context_tokens=generator.context_tokens,
                max_answer_tokens=sampling.max_tokens,
                nonce=secrets.token_hex(8),
            )
            for event in generate(
                prompt, generator, sampling, lambda: stopped() or time.perf_counter() > deadline
            ):
                if isinstance(event, Answer):
                    answer = event
                    continue
                if first:
                    trace.lap("first_token", began)
                    first = False
                yield event
        except GenerationError as error:
            log.exception("the generator failed")
            trace.notices.append(Notice.of("generation_failed", reason=error))
        yield trace.lap("generate", began)
        if answer is None:
            text = say(Notice.of("answer_unavailable"), query.language)
            answer = _empty(text, "truncated", selection.passages, generator.identity)
        elif answer.outcome == "cancelled" and not stopped():
            trace.notices.append(Notice.of("generation_timeout", seconds=f"{settings.timeout_s:g}"))
        yield self._finish(trace, answer)

    def _finish(self, trace: Trace, answer: Answer, suggestions: Sequence[str] = ()) -> Result:
        citations, notices = self._quotes.verified(answer.citations)
        answer = replace(answer, citations=citations, notices=(*answer.notices, *notices))
        trace.timings.append(("total", (time.perf_counter() - trace.began) * 1000))
        assert trace.query is not None  # noqa: S101 - set before anything can finish
        result = Result(
            trace_id=uuid.uuid4().hex,
            question=trace.ask.question,
            language=trace.query.language,
            answer=answer,
            candidates=trace.ranked,
            notices=(*trace.notices, *answer.notices),
            suggestions=tuple(suggestions),
            profile=self._models.profile,
            models=ModelNames(
                embedder=self._models.embedder.identity if trace.ranked else "",
                reranker=trace.reranked.identity,
                generator=answer.model,
            ),
            timings_ms=tuple(trace.timings),
            collections=trace.ask.collections,
            instruction=trace.ask.instruction,
            floor=trace.floor if trace.reranked.identity else None,
            rerank_tokens=trace.reranked.tokens,
        )
        self._observe(result)
        return result


def _empty(text: str, outcome: Outcome, passages: tuple[Passage, ...] = (), model: str = "") -> Answer:
    """An answer that no generator wrote."""
    return Answer(text, (), passages, outcome, Usage(0, 0), model)
