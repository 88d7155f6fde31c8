"""The engine: requests of token ids in, log-odds of "yes" against "no" out."""

from array import array
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

from rerank.attention import Plan, attention_for
from rerank.decoder import EAGER, Batch, Decoder, Steps
from rerank.errors import RerankError
from rerank.graphs import Graphs
from rerank.packing import Packed, Request, pack
from rerank.protocols import Stopped, never
from rerank.weights import Weights


class OutOfMemory(RerankError):
    """One micro-batch did not fit into the device's memory; a smaller one may."""


class Engine(Protocol):
    """Computes log-odds for pairs, of several requests at once."""

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        """Per request and tail, logit("yes") - logit("no") after ``shared + tail``, independent of the rest.

        Raises ``OutOfMemory``, or ``RerankStopped`` soon after ``stopped`` becomes true. One call at a time.
        """


class PackedEngine:
    """Qwen3 on packed rows with a head of one row.

    The last state is normed in float32 and projected onto one float32 row ``w_yes - w_no``: the card's
    softmax over two logits is the sigmoid of exactly this difference, without the grid of bfloat16 logits
    that makes ties, and without 151,669 logits per position.
    """

    def __init__(
        self,
        weights: Weights,
        *,
        steps: Steps = EAGER,
        block_rows: int | None = None,
        graphs: bool = False,
    ) -> None:
        self._head = weights.head
        self._device = weights.head.device
        self._decoder = Decoder(
            weights.geometry,
            weights.embedding,
            weights.layers,
            weights.norm,
            attend=attention_for(self._device, weights.embedding.dtype),
            steps=steps,
            block_rows=block_rows,
        )
        self._graphs = Graphs(lambda batch: self._decoder.states(batch, never)) if graphs else None

    @torch.inference_mode()
    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        """As the role says."""
        packed = pack(requests)
        try:
            states = self._states(packed, stopped)
            values = (states @ self._head).tolist()
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise OutOfMemory(f"{len(packed.ids)} tokens do not fit") from error
        except RuntimeError as error:
            if "allocate memory" not in str(error):  # the CPU allocator has no exception type of its own
                raise
            raise OutOfMemory(f"{len(packed.ids)} tokens do not fit") from error
        ends = iter(values)
        return [[next(ends) for _ in request.tails] for request in requests]

    def _states(self, packed: Packed, stopped: Stopped) -> Tensor:
        """Normed states of the pairs' last rows (pairs, hidden)."""
        batch = to_device(packed, self._device)
        if self._graphs is not None:
            states = self._graphs.run(batch)
            if states is not None:
                return states
        return self._decoder.states(batch, stopped)


def to_device(packed: Packed, device: torch.device) -> Batch:
    """The layout as tensors, carried over in one transfer."""
    fields = [packed.ids, packed.positions, packed.last, packed.key_rows]
    fields += [packed.cu_queries, packed.cu_keys, packed.cu_last]
    joined = array("i")
    for field in fields:
        joined.extend(field)
    host = torch.frombuffer(joined, dtype=torch.int32)
    carried = (host.pin_memory() if device.type == "cuda" else host).to(device, non_blocking=True)
    ids, positions, last, key_rows, cu_queries, cu_keys, cu_last = torch.split(
        carried, [len(field) for field in fields]
    )
    longest = _longest(packed.cu_queries)
    deepest = _longest(packed.cu_keys)
    queries, keys, ends = tuple(packed.cu_queries), tuple(packed.cu_keys), tuple(packed.cu_last)
    return Batch(
        ids,
        positions,
        last,
        plan=Plan(key_rows, cu_queries, cu_keys, queries, keys, longest, deepest),
        last_plan=Plan(key_rows, cu_last, cu_keys, ends, keys, 1, deepest),
    )


def _longest(ends: Sequence[int]) -> int:
    return max(ends[i + 1] - ends[i] for i in range(len(ends) - 1))
