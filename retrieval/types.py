"""The vocabulary every stage shares: what is indexed, who may see it, what a search finds.

All values are immutable. Ranks and pages count from 1, ordinals and character offsets from 0.
"""

from dataclasses import dataclass, field
from typing import Literal

Language = Literal["zh", "en"]
Channel = Literal["vector", "lexical"]
Audience = Literal["customer", "internal"]
"""Whom words are fit for."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user must be told: what was cut, skipped, replaced or could not be done.

    ``code`` names a sentence of the catalogue (``app/catalogue.py``, zh and en); ``values`` fill its blanks.
    """

    code: str
    values: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, code: str, **values: object) -> "Notice":
        """A notice with its values turned to text and ordered by name."""
        return cls(code, tuple(sorted((name, str(value)) for name, value in values.items())))


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page: page from 1, sides as shares (0..1) of width and height, from the top left."""

    page: int
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of one version of a document: ``text == document.text[start:end]``.

    ``id`` is ``<document_id>:<version>:<ordinal>`` and is never used twice. ``document`` is the name the
    admin knows (a path relative to the folder that was ingested), ``title`` what a reader would call it.
    ``lead`` is the header of the table that the text goes on with, "" elsewhere: read, never cited.
    ``tokens`` counts ``contextual_text``, by the reranker's tokenizer where one was there at ingest, else by
    an estimate. ``pages`` holds every page the text stands on, in order; it is empty for formats without
    pages. ``headings`` leads from the outermost heading to the innermost.
    """

    id: str
    document_id: str
    version: int
    collection: str
    document: str
    title: str
    text: str
    start: int
    end: int
    ordinal: int
    tokens: int
    pages: tuple[int, ...] = ()
    headings: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()
    lead: str = ""

    @property
    def context(self) -> str:
        """Where the text stands, ``title › heading › heading``: embedded and reranked, never cited."""
        path = [self.title, *self.headings]
        return " › ".join(part for i, part in enumerate(path) if part and part not in path[:i])

    @property
    def contextual_text(self) -> str:
        """What embedders and rerankers read: the context line, ``lead`` if there is one, then the text."""
        lead = f"{self.lead}\n" if self.lead else ""
        return f"{self.context}\n{lead}{self.text}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What the person who asks may see. Required by every search; an empty scope finds nothing.

    ``collections`` are collection ids. ``document_ids``, where given, narrows further.
    """

    collections: frozenset[str]
    document_ids: frozenset[str] | None = None

    def allows(self, collection: str, document_id: str) -> bool:
        """Whether a document of that collection is inside this scope."""
        if collection not in self.collections:
            return False
        return self.document_ids is None or document_id in self.document_ids


@dataclass(frozen=True, slots=True)
class Exchange:
    """One earlier question of a conversation and the answer it got ("" where nothing was answered)."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Query:
    """A question made ready for recall.

    ``asked`` is what the person typed, ``text`` what is searched (cleaned, or rewritten from the
    history), ``variants`` are further wordings to search. ``terms`` are the content-bearing terms;
    ``vague`` is true when nothing in the question says what it is about, ``framed`` when ``text`` is what
    somebody else asks, taken out of the words that pass it on.
    """

    asked: str
    text: str
    scope: Scope
    language: Language
    variants: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    vague: bool = False
    framed: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One result of one channel. ``score``: cosine similarity (-1..1) or BM25 (≥ 0), higher is better."""

    chunk_id: str
    score: float
    rank: int
    channel: Channel


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that recall found: its hits by channel, and its fused score (any scale) and rank."""

    chunk: Chunk
    hits: tuple[Hit, ...]
    score: float
    rank: int

    def hit(self, channel: Channel) -> Hit | None:
        """The hit of one channel, or None where that channel did not find the chunk."""
        return next((hit for hit in self.hits if hit.channel == channel), None)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A candidate after reranking.

    ``relevance`` is P(yes) in 0..1, the only score that is ever compared with a threshold; None means that no
    reranker has judged the candidate (it was off or failed, and a notice says which).
    """

    candidate: Candidate
    relevance: float | None
    rank: int

    @property
    def chunk(self) -> Chunk:
        """The chunk that was ranked."""
        return self.candidate.chunk


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk chosen for the prompt, under the number (from 1) by which the answer cites it.

    ``text`` is the chunk's text, or less where it had to be cut to the prompt's budget (with a notice).
    ``completes``: the number of the passage whose section it continues, None where it was chosen itself.
    ``suspicious``: the places ``text[start:end]`` that speak to a model instead of a reader, in order.
    ``audience``: whom it is fit for, None where nobody needed to know.
    """

    number: int
    chunk: Chunk
    text: str
    relevance: float | None
    completes: int | None = None
    suspicious: tuple[tuple[int, int], ...] = ()
    audience: Audience | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A chunk in the list of one stage, with that stage's score (any scale, falling)."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Lists:
    """What each channel found by itself, and their fusion, each best first and deeper than K.

    ``fused`` begins with the order in which candidates are chosen; what only a deeper search finds follows.
    """

    vector: tuple[Found, ...]
    lexical: tuple[Found, ...]
    fused: tuple[Found, ...]


@dataclass(frozen=True, slots=True)
class Recalled:
    """What recall gives back: fused candidates, best first, and anything the user must be told.

    ``lists`` is None unless a depth was asked for.
    """

    candidates: tuple[Candidate, ...]
    notices: tuple[Notice, ...] = ()
    timings_ms: tuple[tuple[str, float], ...] = field(default=())
    lists: Lists | None = None
