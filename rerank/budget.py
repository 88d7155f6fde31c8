"""How many passages can be judged in the time there is: measured while judging, never promised before."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

from rerank.prompt import PREFIX, SUFFIX
from rerank.types import Scores
from retrieval.types import Notice

CPU_BUDGET_S = 10.0
"""For one question on a CPU, where the setting names none: about as long as a person waits without leaving
(J. Nielsen, Usability Engineering, 1993, chapter 5: 10 s keep the attention on the dialogue)."""
SLICE = 4
"""Passages between two looks at the clock. Larger slices overrun by more; smaller ones read the query and
the template, some 80 tokens they share, more often: 9 % of the work at 205 tokens a passage."""
SLICE_BYTES = 8_192
"""Bound on a slice of long passages, about 2,000 tokens."""
BULK_BYTES = 65_536
"""A slice of a call that must judge everything: about the 16,384 tokens of one micro-batch on a GPU."""
_PAIR_BYTES = len((PREFIX + SUFFIX).encode())


class LatencyBudget:
    """Bounds the time one question may spend in a reranker.

    Time is predicted in UTF-8 bytes, which track Qwen's tokens in Chinese and English alike (3 bytes and
    0.6 tokens a Han character, 4.5 bytes a token of English). The overrun is one slice at most.
    """

    def __init__(self, budget_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.budget_s = budget_s
        self._clock = clock
        self._lock = threading.Lock()
        self._passages = 0
        self._seconds = 0.0

    @property
    def passages_per_s(self) -> float | None:
        """Passages judged per second so far, None before the first."""
        with self._lock:
            return self._passages / self._seconds if self._seconds > 0 else None

    def score(self, score: Callable[[Sequence[str]], Scores], passages: Sequence[str]) -> Scores:
        """Scores for the first passages, as many as fit, one slice at least.

        A slice is begun when, at the pace of this call so far, it ends within the budget. Where passages are
        left over a notice ``rerank_budget`` (judged, total, budget_s) says so.
        """
        began = self._clock()
        parts: list[Scores] = []
        read = done = 0
        for part in slices(passages, size_bytes=SLICE_BYTES, count=SLICE):
            work = sum(map(_work, part))
            spent = self._clock() - began
            if parts and spent + work * spent / read > self.budget_s:
                break
            parts.append(score(part))
            read += work
            done += len(part)
        with self._lock:
            self._passages += done
            self._seconds += self._clock() - began
        notices: tuple[Notice, ...] = ()
        if done < len(passages):
            notices = (
                Notice.of(
                    "rerank_budget", judged=done, total=len(passages), budget_s=f"{self.budget_s:g}"
                ),
            )
        return joined(parts, notices)


def slices(passages: Sequence[str], *, size_bytes: int, count: int) -> Iterator[Sequence[str]]:
    """The passages in order, cut into runs of at most ``count`` and ``size_bytes`` (one passage at least)."""
    start, size = 0, 0
    for i, passage in enumerate(passages):
        work = _work(passage)
        if i > start and (i - start == count or size + work > size_bytes):
            yield passages[start:i]
            start, size = i, 0
        size += work
    if start < len(passages):
        yield passages[start:]


def joined(parts: Sequence[Scores], notices: Sequence[Notice] = ()) -> Scores:
    """Scores of consecutive slices as one: counts of equal notices are added, other repeats are told once."""
    starts = accumulate((len(part.relevance) for part in parts), initial=0)
    return Scores(
        relevance=tuple(value for part in parts for value in part.relevance),
        notices=(*_merged([notice for part in parts for notice in part.notices]), *notices),
        tokens=sum(part.tokens for part in parts),
        cut=tuple(start + i for start, part in zip(starts, parts, strict=False) for i in part.cut),
    )


def _merged(notices: Sequence[Notice]) -> list[Notice]:
    counts: dict[tuple[str, tuple[tuple[str, str], ...]], int] = {}
    for notice in notices:
        rest = tuple(pair for pair in notice.values if pair[0] != "count")
        counts[notice.code, rest] = counts.get((notice.code, rest), 0) + int(
            dict(notice.values).get("count", 0)
        )
    return [
        Notice.of(code, **dict(rest), count=count) if count else Notice(code, rest)
        for (code, rest), count in counts.items()
    ]


def _work(passage: str) -> int:
    return _PAIR_BYTES + len(passage.encode("utf-8", "surrogatepass"))
