"""What the words of a question weigh, and how far a text holds them: to the letter, or in other words."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from retrieval.analysis import content_terms, content_words, terms
from retrieval.concepts import concepts
from retrieval.starter_table import StarterTable

Feature = str | int
"""A term or concept (str), met to the letter; or a starter token (int), met by its relatives as well."""
Features = frozenset[Feature]

# Chosen on the choosing half of xling_*, zh_csquad and en_squad (app/docs/experiments.md).
SOFT = 0.5
"""What a word weighs that is met by its relatives only, beside a term, which is met to the letter."""
LEAST_WORTH = 0.4
"""Relatives worth less than this are no match in a text as short as a sentence."""


@dataclass(frozen=True, slots=True)
class Sought:
    """Features of a question with their weights (above 0), and for each token what its relatives are worth.

    ``relatives``: by token of the question, worths 0..1 by token of a text; soft translation as in
    ``retrieval.soft``.
    """

    weights: Mapping[Feature, float] = field(default_factory=dict)
    relatives: Mapping[Feature, Mapping[Feature, float]] = field(default_factory=dict)
    _shares: dict[Features, float] = field(default_factory=dict, repr=False, compare=False)

    def share(self, features: Features) -> float:
        """The share (0..1) of the question's weight that a text with these features holds."""
        known = self._shares.get(features)
        if known is None:
            held = sum(weight * self._held(each, features) for each, weight in self.weights.items())
            total = sum(self.weights.values())
            known = self._shares[features] = held / total if total else 0.0
        return known

    def names(self, features: Features) -> bool:
        """Whether a text holds a feature, or another word for it."""
        return any(self._held(each, features) for each in self.weights)

    def weighing(self, weights: Mapping[Feature, float]) -> "Sought":
        """The same relatives under other weights."""
        return Sought(weights, self.relatives)

    def _held(self, wanted: Feature, features: Features) -> float:
        return _held(wanted, features, self.relatives)


def text_features(text: str, table: StarterTable) -> Features:
    """All a text has that a question can ask for."""
    return frozenset(terms(text)).union(concepts(text), table.tokens.ids(text))


def seek(question: str, texts: Sequence[tuple[Features, Features]], table: StarterTable) -> Sought:
    """What a question seeks, weighed against the texts at hand: (own words, words each stands under).

    The weight of a feature is ln(1 + texts / texts that hold it), an inverse document frequency, for tokens
    times what the table says they tell; a relative counts as what it is worth. Features that no text holds
    or stands under weigh nothing.
    """
    asked = _unweighed(question, table)
    relatives = asked.relatives
    weights: dict[Feature, float] = {}
    for each, factor in asked.weights.items():
        held = sum(_held(each, own, relatives) for own, _ in texts)
        if held or any(_held(each, above, relatives) for _, above in texts):
            weights[each] = factor * math.log(1 + len(texts) / max(1.0, held))
    return Sought(weights, relatives)


def covered(text: str, features: Features, table: StarterTable) -> float:
    """The share (0..1) of a short text's words, by how much each tells, that are among these features."""
    return _unweighed(text, table).share(features)


def _unweighed(text: str, table: StarterTable) -> Sought:
    words = list(dict.fromkeys(table.tokens.words(" ".join(content_words(text)) or text)))
    weights: dict[Feature, float] = {word: SOFT * float(table.weights[word]) for word in words}
    for term in sorted({*content_terms(text), *concepts(text)}):
        token = table.tokens.id(term)
        weights[term if token is None or token not in weights else token] = 1.0
    return Sought(weights, _relatives(words, table))


def _relatives(tokens: Sequence[int], table: StarterTable) -> dict[Feature, Mapping[Feature, float]]:
    found: dict[Feature, Mapping[Feature, float]] = {}
    for token, each in zip(tokens, table.all_relatives(tokens), strict=True):
        pairs: Iterable[tuple[int, float]] = zip(each.ids.tolist(), each.worths.tolist(), strict=True)
        found[token] = {other: worth for other, worth in pairs if worth >= LEAST_WORTH}
    return found


def _held(
    wanted: Feature, features: Features, relatives: Mapping[Feature, Mapping[Feature, float]]
) -> float:
    """How far (0..1) a text with these features holds one of a question."""
    if wanted in features:
        return 1.0
    known = relatives.get(wanted, {})
    return max((worth for other, worth in known.items() if other in features), default=0.0)
