"""Qwen3-Reranker behind the ``Reranker`` role."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rerank.batching import batches
from rerank.checkpoint import open_checkpoint
from rerank.engine import Engine, OutOfMemory
from rerank.errors import RerankError, RerankStopped
from rerank.prompt import MAX_TOKENS
from rerank.protocols import Stopped, never
from rerank.tokens import EncodedPairs, PairEncoder
from rerank.types import Scores
from retrieval.types import Notice

CPU_BATCH_TOKENS = 1024
"""A few seconds on two cores: ``stopped`` is polled between batches, and larger ones gain nothing on CPU."""
GPU_BATCH_TOKENS = 16384


class Qwen3Reranker:
    """Relevance as the model card computes it: sigmoid(logit("yes") - logit("no")) at the last position.

    Not for calls from several threads at once. Out of memory halves the batch budget for good and is told
    (``rerank_memory``).
    """

    default_floor = 0.5
    """Where "yes" and "no" are equally likely. Not calibrated: no weights were at hand to measure it."""

    def __init__(self, engine: Engine, encoder: PairEncoder, *, identity: str, batch_tokens: int) -> None:
        self._engine = engine
        self._encoder = encoder
        self._identity = identity
        self._batch_tokens = batch_tokens

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        revision: str | None = None,
        device: str = "auto",
        dtype: str = "auto",
        max_tokens: int = MAX_TOKENS,
        batch_tokens: int | None = None,
        local_files_only: bool = True,
        name: str = "",
    ) -> Self:
        """Open a checkpoint (see ``open_checkpoint`` for arguments and refusals).

        ``batch_tokens`` bounds a padded batch; None: 16,384 on a GPU, 1,024 on CPU.
        """
        checkpoint = open_checkpoint(
            model,
            revision=revision,
            device=device,
            dtype=dtype,
            max_tokens=max_tokens,
            local_files_only=local_files_only,
            name=name,
        )
        budget = batch_tokens or (CPU_BATCH_TOKENS if checkpoint.device == "cpu" else GPU_BATCH_TOKENS)
        return cls(
            checkpoint.engine, checkpoint.encoder, identity=checkpoint.identity, batch_tokens=budget
        )

    @property
    def identity(self) -> str:
        """Model, revision, weights, dtype, token limit and template in one string."""
        return self._identity

    @property
    def max_tokens(self) -> int:
        """The longest pair read; longer passages lose their end, with a notice."""
        return self._encoder.max_tokens

    def check_template(self) -> None:
        """Raises ``SelfTestFailed`` when the tokenizer does not read the template as Qwen3's does."""
        self._encoder.check_template()

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """P("yes") per passage, in the order given; see the role.

        Notices: those of ``PairEncoder.encode`` and ``rerank_memory`` (batch_tokens).
        """
        if not passages:
            return Scores(())
        pairs = self._encoder.encode(query, passages, instruction)
        log_odds, memory = self._run(pairs, stopped)
        return Scores(
            relevance=tuple(_sigmoid(value) for value in log_odds),
            notices=(*pairs.notices, *memory),
            tokens=sum(pairs.lengths),
        )

    def log_odds(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> tuple[float, ...]:
        """logit("yes") - logit("no") per passage, in the order given: for explanation and calibration."""
        if not passages:
            return ()
        return tuple(self._run(self._encoder.encode(query, passages, instruction), stopped)[0])

    def _run(self, pairs: EncodedPairs, stopped: Stopped) -> tuple[list[float], list[Notice]]:
        """Log-odds of all pairs in the order given, and a notice where memory ran out."""
        lengths = pairs.lengths
        result = [math.nan] * len(lengths)
        notices: list[Notice] = []
        queue = batches(lengths, self._batch_tokens)
        while queue:
            if stopped():
                raise RerankStopped(f"stopped with {sum(map(len, queue))} of {len(result)} passages unscored")
            try:
                values = self._engine.log_odds(pairs.shared, [pairs.tails[i] for i in queue[0]])
            except OutOfMemory as error:
                self._shrink([lengths[i] for i in queue[0]], error)
                notices = [Notice.of("rerank_memory", batch_tokens=self._batch_tokens)]
                waiting = [i for group in queue for i in group]
                groups = batches([lengths[i] for i in waiting], self._batch_tokens)
                queue = [[waiting[i] for i in group] for group in groups]
                continue
            for index, value in zip(queue.pop(0), values, strict=True):
                result[index] = value
        broken = sum(not math.isfinite(value) for value in result)
        if broken:
            raise RerankError(
                f"{broken} of {len(result)} scores are not finite: the weights or the dtype are broken; "
                "run the self-test or use float32"
            )
        return result, notices

    def _shrink(self, lengths: Sequence[int], error: OutOfMemory) -> None:
        """Halve the budget below the batch that failed, or give up where one pair alone does not fit."""
        if len(lengths) == 1:
            message = f"one pair of {lengths[0]} tokens does not fit into memory; lower max_tokens"
            raise RerankError(message) from error
        self._batch_tokens = max(lengths) * len(lengths) // 2


def _sigmoid(value: float) -> float:
    """The logistic function without overflow."""
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))
