"""A question becomes a cited answer: understand, recall, rerank, select, generate. Everyone asks here."""

import logging
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from app.audience import Audiences
from app.catalogue import say
from app.choosing import chosen
from app.conversation import completed
from app.metrics import unobserved
from app.models import Models
from app.neighbours import with_neighbours
from app.offers import Matching
from app.quotes import Quotes
from app.result import ModelNames, Result
from app.settings import Settings
from app.storage.chunks import Chunks
from app.storage.floors import CalibratedFloors
from app.suggestions import suggest
from app.suspicious import marked
from app.trace import Ask, Event, Offers, Sources, Stage, Trace
from app.writing import Task, Written, plans_of, together, write
from generation.abstain import abstain, clarify
from generation.errors import GenerationError
from generation.types import Answer, Outcome, Sampling, Usage
from rerank.errors import RerankStopped
from rerank.rerank import rerank
from rerank.select import Selection
from rerank.types import Reranked
from retrieval.protocols import LexicalIndex, VectorStore
from retrieval.recall import recall
from retrieval.types import Notice, Passage, Query, Ranked, Recalled, Scope
from retrieval.understand import understand

log = logging.getLogger(__name__)
Stopped = Callable[[], bool]
__all__ = ["Answering", "Ask", "Event", "Offers", "Sources", "Stage", "Stopped"]


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
        audiences: Audiences,
        matching: Matching,
        settings: Settings,
        observe: Callable[[Result], None] = unobserved,
    ) -> None:
        self._models = models
        self._vectors = vectors
        self._lexical = lexical
        self._chunks = chunks
        self._quotes = quotes
        self._floors = floors
        self._audiences = audiences
        self._matching = matching
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
        completion = completed(ask.question, ask.before, self._models, stopped)
        trace.notices.extend(completion.notices)
        query = understand(ask.question, ask.scope, completion.text)
        trace.query = query
        if query.framed:
            trace.notices.append(Notice.of("question_unframed", text=query.text))
        yield trace.lap("understand", trace.began)
        if query.vague:
            trace.notices.append(Notice.of("vague_question"))
            clarification = clarify(query.language, suggest(query, self._chunks))
            yield self._finish(trace, clarification.answer, clarification.suggestions)
            return
        yield self._recall(trace, query)
        try:
            yield self._rerank(trace, query, stopped)
            began = time.perf_counter()
            selection = marked(self._select(trace), query.asked)
            trace.notices.extend(selection.notices)
            yield trace.lap("select", began)
            if ask.card:
                yield from self._offer(trace, query, stopped)
        except RerankStopped:
            yield self._finish(trace, _empty("", "cancelled"))
            return
        if not selection.passages:
            yield self._finish(trace, self._abstain(trace, query, selection))
            return
        yield Sources(selection.passages)
        if not ask.generate:
            yield self._finish(trace, self._unwritten(trace, query, selection))
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
        wished = trace.ask.floor
        trace.floor = self._floor(trace.ask.scope, reranked) if wished is None else wished
        trace.notices.extend(reranked.notices)
        return trace.lap("rerank", began)

    def _select(self, trace: Trace) -> Selection:
        trace.withhold()
        settings, ask = self._settings.rerank, trace.ask
        audience_of = self._audiences.reader() if ask.card else None
        selection = chosen(
            trace.ranked, top_n=ask.top_n, floor=trace.floor, settings=settings, audience_of=audience_of
        )
        tokens = settings.neighbour_tokens
        return with_neighbours(
            selection, trace.ranked, self._chunks, tokens=tokens, audience_of=audience_of
        )

    def _offer(self, trace: Trace, query: Query, stopped: Stopped) -> Iterator[Event]:
        began, ask = time.perf_counter(), trace.ask
        if ask.assistant is not None and ask.still().collections == ask.scope.collections:
            judge = ask.rerank and self._settings.rerank.enabled
            matched = self._matching.match(ask.assistant.id, query.text, judge=judge, stopped=stopped)
            trace.notices.extend(matched.notices)
            trace.offers = matched.offers
        yield trace.lap("offers", began)
        if trace.offers:
            yield Offers(trace.offers)

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
        deadline = began + self._settings.generation.timeout_s
        answer: Answer | None = None
        first = True
        try:
            task = self._task(trace, query, selection)
            for event in write(task, lambda: stopped() or time.perf_counter() > deadline):
                if isinstance(event, Written):
                    answer, trace.parts = event.answer, event.parts
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
            answer = _empty(text, "truncated", selection.passages, self._models.generator.identity)
        elif answer.outcome == "cancelled" and not stopped():
            limit_s = self._settings.generation.timeout_s
            trace.notices.append(Notice.of("generation_timeout", seconds=f"{limit_s:g}"))
        yield self._finish(trace, answer)

    def _task(self, trace: Trace, query: Query, selection: Selection) -> Task:
        ask, settings = trace.ask, self._settings.generation
        plans, notices = plans_of(selection.passages, card=ask.card)
        trace.notices.extend(notices)
        return Task(
            question=query.text if ask.before or query.framed else query.asked,
            language=query.language,
            instruction=ask.instruction,
            plans=plans,
            generator=self._models.generator,
            sampling=ask.sampling
            or Sampling(settings.temperature, settings.top_p, settings.max_tokens, settings.seed),
            prompts=trace.prompts,
        )

    def _unwritten(self, trace: Trace, query: Query, selection: Selection) -> Answer:
        """What the generator would be given; whether that fits, and what would be cut, is said."""
        try:
            task = self._task(trace, query, selection)
            for plan in task.plans:
                trace.notices.extend(task.prompt(plan).notices)
        except GenerationError as error:
            trace.notices.append(Notice.of("generation_failed", reason=error))
        return _empty("", "retrieved", selection.passages)

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
            top_k=trace.ask.top_k,
            top_n=trace.ask.top_n,
            prompt=together(trace.prompts),
            assistant=trace.ask.assistant,
            parts=trace.parts,
            offers=trace.offers,
        )
        self._observe(result)
        return result


def _empty(text: str, outcome: Outcome, passages: tuple[Passage, ...] = (), model: str = "") -> Answer:
    """An answer that no generator wrote."""
    return Answer(text, (), passages, outcome, Usage(0, 0), model)
