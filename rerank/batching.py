"""Which pairs go through the model together."""

from collections.abc import Sequence
from dataclasses import dataclass

SHORT = 4
"""Batches up to which a request is short: on a CPU forty candidates of 400 tokens."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one request still asks for: tokens of its shared beginning, and of each unscored tail.

    ``scored``: tokens of the tails it has behind it; a long request stays one until its end.
    """

    shared: int
    tails: Sequence[int]
    scored: int = 0

    @property
    def tokens(self) -> int:
        """Rows of what is left in a packed pass."""
        return self.shared + sum(self.tails)


def next_batch(waiting: Sequence[Waiting], budget: int, *, oldest_first: bool = False) -> list[int]:
    """How many tails of each request, given in the order they came, the next micro-batch takes.

    Requests of up to ``SHORT`` batches go first, in the order they came, then longer ones by doublings of
    length, so that a question of twenty passages never waits for ten thousand which came before it; with
    ``oldest_first`` the oldest leads. Strictly the shortest first would keep the longer of like requests
    waiting for as long as others come (measured: p95 five times a full queue's time). The leader is cut where
    the budget ends, and others go with it only whole, in the same order: time is proportional to tokens, so a
    part of a long request would only delay the short one.

    At most ``budget`` tokens, a request's shared beginning counted once; a pair longer than the budget goes
    alone. At least one tail is taken where one waits.
    """
    taken = [0] * len(waiting)
    if not waiting:
        return taken
    order = sorted(range(len(waiting)), key=lambda i: _length(waiting[i], budget))
    if oldest_first:
        order.remove(0)
        order.insert(0, 0)
    head = waiting[order[0]]
    taken[order[0]] = max(1, _fitting(head, budget))
    room = budget - head.shared - sum(head.tails[: taken[order[0]]])
    for i in order[1:]:
        if waiting[i].tokens <= room:
            taken[i] = len(waiting[i].tails)
            room -= waiting[i].tokens
    return taken


def _length(request: Waiting, budget: int) -> int:
    """0 for short requests, one more for each doubling from there."""
    return ((request.tokens + request.scored) // (SHORT * budget)).bit_length()


def _fitting(request: Waiting, room: int) -> int:
    """How many of the request's next tails fit."""
    room -= request.shared
    for count, tail in enumerate(request.tails):
        room -= tail
        if room < 0:
            return count
    return len(request.tails)
