"""Which pairs go through the model together."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one request still asks for: tokens of its shared beginning, and of each unscored tail."""

    shared: int
    tails: Sequence[int]

    @property
    def tokens(self) -> int:
        """Rows of what is left in a packed pass."""
        return self.shared + sum(self.tails)


def next_batch(waiting: Sequence[Waiting], budget: int, *, oldest_first: bool = False) -> list[int]:
    """How many tails of each request, given in the order they came, the next micro-batch takes.

    The request with the fewest tokens left goes first (of equal ones the oldest), so that a question of
    twenty passages never waits for ten thousand which came before it; with ``oldest_first`` the oldest does.
    It is cut where the budget ends, and others go with it only whole, the shortest first: time is
    proportional to tokens, so a part of a long request would only delay the short one.

    At most ``budget`` tokens, a request's shared beginning counted once; a pair longer than the budget goes
    alone. At least one tail is taken where one waits.
    """
    taken = [0] * len(waiting)
    if not waiting:
        return taken
    order = sorted(range(len(waiting)), key=lambda i: waiting[i].tokens)
    if oldest_first:
        order.remove(0)
        order.insert(0, 0)
    head = waiting[order[0]]
    taken[order[0]] = max(1, _fitting(head, budget))
    room = budget - head.shared - sum(head.tails[: taken[order[0]]])
    for i in order[1:]:
        if waiting[i].tokens > room:
            break
        taken[i] = len(waiting[i].tails)
        room -= waiting[i].tokens
    return taken


def _fitting(request: Waiting, room: int) -> int:
    """How many of the request's next tails fit."""
    room -= request.shared
    for count, tail in enumerate(request.tails):
        room -= tail
        if room < 0:
            return count
    return len(request.tails)
