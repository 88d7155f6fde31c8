"""Ranked candidates → the passages that are evidence."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from rerank.protocols import Reranker
from rerank.timed import TimedReranker
from retrieval.analysis import terms
from retrieval.types import Notice, Passage, Ranked

UNKNOWN_FLOOR = 0.5
"""For rerankers that name no floor: relevance is a probability, and below one half "no" is likelier."""

_SHINGLE = 3
_NEGATION = re.compile(r"[不未无非没禁勿]|\b(?:not|no|never|without|cannot)\b|n['’]t\b", re.IGNORECASE)


@runtime_checkable
class HasFloor(Protocol):
    """A reranker that knows from which relevance on its judgement means evidence."""

    default_floor: float


@dataclass(frozen=True, slots=True)
class Selection:
    """What the generator may see.

    ``passages`` are numbered from 1 in order of relevance. ``evidence`` is false when no candidate reached
    the floor; ``nearest`` then names the best of what was found, and nothing of it may be cited. ``best`` is
    the highest relevance, None where nothing was judged.
    """

    passages: tuple[Passage, ...]
    evidence: bool
    best: float | None
    nearest: tuple[Ranked, ...]
    notices: tuple[Notice, ...]


def floor_for(reranker: Reranker) -> float:
    """The relevance below which this reranker's judgement is no evidence, or ``UNKNOWN_FLOOR``."""
    inner = reranker.reranker if isinstance(reranker, TimedReranker) else reranker
    return inner.default_floor if isinstance(inner, HasFloor) else UNKNOWN_FLOOR


def select(
    ranked: Sequence[Ranked], *, top_n: int, floor: float, near_duplicate: float, diversity: float = 0.0
) -> Selection:
    """At most ``top_n`` passages, best first: each above the floor and none repeating a better one.

    A passage repeats a better one when at least the share ``near_duplicate`` of its three-term shingles
    stands there, with no number and no negation of its own: 3.1 and 3.2, 支持 and 不支持 are both shown.
    With ``diversity`` d, evidence is chosen by maximal marginal relevance (Carbonell, Goldstein, SIGIR 1998):
    the next passage has the largest (1 - d) · relevance - d · likeness, likeness being the largest share of
    terms (Jaccard) it has in common with one that was chosen. It never lifts what is below the floor.
    Where nothing was judged, candidates are measured against no floor and by 1 / rank; where something was,
    only that can be evidence, and what the latency budget left unjudged is passed over.

    Notices: ``near_duplicates_collapsed`` (count); ``below_floor`` (count, floor) for passages that would
    have been among the N; ``no_evidence`` (best, floor) where none is left.
    """
    judged = [entry for entry in ranked if entry.relevance is not None]
    distinct, repeated = _distinct(judged or ranked, top_n, near_duplicate, floor, diversity)
    notices = [Notice.of("near_duplicates_collapsed", count=repeated)] if repeated else []
    kept = [entry for entry in distinct if entry.relevance is None or entry.relevance >= floor]
    best = max((entry.relevance for entry in judged if entry.relevance is not None), default=None)
    below = len(distinct) - len(kept)
    if below and kept:
        notices.append(Notice.of("below_floor", count=below, floor=f"{floor:.2f}"))
    if not kept and best is not None:
        notices.append(Notice.of("no_evidence", best=f"{best:.2f}", floor=f"{floor:.2f}"))
    passages = tuple(
        Passage(number, entry.chunk, entry.chunk.text, entry.relevance)
        for number, entry in enumerate(kept, start=1)
    )
    return Selection(passages, bool(kept), best, () if kept else tuple(distinct), tuple(notices))


def _distinct(
    ranked: Sequence[Ranked], top_n: int, share: float, floor: float, diversity: float
) -> tuple[list[Ranked], int]:
    """``top_n`` entries in their order, none repeating a better one, and how many were passed over."""
    waiting = list(enumerate(ranked))
    kept: list[tuple[int, Ranked, _Outline]] = []
    repeated = 0
    while waiting and len(kept) < top_n:
        at = _next([entry for _, entry in waiting], [outline for *_, outline in kept], floor, diversity)
        place, entry = waiting.pop(at)
        outline = _Outline.of(entry.chunk.text)
        if any(outline.repeats(other, share) for *_, other in kept):
            repeated += 1
        else:
            kept.append((place, entry, outline))
    return [entry for _, entry, _ in sorted(kept, key=lambda each: each[0])], repeated


def _next(waiting: Sequence[Ranked], kept: Sequence["_Outline"], floor: float, diversity: float) -> int:
    """The index of the entry to be chosen next; the first of equals."""
    if not diversity or not kept:
        return 0

    def worth(at: int) -> float:
        entry = waiting[at]
        relevance = 1 / entry.rank if entry.relevance is None else entry.relevance
        outline = _Outline.of(entry.chunk.text)
        return (1 - diversity) * relevance - diversity * max(outline.likeness(other) for other in kept)

    evidence = [at for at, entry in enumerate(waiting) if entry.relevance is None or entry.relevance >= floor]
    return max(evidence, key=lambda at: (worth(at), -at), default=0)


@dataclass(frozen=True, slots=True)
class _Outline:
    """What is compared of a text: its shingles, and the marks in which near equal texts may contradict."""

    shingles: frozenset[tuple[str, ...]]
    marks: Counter[str]
    words: frozenset[str]

    @classmethod
    def of(cls, text: str) -> "_Outline":
        words = terms(text)
        width = min(_SHINGLE, max(1, len(words)))
        shingles = frozenset(tuple(words[i : i + width]) for i in range(len(words) - width + 1))
        marks = Counter(word for word in words if any(character.isdigit() for character in word))
        marks.update(negation.casefold() for negation in _NEGATION.findall(text))
        return cls(shingles, marks, frozenset(words))

    def likeness(self, other: "_Outline") -> float:
        """The share (0..1) of all their terms that both texts have (Jaccard)."""
        either = self.words | other.words
        return len(self.words & other.words) / len(either) if either else 0.0

    def repeats(self, other: "_Outline", share: float) -> bool:
        """Whether this text adds nothing to the other."""
        if not self.shingles or self.marks - other.marks:
            return self.shingles == other.shingles and self.marks == other.marks
        return len(self.shingles & other.shingles) >= share * len(self.shingles)
