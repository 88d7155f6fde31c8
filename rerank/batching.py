"""Which pairs go through the model together."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waiting:
    """What one request still asks for: tokens of its shared beginning, and of each unscored tail."""

    shared: int
    tails: Sequence[int]


def next_batch(waiting: Sequence[Waiting], budget: int) -> list[int]:
    """How many tails of each request the next micro-batch takes: first come, first served.

    At most ``budget`` tokens, a request's shared beginning counted once. A request whose next tail does not
    fit ends the batch, so nobody is overtaken; a pair longer than the budget goes alone. At least one tail is
    taken where one waits.
    """
    taken: list[int] = []
    room = budget
    for request in waiting:
        room -= request.shared
        count = 0
        for tail in request.tails:
            if tail > room and (count or any(taken)):
                break
            room -= tail
            count += 1
        taken.append(count)
        if count < len(request.tails):
            break
    return taken
