"""Which tokens say much the same as which: their translations, and what lies near them, worked out once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.training.translations import Translations

LEAST_SIMILARITY = 0.4
"""Cosine from which on another token counts as related at all."""
MOST_TRANSLATIONS = 16
_UNRELATED = 0.3  # cosine that is worth nothing; from there to 1 the worth rises to 1 in a straight line
_POWER = 0.1  # chosen on the choosing half of shared/eval/dev: .05 to .2 are as good
_STEPS = 255  # worths are kept in one byte
_AT_ONCE = 1024  # tokens whose similarities to all others are held at a time: 270 MB at 65,536 tokens

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Links:
    """From one token to another, row by row of three arrays of one length; worths in 1..255."""

    token: Ids
    other: Ids
    worth: Ids


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """The relatives of all tokens behind each other, as the table keeps them.

    Those of token i are ``ids[ends[i] : ends[i + 1]]``: itself first, then the worthiest.
    """

    ids: npt.NDArray[np.uint16]
    worths: npt.NDArray[np.uint8]
    ends: npt.NDArray[np.uint32]


def relatives(vectors: Floats, found: Translations) -> Stored:
    """Each token's relatives: itself, its 16 worthiest translations, and its neighbours.

    Itself is worth 1, a translation (p(zh | en) · p(en | zh)) ^ 0.1, a neighbour (cosine - 0.3) / 0.7, a
    token that is both the greater; all in 255ths. Computed here and not while people wait: for a token not
    asked about before it takes a product with all vectors, 1 ms and more, and a question has twenty.
    """
    size = len(vectors)
    parts = [_translated(found), *_near(vectors)]
    own = np.arange(size)
    token = np.concatenate([own, *(each.token for each in parts)])
    other = np.concatenate([own, *(each.other for each in parts)])
    # itself stands above every other, also one of worth 1
    worth = np.concatenate([np.full(size, _STEPS + 1), *(each.worth for each in parts)])
    order = np.lexsort((other, -worth, token))
    pair = token[order] * size + other[order]
    order = order[np.sort(np.unique(pair, return_index=True)[1])]  # the worthiest of each pair comes first
    return Stored(
        other[order].astype(np.uint16),
        np.minimum(worth[order], _STEPS).astype(np.uint8),
        np.concatenate([[0], np.cumsum(np.bincount(token[order], minlength=size))]).astype(np.uint32),
    )


def _translated(found: Translations) -> Links:
    """The worthiest translations of each token, both ways round."""
    both = np.minimum(1.0, (found.of_english * found.of_chinese) ** _POWER)
    token = np.concatenate([found.english, found.chinese])
    other = np.concatenate([found.chinese, found.english])
    worth = np.round(_STEPS * np.concatenate([both, both])).astype(np.int64)
    order = np.lexsort((other, -np.concatenate([both, both]), token))
    order = order[(token[order] != other[order]) & (worth[order] > 0)]  # a name stands in both languages
    rank = np.arange(len(order)) - np.searchsorted(token[order], token[order])
    order = order[rank < MOST_TRANSLATIONS]
    return Links(token[order], other[order], worth[order])


def _near(vectors: Floats) -> list[Links]:
    """All pairs of tokens with a cosine of ``LEAST_SIMILARITY`` and more."""
    directions = vectors / np.maximum(np.linalg.norm(vectors, axis=1), 1e-9)[:, None]
    parts = []
    for begin in range(0, len(vectors), _AT_ONCE):
        near = directions[begin : begin + _AT_ONCE] @ directions.T
        token, other = np.nonzero(near >= LEAST_SIMILARITY)
        worth = np.minimum(1.0, (near[token, other] - _UNRELATED) / (1 - _UNRELATED))
        parts.append(Links(token + begin, other, np.round(_STEPS * worth).astype(np.int64)))
    return parts
