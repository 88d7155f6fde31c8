"""Which token translates which: IBM Model 1 in both directions over the parallel text."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from retrieval.training.groups import Corpus, Pairs
from retrieval.training.sources import ONE_LANGUAGE, Group

ROUNDS = 6
_MOST_TOKENS = 40  # different tokens of a text; in longer ones everything would be linked with everything
_DOUBT = 0.3  # expected uses added to every token's total: a word seen once is not trusted
_LIKELY, _POSSIBLE = 0.01, 0.002  # a link is kept above these, in one direction and in both
_WEIGHTS: dict[Group, float] = {"python": 0.5, "dictionary": 2.0, "hsk": 2.0, "names": 2.0, "wordnet": 0.5}

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Translations:
    """Pairs of tokens with the probability of each given the other; four arrays of one length."""

    english: Ids
    chinese: Ids
    of_english: Floats
    """p(Chinese token | English token)."""
    of_chinese: Floats
    """p(English token | Chinese token)."""


@dataclass(frozen=True, slots=True, eq=False)
class _Links:
    """Every token of one text with every token of its translation, as numbers of distinct token pairs."""

    english: Ids  # (pairs of tokens,)
    chinese: Ids
    link: npt.NDArray[np.int32]  # (links,): number of the pair of tokens
    text: npt.NDArray[np.int32]  # (links,): number of the pair of texts
    weight: Floats  # (links,)


def align(corpus: Corpus, size: int) -> Translations:
    """The likely translations among ``size`` tokens.

    IBM Model 1 (Brown et al., Computational Linguistics 19:2, 1993) over the sets of tokens of both sides,
    without an empty word, each direction by itself; pairs of tokens that either direction finds unlikely are
    left out. Texts of more than 40 different tokens are not used.
    """
    links = _links(corpus, size)
    of_english = _estimate(links, links.english, links.chinese, size)
    of_chinese = _estimate(links, links.chinese, links.english, size)
    kept = (np.maximum(of_english, of_chinese) > _LIKELY) & (np.minimum(of_english, of_chinese) > _POSSIBLE)
    return Translations(links.english[kept], links.chinese[kept], of_english[kept], of_chinese[kept])


def _links(corpus: Corpus, size: int) -> _Links:
    keys, texts, weights = [], [], []
    number = 0
    for group, pairs in corpus.groups.items():
        if group in ONE_LANGUAGE:
            continue
        for row in range(len(pairs)):
            key = _row_links(pairs, row, size)
            if key is not None:
                keys.append(key)
                texts.append(np.full(len(key), number, dtype=np.int32))
                weights.append(np.full(len(key), _WEIGHTS.get(group, 1.0), dtype=np.float32))
                number += 1
    if not keys:
        nothing = np.zeros(0, dtype=np.int64)
        none = nothing.astype(np.int32)
        return _Links(nothing, nothing, none, none, np.zeros(0, dtype=np.float32))
    distinct, link = np.unique(np.concatenate(keys), return_inverse=True)
    return _Links(
        distinct // size,
        distinct % size,
        link.astype(np.int32),
        np.concatenate(texts),
        np.concatenate(weights),
    )


def _row_links(pairs: Pairs, row: int, size: int) -> Ids | None:
    english = np.unique(pairs.left.words(row)).astype(np.int64)
    chinese = np.unique(pairs.right.words(row)).astype(np.int64)
    if max(len(english), len(chinese)) > _MOST_TOKENS:
        return None
    return (english[:, None] * size + chinese).ravel()


def _estimate(links: _Links, given: Ids, said: Ids, size: int) -> Floats:
    """p(said | given) of each pair of tokens, by expectation maximisation from equal probabilities."""
    place = links.text.astype(np.int64) * size + said[links.link]
    # one group of rivals for each token of each text: the tokens that may have brought it about
    rivals = np.unique(place, return_inverse=True)[1].astype(np.int32)
    probability = np.ones(len(given), dtype=np.float32)
    for _ in range(ROUNDS):
        claims = probability[links.link]
        share = links.weight * claims / (np.bincount(rivals, claims)[rivals] + 1e-9)
        expected = np.bincount(links.link, share, minlength=len(given))
        total = np.bincount(given, expected, minlength=size)
        probability = (expected / (total[given] + _DOUBT)).astype(np.float32)
    return probability
