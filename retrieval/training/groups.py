"""Pairs of texts as token ids in flat arrays, from which a batch is gathered in one pass."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.starter_tokens import StarterTokens
from retrieval.training.sources import Group, Pair

MOST_WORDS, MOST_IDS = 200, 300
"""Tokens of a text that are learned from: of those that do not overlap, and of all."""

Ids = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.uint16]


@dataclass(frozen=True, slots=True, eq=False)
class Texts:
    """Rows of tokens behind each other, each row twice: cut into words, then with all tokens in it."""

    tokens: Tokens
    starts: Ids  # (2, rows)
    lengths: Ids  # (2, rows), at least 1
    kinds: Ids  # (rows,): equal for equal rows

    def words(self, row: int) -> Tokens:
        """The tokens of a row that do not overlap."""
        start = self.starts[0, row]
        return self.tokens[start : start + self.lengths[0, row]]

    def gather(self, rows: Ids, views: Ids) -> tuple[Tokens, Ids]:
        """The tokens of these rows behind each other, and each row's length; view 0: words, 1: all."""
        lengths = self.lengths[views, rows]
        ends = np.cumsum(lengths)
        places = np.arange(ends[-1]) + np.repeat(self.starts[views, rows] - (ends - lengths), lengths)
        return self.tokens[places], lengths


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """The pairs of one group; ``left`` and ``right`` have equally many rows."""

    left: Texts
    right: Texts

    def __len__(self) -> int:
        return len(self.left.kinds)


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """All groups, and how many texts were shortened or left out because no token stands in them."""

    groups: dict[Group, Pairs]
    shortened: int
    left_out: int

    def counts(self, size: int) -> npt.NDArray[np.float64]:
        """How often each of ``size`` tokens stands in the texts cut into words."""
        total = np.zeros(size)
        for pairs in self.groups.values():
            for texts in (pairs.left, pairs.right):
                rows = np.arange(len(texts.kinds))
                total += np.bincount(texts.gather(rows, np.zeros_like(rows))[0], minlength=size)
        return total


def encode(pairs: Iterable[Pair], tokens: StarterTokens) -> Corpus:
    """The corpus of these pairs, in their order."""
    sides: dict[Group, tuple[_Builder, _Builder]] = {}
    left_out = 0
    for pair in pairs:
        left, right = sides.setdefault(pair.group, (_Builder(tokens), _Builder(tokens)))
        if not (left.reads(pair.left) and right.reads(pair.right)):
            left_out += 1
            continue
        left.add()
        right.add()
    built = {group: Pairs(left.build(), right.build()) for group, (left, right) in sides.items() if left.rows}
    shortened = sum(side.shortened for both in sides.values() for side in both)
    return Corpus(built, shortened, left_out)


class _Builder:
    """Collects the rows of one side."""

    def __init__(self, tokens: StarterTokens) -> None:
        self._views: tuple[tuple[Callable[[str], list[int]], int], ...] = (
            (tokens.words, MOST_WORDS),
            (tokens.ids, MOST_IDS),
        )
        self._read: list[list[int]] = []
        self._lengths: list[tuple[int, ...]] = []
        self._kinds: dict[bytes, int] = {}
        self._kind_of: list[int] = []
        self._parts: list[Tokens] = []
        self.shortened = 0

    @property
    def rows(self) -> int:
        return len(self._kind_of)

    def reads(self, text: str) -> bool:
        """Read a text; False where no token stands in it."""
        self._read = [view(text) for view, _ in self._views]
        return all(self._read)

    def add(self) -> None:
        """Keep the text read last as the next row."""
        kept = [
            np.array(ids[:most], dtype=np.uint16)
            for ids, (_, most) in zip(self._read, self._views, strict=True)
        ]
        self.shortened += any(len(ids) > len(part) for ids, part in zip(self._read, kept, strict=True))
        self._parts.extend(kept)
        self._lengths.append(tuple(map(len, kept)))
        self._kind_of.append(self._kinds.setdefault(kept[1].tobytes(), len(self._kinds)))

    def build(self) -> Texts:
        lengths = np.array(self._lengths, dtype=np.int64)
        starts = (np.cumsum(lengths) - lengths.ravel()).reshape(lengths.shape)
        return Texts(np.concatenate(self._parts), starts.T, lengths.T, np.array(self._kind_of, np.int64))
