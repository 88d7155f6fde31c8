"""Which words of a passage a claim rests on."""

import re
from collections import Counter
from dataclasses import dataclass

from generation.numerals import digit_numbers, stated_numbers
from generation.spans import passage_spans, sentences
from retrieval.analysis import content_terms
from retrieval.concepts import concepts
from retrieval.types import Passage

WINDOW = 3
"""Sentences a quote may have, unless the claim itself has more: then it may have twice as many."""
RECALL_WEIGHT = 2.0
"""The beta of F for claims longer than that (a list, a table): the quote should cover all that is claimed."""
LONGEST_WINDOW = 40
"""Sentences a quote may have at most, whatever the claim."""
NUMBER_WEIGHT = 2
"""A number counts as two terms: sentences of one passage differ in their numbers more than in their words."""

_WORDLESS = re.compile(r"[\W_]*\Z")


@dataclass(frozen=True, slots=True)
class Quote:
    """``passage.text[start:end]``; ``share`` of the claim's features (0..1) that stand in it."""

    start: int
    end: int
    share: float


def best_quote(claim: str, passage: Passage) -> Quote:
    """The sentence or run of sentences of a passage that agrees with the claim best.

    Agreement is the F measure (van Rijsbergen) of the features both have (content terms, concepts, numbers),
    so that a longer quote has to earn its length: F1, or F2 where the claim is long. Ties go to the shorter,
    then the earlier one. Where nothing agrees, the whole passage with share 0. A quote never begins or ends
    with a line without letters or digits (a table rule, a fence).
    """
    text = passage.text
    spans = passage_spans(passage)
    found = [features(text[start:end]) for start, end in spans]
    worded = [not _WORDLESS.match(text[start:end]) for start, end in spans]
    wanted = features(claim)
    said = len(sentences(claim))
    longest = WINDOW if said <= WINDOW else min(2 * said, LONGEST_WINDOW)
    beta = 1.0 if said <= WINDOW else RECALL_WEIGHT**2
    best = (0.0, 0, 0)
    share = 0.0
    for i in range(len(spans)):
        window: Counter[str] = Counter()
        for j in range(i, min(len(spans), i + longest)):
            window += found[j]
            common = (wanted & window).total()
            if not common or not (worded[i] and worded[j]):
                continue
            f = (1 + beta) * common / (beta * wanted.total() + window.total())
            key = (round(f, 9), i - j, -i)
            if key > best:
                best, share = key, common / wanted.total()
    if share == 0.0:
        return Quote(len(text) - len(text.lstrip()), len(text.rstrip()), 0.0)
    first = -best[2]
    last = first - best[1]
    return Quote(spans[first][0], spans[last][1], share)


def features(text: str) -> Counter[str]:
    """What two texts can have in common, counted: content terms, concepts of either language, numbers."""
    found = Counter(f"term {term}" for term in content_terms(text))
    found.update(f"concept {concept}" for concept in concepts(text))
    # 一 and "one" are mostly articles: they count as a number only where written 1.
    numbers = stated_numbers(text) - ({"1"} - digit_numbers(text))
    found.update({f"number {number}": NUMBER_WEIGHT for number in numbers})
    return found
