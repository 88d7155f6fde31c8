"""CUDA graphs for small batches: 28 layers in one launch instead of some 700.

Not run on the machines this was written on (no GPU); the padding is tested on CPU.

A graph replays fixed shapes, so a batch is padded to the shape of its bucket: rows that no sequence owns,
sequences without rows, and key rows that no sequence reads. Nothing that is asked for can see them.
"""

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from rerank.attention import Plan
from rerank.decoder import Batch

logger = logging.getLogger(__name__)

MAX_ROWS = 4096
"""Above this the launches hide behind the arithmetic (design notes, section 5, technique 6)."""
ROWS, KEYS, SEQUENCES = 256, 1024, 16
"""Bucket widths. Attention's grid grows with sequences times the longest: both are bucketed, not capped."""
MAX_GRAPHS = 32


class Shape(NamedTuple):
    """What a graph was captured for."""

    rows: int
    keys: int
    sequences: int
    pairs: int
    max_queries: int
    max_keys: int


class Graphs:
    """Captured forward passes by shape, the least recently used given up beyond ``MAX_GRAPHS``.

    ``forward`` maps a batch to states (pairs, hidden). A shape runs as it is the first time it is seen and
    is captured the second time, since a capture costs about as much as ten runs. One call at a time.
    """

    def __init__(self, forward: Callable[[Batch], Tensor]) -> None:
        self._forward = forward
        self._seen: OrderedDict[Shape, _Captured | None] = OrderedDict()

    def run(self, batch: Batch) -> Tensor | None:
        """States of the pairs, or None where the batch is large or its shape new."""
        if batch.ids.numel() > MAX_ROWS:
            return None
        shape = bucket(batch)
        known = shape in self._seen
        captured = self._seen.pop(shape, None)
        if captured is None and known:
            captured = _Captured(self._forward, padded(batch, shape))
            logger.info("captured a CUDA graph for %d rows", shape.rows)
        self._seen[shape] = captured
        while len(self._seen) > MAX_GRAPHS:
            self._seen.popitem(last=False)
        return None if captured is None else captured.run(padded(batch, shape))[: batch.last.numel()]


class _Captured:
    """One graph with the memory it reads from and writes to."""

    def __init__(self, forward: Callable[[Batch], Tensor], batch: Batch) -> None:
        self._input = batch
        side = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            forward(batch)  # lazy initialisation of libraries must not fall into the capture
        torch.cuda.current_stream().wait_stream(side)
        self._graph = torch.cuda.CUDAGraph()
        # thread_local: other models of this process may allocate on the GPU meanwhile
        with torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
            self._output = forward(batch)

    def run(self, batch: Batch) -> Tensor:
        """States of a batch of the same shape."""
        for place, value in zip(_tensors(self._input), _tensors(batch), strict=True):
            place.copy_(value)
        self._graph.replay()
        return self._output.clone()


def bucket(batch: Batch) -> Shape:
    """The shape a batch is padded to."""
    return Shape(
        rows=_up(batch.ids.numel(), ROWS),
        keys=_up(batch.plan.key_rows.numel(), KEYS),
        sequences=_up(batch.plan.cu_queries.numel() - 1, SEQUENCES),
        pairs=_up(batch.last.numel(), SEQUENCES),
        max_queries=_power(batch.plan.max_queries),
        max_keys=_power(batch.plan.max_keys),
    )


def padded(batch: Batch, shape: Shape) -> Batch:
    """The batch in the shape given: zeros where rows are added, no rows for the sequences added."""
    keys = _filled(batch.plan.key_rows, shape.keys, 0)
    pairs = _filled(batch.last, shape.pairs, 0)
    cu_keys = _extended(batch.plan.cu_keys, shape.sequences)
    cu_queries = _extended(batch.plan.cu_queries, shape.sequences)
    cu_last = _extended(batch.last_plan.cu_queries, shape.sequences)
    more = shape.sequences + 1 - len(batch.plan.queries)

    def host(ends: tuple[int, ...]) -> tuple[int, ...]:
        return ends + ends[-1:] * more

    keys_at = host(batch.plan.keys)
    return Batch(
        _filled(batch.ids, shape.rows, 0),
        _filled(batch.positions, shape.rows, 0),
        pairs,
        plan=Plan(
            keys, cu_queries, cu_keys, host(batch.plan.queries), keys_at, shape.max_queries, shape.max_keys
        ),
        last_plan=Plan(keys, cu_last, cu_keys, host(batch.last_plan.queries), keys_at, 1, shape.max_keys),
    )


def _tensors(batch: Batch) -> tuple[Tensor, ...]:
    return (
        batch.ids,
        batch.positions,
        batch.last,
        batch.plan.key_rows,
        batch.plan.cu_queries,
        batch.plan.cu_keys,
        batch.last_plan.cu_queries,
    )


def _filled(values: Tensor, size: int, value: int) -> Tensor:
    return torch.nn.functional.pad(values, (0, size - values.numel()), value=value)


def _extended(ends: Tensor, sequences: int) -> Tensor:
    """Cumulative ends with sequences of no length behind them."""
    return torch.cat((ends, ends[-1:].expand(sequences + 1 - ends.numel())))


def _up(value: int, step: int) -> int:
    return -(-value // step) * step


def _power(value: int) -> int:
    """The power of two at or above, 128 at least (the tile of flash attention)."""
    return max(128, 1 << (value - 1).bit_length())
