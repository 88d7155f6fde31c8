"""What a question comes back with: the one value that chat, API, command line and evaluation all read.

The JSON shape (``ResultView``) is stable: fields may be added, never renamed or removed.
"""

from dataclasses import dataclass
from typing import Literal

from app.cards import AssistantName, Offer, Part
from app.catalogue import say
from app.view import View as View
from generation.types import Answer, Outcome, Prompt
from retrieval.types import Audience, Candidate, Language, Notice, Passage, Ranked


@dataclass(frozen=True, slots=True)
class ModelNames:
    """Which models took part; empty where a stage did not run."""

    embedder: str
    reranker: str
    generator: str


@dataclass(frozen=True, slots=True)
class Result:
    """An answered question with everything that led to the answer.

    ``floor``: the relevance that evidence needed, None where nothing was judged. ``rerank_tokens``: read by
    the reranker, by its own count. ``top_k``, ``top_n``: how many were recalled and chosen at most, 0 where
    that is not known. ``prompt``: what the generator read, or would read, None where it came to none.
    ``parts``: of a card, in their order; none where the answer is one text.
    """

    trace_id: str
    question: str
    language: Language
    answer: Answer
    candidates: tuple[Ranked, ...]
    notices: tuple[Notice, ...]
    suggestions: tuple[str, ...]
    profile: str
    models: ModelNames
    timings_ms: tuple[tuple[str, float], ...]
    collections: tuple[str, ...]
    instruction: str
    answer_id: str = ""  # under which it is kept, "" where it is not
    floor: float | None = None
    rerank_tokens: int = 0
    top_k: int = 0
    top_n: int = 0
    prompt: Prompt | None = None
    assistant: AssistantName | None = None
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()


class NoticeView(View):
    """A notice as code and sentence."""

    code: str
    text: str


class CitationView(View):
    """Where one mark of the answer points. ``quote`` stands word for word in the document."""

    number: int
    chunk_id: str
    document_id: str
    document: str
    title: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    quote: str
    start: int
    end: int
    position: int


class PassageView(View):
    """A passage the generator read. ``relevance``: 0..1, null when it was not reranked.

    ``completes``: the number of the passage whose section it continues, null where it was chosen itself.
    ``suspicious``: it holds text that speaks to a model, which extractive answers do not quote.
    ``tokens``: of its text by the generator's measure, null where no prompt was made. ``audience``: whom it
    is fit for, null where that was not looked at.
    """

    number: int
    chunk_id: str
    document: str
    title: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    text: str
    relevance: float | None
    completes: int | None = None
    suspicious: bool = False
    tokens: int | None = None
    audience: Audience | None = None


class RanksView(View):
    """Ranks from 1 by stage; null where the stage did not find or judge the chunk."""

    vector: int | None
    lexical: int | None
    fused: int
    rerank: int | None


class ScoresView(View):
    """Cosine similarity (-1..1), BM25 (≥ 0) and fused score; only for comparing inside one column."""

    vector: float | None
    lexical: float | None
    fused: float


class CandidateView(View):
    """A recalled chunk with its way through the stages; ``passage`` is its number where it was chosen.

    ``tokens``: of its text, as it was cut into chunks.
    """

    chunk_id: str
    document: str
    title: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    ranks: RanksView
    scores: ScoresView
    relevance: float | None
    passage: int | None
    tokens: int | None = None


class ModelsView(View):
    """Model identities by role; empty where the role did not run."""

    embedder: str
    reranker: str
    generator: str


