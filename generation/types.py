"""What generation passes along: a prompt, a stream of text, and a cited answer."""

from dataclasses import dataclass
from typing import Literal

from retrieval.types import Language, Notice, Passage

Role = Literal["system", "user", "assistant"]
Voice = Literal["answer", "say", "internal"]
"""To whom a generator speaks: whoever asked, his customer, or a colleague who must not pass it on."""
Outcome = Literal["answered", "abstained", "truncated", "cancelled", "retrieved"]


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are chosen. Temperature 0 is greedy; ``max_tokens`` bounds the answer."""

    temperature: float = 0.0
    top_p: float = 1.0
    max_tokens: int = 768
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Prompt:
    """Everything a generator may read: the messages for a language model, and the parts they were made from.

    ``tokens`` counts the messages by the generator's own measure, ``passage_tokens`` the text of each
    passage: what is left of ``tokens`` are the rules, the question and the lines around the passages.
    ``voice``: see there.
    """

    question: str
    language: Language
    instruction: str
    passages: tuple[Passage, ...]
    messages: tuple[Message, ...]
    tokens: int
    notices: tuple[Notice, ...] = ()
    passage_tokens: tuple[int, ...] = ()
    voice: Voice = "answer"


@dataclass(frozen=True, slots=True)
class Citation:
    """A mark ``[number]`` of the answer, tied to the words it rests on.

    ``quote == chunk.text[start - chunk.start:end - chunk.start]``: ``start`` and ``end`` are offsets into
    the document's text, ``pages`` the pages of the quote's chunk, or of the quote alone once it has been
    looked up in its file. ``position`` is where the mark stands in the answer.
    """

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


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read and written, by the generator's own measure."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """The finished answer. Every citation points at a passage that was given."""

    text: str
    citations: tuple[Citation, ...]
    passages: tuple[Passage, ...]
    outcome: Outcome
    usage: Usage
    model: str
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer as it is written; pieces concatenate to the whole raw text."""

    text: str
