"""Requests → one row per token, no padding: the layout every forward pass runs on.

A request's shared beginning stands once, its tails behind it::

    rows       s s s | a a | b b b        shared s, tails a and b
    positions  0 1 2 | 3 4 | 3 4 5
    sequences    0      1      2          each reads the keys of s and its own

So a tail is scored as if ``shared + tail`` stood alone, and the beginning is computed once for all of them.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Request:
    """Pairs that share their beginning: pair i reads ``shared + tails[i]``."""

    shared: Sequence[int]
    tails: Sequence[Sequence[int]]

    @property
    def tokens(self) -> int:
        """Rows of this request in a packed pass."""
        return len(self.shared) + sum(map(len, self.tails))


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows and sequences of one forward pass; all arrays hold 32-bit integers.

    ``ids`` and ``positions`` have one entry per row. Sequence i owns the query rows ``cu_queries[i]`` to
    ``cu_queries[i + 1]`` and reads the key rows ``key_rows[cu_keys[i]:cu_keys[i + 1]]``, of which its own
    rows are the last (so causal masks align at the bottom right). ``last`` are the rows whose state is the
    answer, one per pair in the order of the requests; ``cu_last`` is ``cu_queries`` with only those rows as
    queries.
    """

    ids: "array[int]"
    positions: "array[int]"
    key_rows: "array[int]"
    cu_queries: "array[int]"
    cu_keys: "array[int]"
    cu_last: "array[int]"
    last: "array[int]"


def pack(requests: Sequence[Request]) -> Packed:
    """Lay out all requests, in the order given.

    Raises ``ValueError`` for a tail without tokens: it would have no last row of its own.
    """
    packed = Packed(*(array("i", start) for start in ((), (), (), (0,), (0,), (0,), ())))
    for request in requests:
        shared = len(request.shared)
        base = len(packed.ids)
        _append(packed, request.shared, 0, range(0))
        packed.cu_last.append(len(packed.last))
        for tail in request.tails:
            if not tail:
                raise ValueError("a tail has no tokens")
            _append(packed, tail, shared, range(base, base + shared))
            packed.last.append(len(packed.ids) - 1)
            packed.cu_last.append(len(packed.last))
    return packed


def _append(packed: Packed, tokens: Sequence[int], position: int, context: range) -> None:
    """One sequence: its rows from ``position`` on, its keys the rows of ``context`` and its own."""
    start = len(packed.ids)
    packed.ids.extend(tokens)
    packed.positions.extend(range(position, position + len(tokens)))
    packed.key_rows.extend(context)
    packed.key_rows.extend(range(start, start + len(tokens)))
    packed.cu_queries.append(len(packed.ids))
    packed.cu_keys.append(len(packed.key_rows))