class ResultView(View):
    """The answer with citations, passages, candidates, notices, models and timings.

    ``answer_id`` is the id under which it is kept (``/api/answers``), "" where it is not. ``floor``: the
    relevance that evidence needed, null where nothing was judged. ``rerank_tokens``: read by the reranker.
    ``prompt_tokens``: of the whole prompt by the generator's measure, null where none was made. ``top_k`` and
    ``top_n``: recalled and chosen at most. ``assistant``: null where none was asked; ``parts`` of a card,
    none where it is one text; ``offers``: approved answers that match, best first.
    """

    trace_id: str
    question: str
    language: Literal["zh", "en"]
    answer: str
    outcome: Outcome
    citations: tuple[CitationView, ...]
    passages: tuple[PassageView, ...]
    candidates: tuple[CandidateView, ...]
    notices: tuple[NoticeView, ...]
    suggestions: tuple[str, ...]
    profile: str
    models: ModelsView
    timings_ms: dict[str, float]
    collection: str
    instruction: str
    answer_id: str = ""
    floor: float | None = None
    rerank_tokens: int = 0
    top_k: int = 0
    top_n: int = 0
    prompt_tokens: int | None = None
    assistant: AssistantName | None = None
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()


def passage_view(passage: Passage, tokens: int | None = None) -> PassageView:
    """A passage for JSON."""
    chunk = passage.chunk
    return PassageView(
        number=passage.number,
        chunk_id=chunk.id,
        document=chunk.document,
        title=chunk.title,
        pages=chunk.pages,
        headings=chunk.headings,
        text=passage.text,
        relevance=passage.relevance,
        completes=passage.completes,
        suspicious=bool(passage.suspicious),
        tokens=tokens,
        audience=passage.audience,
    )


def passage_tokens(prompt: Prompt | None) -> dict[int, int]:
    """Tokens of each passage of a prompt, by its number."""
    if prompt is None:
        return {}
    return dict(zip((each.number for each in prompt.passages), prompt.passage_tokens, strict=False))


def result_view(result: Result, language: Language | None = None) -> ResultView:
    """A result for JSON, its notices in ``language`` (the question's where None)."""
    said_in = language or result.language
    numbers = {passage.chunk.id: passage.number for passage in result.answer.passages}
    counted = passage_tokens(result.prompt)
    return ResultView(
        trace_id=result.trace_id,
        question=result.question,
        language=result.language,
        answer=result.answer.text,
        outcome=result.answer.outcome,
        citations=tuple(
            CitationView(
                number=c.number,
                chunk_id=c.chunk_id,
                document_id=c.document_id,
                document=c.document,
                title=c.title,
                pages=c.pages,
                headings=c.headings,
                quote=c.quote,
                start=c.start,
                end=c.end,
                position=c.position,
            )
            for c in result.answer.citations
        ),
        passages=tuple(passage_view(each, counted.get(each.number)) for each in result.answer.passages),
        candidates=tuple(
            _candidate_view(ranked, numbers.get(ranked.chunk.id)) for ranked in result.candidates
        ),
        notices=tuple(NoticeView(code=notice.code, text=say(notice, said_in)) for notice in result.notices),
        suggestions=result.suggestions,
        profile=result.profile,
        models=ModelsView(
            embedder=result.models.embedder,
            reranker=result.models.reranker,
            generator=result.models.generator,
        ),
        timings_ms={name: round(ms, 3) for name, ms in result.timings_ms},
        collection=", ".join(result.collections),
        instruction=result.instruction,
        answer_id=result.answer_id,
        floor=result.floor,
        rerank_tokens=result.rerank_tokens,
        top_k=result.top_k,
        top_n=result.top_n,
        prompt_tokens=result.prompt.tokens if result.prompt else None,
        assistant=result.assistant,
        parts=result.parts,
        offers=result.offers,
    )


def _candidate_view(ranked: Ranked, passage: int | None) -> CandidateView:
    candidate: Candidate = ranked.candidate
    chunk = candidate.chunk
    vector, lexical = candidate.hit("vector"), candidate.hit("lexical")
    return CandidateView(
        chunk_id=chunk.id,
        document=chunk.document,
        title=chunk.title,
        pages=chunk.pages,
        headings=chunk.headings,
        ranks=RanksView(
            vector=vector.rank if vector else None,
            lexical=lexical.rank if lexical else None,
            fused=candidate.rank,
            rerank=ranked.rank if ranked.relevance is not None else None,
        ),
        scores=ScoresView(
            vector=vector.score if vector else None,
            lexical=lexical.score if lexical else None,
            fused=candidate.score,
        ),
        relevance=ranked.relevance,
        passage=passage,
        tokens=chunk.tokens,
    )
