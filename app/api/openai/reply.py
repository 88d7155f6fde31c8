"""An answered question as a chat completion: the words, where each mark points, and how it came about."""

import math
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from app.cards import AssistantName, Offer, Part
from app.catalogue import say
from app.result import ModelsView, NoticeView, PassageView, Result, View, passage_view, result_view
from generation.types import Outcome
from retrieval.types import Language, Notice

Finish = Literal["stop", "length"]


class UrlCitation(View):
    """Where a mark of the answer points; ``start_index`` to ``end_index`` is the mark itself."""

    url: str
    title: str
    start_index: int
    end_index: int


class Annotation(View):
    """A citation as OpenAI's clients know it."""

    type: Literal["url_citation"] = "url_citation"
    url_citation: UrlCitation


class SourceView(View):
    """What a mark rests on: words that stand at ``start``..``end`` of the document, and on which pages.

    ``relevance``: 0..1 as the reranker judged the passage, null where it was not judged. ``position``: of the
    mark in ``content``.
    """

    number: int
    document_id: str
    document: str
    title: str
    pages: tuple[int, ...]
    headings: tuple[str, ...]
    chunk_id: str
    quote: str
    start: int
    end: int
    position: int
    relevance: float | None


class TouchstoneView(View):
    """What a chat completion cannot say in OpenAI's shape. ``content`` is the answer as it was checked.

    A streamed answer may differ from it in its marks: those that point at nothing are gone. ``assistant``,
    ``parts`` and ``offers``: of a sales assistant, see ``ResultView``.
    """

    outcome: Outcome
    content: str
    sources: tuple[SourceView, ...]
    passages: tuple[PassageView, ...]
    notices: tuple[NoticeView, ...]
    suggestions: tuple[str, ...]
    collections: tuple[str, ...]
    instruction: str
    language: Literal["zh", "en"]
    profile: str
    models: ModelsView
    timings_ms: dict[str, float]
    rerank_tokens: int
    trace_id: str
    answer_id: str
    assistant: AssistantName | None = None
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()


class MessageView(View):
    """The answer."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    annotations: tuple[Annotation, ...]


class ChoiceView(View):
    """The one choice there is."""

    index: Literal[0] = 0
    message: MessageView
    finish_reason: Finish
    logprobs: None = None


class UsageView(View):
    """Tokens read and written by the generator, by its own measure."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class ChatCompletion(View):
    """What ``POST /v1/chat/completions`` answers with where nothing is streamed."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: tuple[ChoiceView]
    usage: UsageView
    system_fingerprint: str | None
    touchstone: TouchstoneView


@dataclass(frozen=True, slots=True)
class Reply:
    """One result, to be told as the caller asked for it.

    ``notices`` were met before the question was asked. ``base_url`` is where passages can be looked at.
    """

    result: Result
    notices: tuple[Notice, ...]
    language: Language
    base_url: str

    @property
    def finish(self) -> Finish:
        """``length`` for an answer that is not whole, whatever cut it off; ``outcome`` says more."""
        return "length" if self.result.answer.outcome in ("truncated", "cancelled") else "stop"

    def annotations(self) -> tuple[Annotation, ...]:
        """A citation for each mark, in the order of the answer."""
        return tuple(
            Annotation(
                url_citation=UrlCitation(
                    url=f"{self.base_url}api/chunks/{quote(each.chunk_id, safe=':')}",
                    title=_title(each.title or each.document, each.pages),
                    start_index=each.position,
                    end_index=each.position + len(f"[{each.number}]"),
                )
            )
            for each in self.result.answer.citations
        )

    def usage(self) -> UsageView:
        """What the generator read and wrote."""
        used = self.result.answer.usage
        return UsageView(
            prompt_tokens=used.prompt_tokens,
            completion_tokens=used.completion_tokens,
            total_tokens=used.prompt_tokens + used.completion_tokens,
        )

    def touchstone(self) -> TouchstoneView:
        """Everything else."""
        view, passages = result_view(self.result, self.language), self.result.answer.passages
        relevance = {each.number: each.relevance for each in passages}
        said = tuple(NoticeView(code=each.code, text=say(each, self.language)) for each in self.notices)
        return TouchstoneView(
            outcome=view.outcome,
            content=view.answer,
            sources=tuple(
                SourceView(**each.model_dump(), relevance=relevance.get(each.number))
                for each in view.citations
            ),
            passages=tuple(map(passage_view, passages)),
            notices=(*said, *view.notices),
            suggestions=view.suggestions,
            collections=self.result.collections,
            instruction=view.instruction,
            language=view.language,
            profile=view.profile,
            models=view.models,
            timings_ms=view.timings_ms,
            rerank_tokens=self.result.rerank_tokens,
            trace_id=view.trace_id,
            answer_id=view.answer_id,
            assistant=view.assistant,
            parts=view.parts,
            offers=view.offers,
        )

    def completion(self, *, model: str, created: float) -> ChatCompletion:
        """The whole answer at once."""
        message = MessageView(content=self.result.answer.text, annotations=self.annotations())
        return ChatCompletion(
            id=completion_id(self.result.trace_id),
            created=math.floor(created),
            model=model,
            choices=(ChoiceView(message=message, finish_reason=self.finish),),
            usage=self.usage(),
            system_fingerprint=self.result.models.generator or None,
            touchstone=self.touchstone(),
        )


def completion_id(trace_id: str) -> str:
    """The id of a completion, in the form that programs expect."""
    return f"chatcmpl-{trace_id}"


def _title(title: str, pages: tuple[int, ...]) -> str:
    return f"{title}, p. {pages[0]}" if pages else title
