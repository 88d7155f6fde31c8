"""Which words of a question a concept stands for, and which concepts lie near it."""

from functools import cache
from importlib import resources

from retrieval.analysis import normalise, terms
from retrieval.concepts import MARK, concepts, glossary


def expressions(text: str) -> dict[str, frozenset[str]]:
    """For each concept term in the text, the terms of the synonyms by which it stands there."""
    normal = normalise(text)
    return {
        concept: frozenset(
            term for synonym, parts in _synonyms()[concept] if synonym in normal for term in parts
        )
        for concept in dict.fromkeys(concepts(text))
    }


def related(concept: str) -> tuple[str, ...]:
    """Concept terms a passage may speak of when asked about this one, from ``related.tsv``."""
    return _related().get(concept, ())


@cache
def _synonyms() -> dict[str, tuple[tuple[str, tuple[str, ...]], ...]]:
    """Per concept term, each synonym in normal form with its terms."""
    return {
        MARK + concept: tuple((normalise(synonym), tuple(terms(synonym))) for synonym in synonyms)
        for concept, synonyms in glossary()
    }


@cache
def _related() -> dict[str, tuple[str, ...]]:
    text = resources.files("rerank").joinpath("related.tsv").read_text(encoding="utf-8")
    rows = [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]
    return {MARK + concept: tuple(MARK + other for other in others.split()) for concept, others in rows}
