"""Which words and concepts of a wish, or of a question, stand in a passage."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rerank.thesaurus import expressions, related
from retrieval.analysis import characters, content_terms, detect_language, terms
from retrieval.concepts import concepts
from retrieval.protocols import TermStatistics
from retrieval.sentences import sentence_spans
from retrieval.types import Language

SYNONYM = 0.8
"""How far another word for the same concept counts as the word itself (see ``retrieval/glossary.tsv``)."""
RELATED = 0.6
"""How far a word for a related concept does (see ``related.tsv``)."""
KNOWN_WEIGHT = 0.6
"""Weight of a term where nothing is known about how common it is."""
ENOUGH_CHUNKS = 20
"""A smaller index says nothing by not holding a name."""
_NAME = re.compile(r"(?:(?<=[\w,，、'’\"”』」)）]\s)|(?<=[\u3400-\u9fff]))[A-Z][A-Za-z0-9.+-]+")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A question made ready for counting.

    ``weights`` maps each term to 0..1 by how rare it is; ``letters`` the same for single characters of
    scripts without spaces. ``credits`` names concepts that may stand in a passage, the terms they speak for,
    and how far. ``strangers`` are names that stand nowhere in the index (see ``strange_names``).
    """

    text: str
    weights: Mapping[str, float]
    letters: Mapping[str, float]
    credits: tuple[tuple[str, frozenset[str], float], ...]
    identifiers: frozenset[str]
    strangers: tuple[str, ...]
    language: Language

    @classmethod
    def of(cls, text: str, statistics: TermStatistics | None) -> "Wanted":
        """From a question, or from any other text that names what is wanted."""
        found = list(dict.fromkeys(content_terms(text) or terms(text)))
        letters = list(dict.fromkeys(characters(" ".join(found))))
        weights = _weights([*found, *(letter for letter in letters if letter not in found)], statistics)
        credits = []
        for concept, expression in expressions(text).items():
            credits.append((concept, expression & weights.keys(), SYNONYM))
            credits.extend((other, expression & weights.keys(), RELATED) for other in related(concept))
        return cls(
            text=text,
            weights={term: weights[term] for term in found},
            letters={letter: weights[letter] for letter in letters},
            credits=tuple(credits),
            identifiers=frozenset(term for term in found if len(term) > 1 and any(map(str.isdigit, term))),
            strangers=strange_names(text, statistics),
            language=detect_language(text),
        )

    def credit(self, found: frozenset[str]) -> dict[str, float]:
        """For each wanted term that is there 1, for each there in another word what the thesaurus says."""
        credit: dict[str, float] = {}
        for concept, expression, value in self.credits:
            if concept in found:
                credit.update((term, max(value, credit.get(term, 0.0))) for term in expression)
        credit.update((term, 1.0) for term in self.weights if term in found)
        return credit

    def share(self, credit: Mapping[str, float]) -> float:
        """The part of all weight that the credited terms carry."""
        total = sum(self.weights.values())
        return sum(self.weights[term] * value for term, value in credit.items()) / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Read:
    """A passage made ready for counting: its sentences, their terms in order, terms and concepts as sets.

    The first ``context`` sentences are the context line.
    """

    sentences: tuple[str, ...]
    sequences: tuple[tuple[str, ...], ...]
    found: tuple[frozenset[str], ...]
    context: int

    @classmethod
    def of(cls, passage: str) -> "Read":
        """From ``contextual_text``: the first of several lines is context, a single line context and body."""
        first_end = passage.find("\n")
        spans = sentence_spans(passage)
        sentences = tuple(passage[start:end] for start, end in spans)
        sequences = tuple(tuple(terms(sentence)) for sentence in sentences)
        found = tuple(
            frozenset(sequence).union(concepts(sentence))
            for sequence, sentence in zip(sequences, sentences, strict=True)
        )
        context = sum(start < first_end for start, _ in spans)
        return cls(sentences, sequences, found, context if context < len(spans) else 0)


def strange_names(text: str, statistics: TermStatistics | None) -> tuple[str, ...]:
    """Names in a question that no indexed text holds: Latin words with a capital, except a sentence's first.

    A word counts as unknown when none of its terms is indexed and the glossary knows no other word for it.
    """
    if statistics is None:
        return ()
    names = [match[0] for match in _NAME.finditer(text) if not concepts(match[0])]
    parts = {name: terms(name) for name in names}
    wanted = list(dict.fromkeys(part for each in parts.values() for part in each))
    count, frequencies = statistics.document_frequencies(wanted)
    if count < ENOUGH_CHUNKS:
        return ()
    return tuple(name for name in names if parts[name] and not any(frequencies[part] for part in parts[name]))


def _weights(found: Sequence[str], statistics: TermStatistics | None) -> dict[str, float]:
    """Weight of each term: BM25's idf over that of a term in one single chunk.

    A term the index does not know weighs one half: it may be a slip of the keyboard, or two halves of words.
    """
    if statistics is None or not found:
        return dict.fromkeys(found, KNOWN_WEIGHT)
    count, frequencies = statistics.document_frequencies(found)
    if count < 2:
        return dict.fromkeys(found, KNOWN_WEIGHT)
    most = _idf(count, 1)
    return {
        term: max(0.02, _idf(count, frequencies[term]) / most) if frequencies[term] else 0.5 for term in found
    }


def _idf(count: int, frequency: int) -> float:
    return math.log(1 + (count - frequency + 0.5) / (frequency + 0.5))


def _merged(credits: Sequence[Mapping[str, float]]) -> dict[str, float]:
    merged: dict[str, float] = {}
    for credit in credits:
        for term, value in credit.items():
            merged[term] = max(value, merged.get(term, 0.0))
    return merged
