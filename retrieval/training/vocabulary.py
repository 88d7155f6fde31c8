"""Which tokens the starter models know: chosen from the training text, dictionaries and general Chinese."""

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from retrieval.analysis import stopped, tokens, word_terms
from retrieval.starter_tokens import LONGEST, StarterTokens
from retrieval.training.sources import GLOSSARIES, Pair
from retrieval.training.words import Lexicon

MOST = 1 << 16
"""Tokens at most: an id takes two bytes."""
_CHARACTERS, _CHINESE, _TERMS, _NUMBERS, _PIECES = 6_500, 34_000, 21_000, 300, 4_500
_LEAST_CHARACTER = 3  # times a character must stand in the text
_SHORT = 8  # characters of Chinese up to which an entry is a word or a name and no sentence
_GENERAL, _LISTED, _LISTED_TERM = 0.7, 1.5, 0.8  # weights of evidence, beside 1 for the training text
_LONGEST_AFFIX, _INNER = 7, 0.3
_NO_WORD = -30.0  # log-probability of a token that is no Chinese
_HAN_CHARACTER = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_HAN_WORD = re.compile(f"[\u4e00-\u9fff]{{2,{LONGEST}}}")
_TERM = re.compile("[a-z][a-z0-9+#.]{1,23}")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(slots=True)
class _Counts:
    """How often something stands in running text, and how often as an entry of a dictionary."""

    characters: Counter[str] = field(default_factory=Counter)
    chinese: Counter[str] = field(default_factory=Counter)
    terms: Counter[str] = field(default_factory=Counter)
    listed_chinese: Counter[str] = field(default_factory=Counter)
    listed_terms: Counter[str] = field(default_factory=Counter)


def choose(pairs: Iterable[Pair], lexicon: Lexicon) -> tuple[str, ...]:
    """Characters, Chinese words, terms, numbers, pieces of terms; at most ``MOST``, each once.

    Words are ranked by the sum of the logarithms of how often they stand in the training text and in
    general text, and those that a dictionary translates come first. Ties are broken by the word.
    """
    counts = _count(pairs, lexicon)
    chinese = {
        word: math.log1p(counts.chinese[word])
        + _GENERAL * math.log1p(lexicon.frequency(word))
        + (_LISTED if word in counts.listed_chinese else 0.0)
        for word in counts.chinese.keys() | counts.listed_chinese.keys()
        if _HAN_WORD.fullmatch(word)
    }
    terms = {
        term: math.log1p(counts.terms[term]) + _LISTED_TERM * math.log1p(counts.listed_terms[term])
        for term in counts.terms.keys() | counts.listed_terms.keys()
        if _TERM.fullmatch(term)
    }
    characters = {
        character: float(count)
        for character, count in counts.characters.items()
        if count >= _LEAST_CHARACTER and _HAN_CHARACTER.match(character)
    }
    numbers = {
        term: float(count) for term, count in counts.terms.items() if term.isdigit() and len(term) <= 4
    }
    chosen = (
        *_best(characters, _CHARACTERS),
        *_best(chinese, _CHINESE),
        *_best(terms, _TERMS),
        *_best(numbers, _NUMBERS),
        *(f"{letter}##" for letter in _LETTERS),
        *(f"##{letter}" for letter in _LETTERS),
        *_best(_pieces(counts.terms), _PIECES),
    )
    return tuple(dict.fromkeys(chosen))[:MOST]


def tokenizer(vocabulary: Sequence[str], lexicon: Lexicon) -> StarterTokens:
    """The tokenizer of a vocabulary, with the log-probability of each Chinese token as a word (add one)."""
    counts = [lexicon.frequency(token) + 1 if _HAN_CHARACTER.match(token) else 0 for token in vocabulary]
    total = max(1, sum(counts))
    logarithms = [math.log(count / total) if count else _NO_WORD for count in counts]
    return StarterTokens(vocabulary, np.array(logarithms, dtype=np.float32), "training")


def _count(pairs: Iterable[Pair], lexicon: Lexicon) -> _Counts:
    counts = _Counts()
    for pair in pairs:
        if pair.group in GLOSSARIES or (pair.group == "sentences" and len(pair.right) <= _SHORT):
            if len(pair.right) <= _SHORT:
                _add_entry(counts, pair)
        else:
            _add_text(counts, f"{pair.left}\n{pair.right}", lexicon)
    return counts


def _add_entry(counts: _Counts, pair: Pair) -> None:
    for text in (pair.left, pair.right):
        for dense, word in tokens(text):
            if dense:
                counts.characters.update(dense)
                counts.listed_chinese[dense] += 1
            elif not stopped(word):
                counts.listed_terms.update(word_terms(word))


def _add_text(counts: _Counts, text: str, lexicon: Lexicon) -> None:
    for dense, word in tokens(text):
        if dense:
            counts.characters.update(dense)
            counts.chinese.update(each for each in lexicon.words(dense) if 2 <= len(each) <= LONGEST)
        elif not stopped(word):
            counts.terms.update(word_terms(word))


def _pieces(terms: Iterable[str]) -> dict[str, float]:
    """Beginnings, ends and inner parts of terms with the number of terms that have them (inner ones less)."""
    found: Counter[str] = Counter()
    inner: Counter[str] = Counter()
    for term in terms:
        if not (term.isascii() and term.isalpha()):
            continue
        for length in range(2, min(_LONGEST_AFFIX + 1, len(term))):
            found[f"{term[:length]}##"] += 1
            found[f"##{term[-length:]}"] += 1
        for start in range(1, len(term) - 2):
            inner[f"##{term[start : start + 2]}"] += 1
            inner[f"##{term[start : start + 3]}"] += 1
    return {piece: found[piece] + _INNER * inner[piece] for piece in found.keys() | inner.keys()}


def _best(scores: dict[str, float], most: int) -> list[str]:
    return sorted(scores, key=lambda each: (-scores[each], each))[:most]
