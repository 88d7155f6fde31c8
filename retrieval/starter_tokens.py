"""Tokens of the starter models: a fixed bilingual vocabulary, read off a text without a segmenter."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from retrieval.analysis import stopped, tokens, word_terms

LONGEST = 4
"""Characters of the longest Chinese token."""
_LONGEST_PIECE = 20
_UNKNOWN = -25.0
"""Log-probability of a character the vocabulary lacks, below that of every token (the least is about -17)."""


class StarterTokens:
    """``SoftTokens`` of the starter models.

    The vocabulary holds Chinese characters, Chinese words of two to ``LONGEST`` characters, terms of other
    scripts as ``analysis.terms`` makes them (folded, stemmed), and pieces of such terms, ``ab##`` at the
    beginning and ``##cd`` behind it. Position in the list is the id, below 65,536.
    """

    def __init__(
        self, vocabulary: Sequence[str], log_probabilities: npt.NDArray[np.float32], identity: str
    ) -> None:
        """``log_probabilities``: of each token as a word of Chinese text, for ``segments``; shape (n,)."""
        self.identity = identity
        self.vocabulary = tuple(vocabulary)
        self._ids = {token: number for number, token in enumerate(self.vocabulary)}
        self.log_probabilities = log_probabilities
        self._log_probabilities = log_probabilities.tolist()
        self._word = lru_cache(maxsize=100_000)(self._word_ids)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def id(self, token: str) -> int | None:
        """The id of one token."""
        return self._ids.get(token)

    def ids(self, text: str) -> list[int]:
        """Every token that stands in a text, in reading order, repeats kept.

        In Chinese all of them, also where they overlap (数据库 gives 数, 数据, 数据库, 据, 库): so a word
        is found however the question cuts it.
        """
        found: list[int] = []
        known = self._ids
        for dense, word in tokens(text):
            if dense:
                last = len(dense)
                for start in range(last):
                    for end in range(start + 1, min(start + LONGEST, last) + 1):
                        number = known.get(dense[start:end])
                        if number is not None:
                            found.append(number)
            else:
                found.extend(self._word(word))
        return found

    def words(self, text: str) -> list[int]:
        """The tokens of a text that do not overlap: Chinese cut where it is likeliest (see ``cut``)."""
        found: list[int] = []
        for dense, word in tokens(text):
            if dense:
                numbers = map(self._ids.get, self.cut(dense))
                found.extend(number for number in numbers if number is not None)
            else:
                found.extend(self._word(word))
        return found

    def units(self, text: str) -> Iterator[tuple[int, tuple[int, ...]]]:
        """The tokens of ``words``, each with the shorter tokens inside it (none for Latin words)."""
        for dense, word in tokens(text):
            if not dense:
                yield from ((number, ()) for number in self._word(word))
                continue
            for each in self.cut(dense):
                number = self._ids.get(each)
                if number is not None:
                    yield number, self._inside(each)

    def cut(self, run: str) -> list[str]:
        """A run of Chinese as words whose probabilities have the largest product (Viterbi, unigram model)."""
        best = [0.0] + [float("-inf")] * len(run)
        back = [0] * (len(run) + 1)
        for start in range(len(run)):
            for end in range(start + 1, min(start + LONGEST, len(run)) + 1):
                number = self._ids.get(run[start:end])
                if number is None and end > start + 1:
                    continue
                score = best[start] + (_UNKNOWN if number is None else self._log_probabilities[number])
                if score > best[end]:
                    best[end], back[end] = score, start
        words, end = [], len(run)
        while end:
            words.append(run[back[end] : end])
            end = back[end]
        return words[::-1]

    def _inside(self, word: str) -> tuple[int, ...]:
        found = [
            self._ids.get(word[start:end])
            for start in range(len(word))
            for end in range(start + 1, len(word) + 1)
            if end - start < len(word)
        ]
        return tuple(dict.fromkeys(number for number in found if number is not None))

    def _word_ids(self, word: str) -> tuple[int, ...]:
        if stopped(word):
            return ()
        parts = word_terms(word)
        found: list[int] = []
        for part in parts:
            number = self._ids.get(part)
            if number is not None:
                found.append(number)
            elif len(parts) == 1 and part.isascii() and part.isalpha():
                found.extend(self._pieces(part))
        return tuple(found)

    def _pieces(self, term: str) -> list[int]:
        """Greedily the longest pieces from the left; letters that no piece holds are passed over."""
        found, start = [], 0
        while start < len(term):
            for end in range(min(len(term), start + _LONGEST_PIECE), start, -1):
                piece = f"##{term[start:end]}" if start else f"{term[start:end]}##"
                number = self._ids.get(piece)
                if number is not None:
                    found.append(number)
                    start = end
                    break
            else:
                start += 1
        return found
