"""A question on its way to an answer: what was asked, what is told meanwhile, and what gathers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from app.cards import AssistantName, Offer, Part, PartBegins
from app.result import Result
from generation.types import Delta, Prompt, Sampling
from rerank.types import Reranked
from retrieval.types import Exchange, Notice, Passage, Query, Ranked, Scope


@dataclass(frozen=True, slots=True)
class Ask:
    """One question. ``collections`` are names, for display; the scope decides what is searched.

    ``still`` tells what of it the asker may see at that moment. It is asked again before passages go to the
    reranker and before they are chosen: rights may be taken away meanwhile.
    ``history``: what was asked and answered before in the conversation, earliest first.
    Without ``generate`` nothing is written: it ends with the passages and outcome retrieved.
    ``sampling``: how tokens are chosen, None: as the settings say.
    ``assistant``: the one that was asked, with its collections and instruction, None for none.
    ``floor``: the relevance (0..1) from which on a judgement is evidence, None: the one that holds here.
    """

    question: str
    scope: Scope
    still: Callable[[], Scope]
    collections: tuple[str, ...]
    instruction: str
    rerank: bool
    top_k: int
    top_n: int
    generate: bool = True
    history: tuple[Exchange, ...] = ()
    sampling: Sampling | None = None
    floor: float | None = None
    assistant: AssistantName | None = None

    @property
    def card(self) -> bool:
        """Whether a card is written: what to say to a customer, and what is internal."""
        return self.assistant is not None and self.assistant.template == "sales"

    @property
    def before(self) -> tuple[Exchange, ...]:
        """As much of the history as may be read: for a card only questions.

        An earlier answer may hold what is internal, and a question that is completed with words of it would
        carry them into what is said to a customer.
        """
        return tuple(Exchange(each.question, "") for each in self.history) if self.card else self.history


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage is done."""

    name: str
    ms: float


@dataclass(frozen=True, slots=True)
class Sources:
    """The passages the generator is about to read."""

    passages: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Offers:
    """Approved answers that match the question, best first."""

    offers: tuple[Offer, ...]


Event = Stage | Offers | Sources | PartBegins | Delta | Result


@dataclass(slots=True)
class Trace:
    """What one question gathers on its way."""

    ask: Ask
    began: float
    query: Query | None = None
    ranked: tuple[Ranked, ...] = ()
    reranked: Reranked = field(default_factory=lambda: Reranked((), ""))
    floor: float = 0.0
    prompts: list[Prompt] = field(default_factory=list)
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()
    notices: list[Notice] = field(default_factory=list)
    timings: list[tuple[str, float]] = field(default_factory=list)

    def lap(self, name: str, since: float) -> Stage:
        """Note how long a stage took."""
        ms = (time.perf_counter() - since) * 1000
        self.timings.append((name, ms))
        return Stage(name, ms)

    def withhold(self) -> None:
        """Drop the candidates that the asker may no longer see, and say that some were dropped."""
        scope = self.ask.still()
        kept = tuple(
            each for each in self.ranked if scope.allows(each.chunk.collection, each.chunk.document_id)
        )
        if len(kept) < len(self.ranked):
            self.ranked = kept
            self.notices.append(Notice.of("rights_changed"))
