"""What is said when there is nothing to answer from, or nothing to search for."""

from collections.abc import Sequence
from dataclasses import dataclass

from generation.render import one_line, render
from generation.types import Answer, Usage
from retrieval.types import Chunk, Language

ECHO_CHARACTERS = 60
"""Longer questions are not repeated inside the answer."""


@dataclass(frozen=True, slots=True)
class _Nearest:
    title: str
    pages: str


@dataclass(frozen=True, slots=True)
class Clarification:
    """An answer that asks back, with complete questions the person may have meant."""

    answer: Answer
    suggestions: tuple[str, ...]


def abstain(
    question: str,
    *,
    language: Language,
    nearest: Sequence[Chunk],
    relevance: float | None,
    floor: float | None,
) -> Answer:
    """An honest "not in the knowledge base" that names the nearest documents, without any citation.

    ``nearest``: chunks, best first; each document is named once, with the pages of its chunks. ``relevance``:
    the best relevance found (0..1), ``floor``: what evidence needs; either is left out where it is None.
    """
    asked = one_line(question)
    text = render(
        "abstain",
        language,
        question=asked if len(asked) <= ECHO_CHARACTERS else "",
        nearest=_by_document(nearest),
        relevance="" if relevance is None else f"{relevance:.2f}",
        floor="" if floor is None else f"{floor:.2f}",
    )
    return _unanswered(text)


def clarify(language: Language, suggestions: Sequence[str]) -> Clarification:
    """An answer that asks what the question is about and lists the suggestions, which are given back too."""
    kept = tuple(one_line(suggestion) for suggestion in suggestions if suggestion.strip())
    return Clarification(_unanswered(render("clarify", language, suggestions=kept)), kept)


def not_found_sentences() -> tuple[str, ...]:
    """The exact sentences models are told to write when the passages do not hold the answer."""
    languages: tuple[Language, ...] = ("zh", "en")
    return tuple(render("not_found", language) for language in languages)


def _by_document(chunks: Sequence[Chunk]) -> list[_Nearest]:
    pages: dict[str, set[int]] = {}
    titles: dict[str, str] = {}
    for chunk in chunks:
        titles.setdefault(chunk.document_id, one_line(chunk.title or chunk.document))
        pages.setdefault(chunk.document_id, set()).update(chunk.pages)
    return [
        _Nearest(title, ", ".join(str(page) for page in sorted(pages[document_id])))
        for document_id, title in titles.items()
    ]


def _unanswered(text: str) -> Answer:
    return Answer(
        text=text, citations=(), passages=(), outcome="abstained", usage=Usage(0, 0), model="", notices=()
    )
