"""Qwen3-Reranker behind the ``Reranker`` role."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from rerank.cache import ScoreCache, pair_keys
from rerank.checkpoint import open_checkpoint
from rerank.engine import Engine
from rerank.errors import RerankStopped
from rerank.packing import Request
from rerank.permit import Arithmetic, DtypePermits
from rerank.prompt import MAX_TOKENS
from rerank.protocols import Stopped, TokenStore, never
from rerank.scheduler import Job, Scheduler
from rerank.settings import EngineSettings
from rerank.tokens import EncodedPairs, PairEncoder
from rerank.types import PassageIds, Scores
from retrieval.types import Notice

CPU_BATCH_TOKENS = 4096
"""Ten chunks and their query in one pass. Products are cut smaller anyway, and ``stopped`` is polled between
layers: more tokens only save computing the query again."""
GPU_BATCH_TOKENS = 16384
"""One activation of this many rows is 32 MB, which fits the second-level cache (H200 50 MB, 4090 72 MB)."""


class Qwen3Reranker:
    """Relevance as the model card computes it: sigmoid(logit("yes") - logit("no")) at the last position.

    Safe for many threads: their requests share the model's passes. Equal pairs are scored once, and scores
    are kept. Out of memory halves the batch budget for good and is told (``rerank_memory``).
    """

    default_floor: float = 0.5
    """Where "yes" and "no" are equally likely. Not calibrated: no weights were at hand to measure it. A dtype
    with a permit has the floor that was measured to part passages as this one does in float32."""
    concurrent = True
    """Calls from many threads at once are welcome, and each ends within moments of its ``stopped``."""

    def __init__(
        self,
        engine: Engine,
        encoder: PairEncoder,
        *,
        identity: str,
        batch_tokens: int,
        queue: int = 64,
        cached_scores: int = 0,
        device: str = "cpu",
        arithmetic: Arithmetic | None = None,
        notices: tuple[Notice, ...] = (),
    ) -> None:
        self.device = device
        self.arithmetic = arithmetic
        """What it computes in; None where the engine was not opened here."""
        if arithmetic is not None and arithmetic.permit is not None:
            self.default_floor = arithmetic.permit.floor
        self.notices = notices
        """What is slower than it could be: ``rerank_not_compiled`` and ``rerank_no_graphs`` (reason), or than
        was asked for: ``rerank_dtype_not_permitted``."""
        self.cache = ScoreCache(cached_scores)
        self._encoder = encoder
        self._identity = identity
        self._scheduler = Scheduler(engine, batch_tokens=batch_tokens, max_waiting=queue)

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        revision: str | None = None,
        device: str = "auto",
        max_tokens: int = MAX_TOKENS,
        local_files_only: bool = True,
        name: str = "",
        settings: EngineSettings = EngineSettings(),  # noqa: B008  frozen
        permits: DtypePermits = DtypePermits(),  # noqa: B008  frozen
        unmeasured: bool = False,
    ) -> Self:
        """Open a checkpoint (see ``open_checkpoint`` for arguments and refusals).

        ``unmeasured`` runs int8 or fp8 without a permit, for whoever measures it; no setting does.
        """
        checkpoint = open_checkpoint(
            model,
            revision=revision,
            device=device,
            max_tokens=max_tokens,
            local_files_only=local_files_only,
            name=name,
            settings=settings,
            permits=permits,
            unmeasured=unmeasured,
        )
        device_type = checkpoint.arithmetic.loaded.device
        budget = CPU_BATCH_TOKENS if device_type == "cpu" else GPU_BATCH_TOKENS
        return cls(
            checkpoint.engine,
            checkpoint.encoder,
            identity=checkpoint.identity,
            batch_tokens=settings.batch_tokens or budget,
            queue=settings.queue,
            cached_scores=settings.cached_scores,
            device=device_type,
            arithmetic=checkpoint.arithmetic,
            notices=checkpoint.notices,
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

    @property
    def tokenizer_identity(self) -> str:
        """Tokenizer, template and packing in one string: equal ones give equal ``token_ids``."""
        return self._encoder.identity

    def token_ids(self, passages: Sequence[str]) -> list[PassageIds]:
        """Ids of passages as ``score`` reads them, in the order given, for a store."""
        return self._encoder.packed(passages)

    def read_from(self, store: TokenStore) -> None:
        """Look for ids of passages in this store from now on, before tokenising."""
        self._encoder.store = store

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """P("yes") per passage, in the order given; see the role.

        ``tokens`` counts every pair, read or remembered. Notices: ``rerank_dtype_not_permitted``, those of
        ``PairEncoder.pair``, and ``rerank_memory`` (batch_tokens). Raises ``RerankerOverloaded`` when too
        many requests wait.
        """
        if not passages:
            return Scores(())
        pairs, log_odds, memory = self._run(query, passages, instruction, stopped)
        return Scores(
            relevance=tuple(_sigmoid(value) for value in log_odds),
            notices=(*(self.arithmetic.notices if self.arithmetic else ()), *pairs.notices, *memory),
            tokens=sum(pairs.lengths),
            cut=pairs.cut,
        )

    def log_odds(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> tuple[float, ...]:
        """logit("yes") - logit("no") per passage, in the order given: for explanation and calibration."""
        if not passages:
            return ()
        return tuple(self._run(query, passages, instruction, stopped)[1])

    def _run(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped
    ) -> tuple[EncodedPairs, list[float], tuple[Notice, ...]]:
        """The pairs, their log-odds in the order given, and a notice where memory ran out."""
        if stopped():
            raise RerankStopped(f"stopped with {len(passages)} of {len(passages)} passages unscored")
        job: Job | None = None
        with self._scheduler.preparing():
            pairs = self._encoder.encode(query, passages, instruction)
            keys = pair_keys(self._identity, pairs.shared, pairs.tails)
            known = dict(zip(keys, self.cache.get(keys), strict=True))
            tails = dict(zip(keys, pairs.tails, strict=True))
            missing = [key for key, value in known.items() if value is None]
            if missing:
                job = self._scheduler.submit(Request(pairs.shared, [tails[key] for key in missing]))
        memory: tuple[Notice, ...] = ()
        values = {key: value for key, value in known.items() if value is not None}
        if job is not None:
            scored, memory = self._scheduler.wait(job, stopped)
            new = dict(zip(missing, scored, strict=True))
            self.cache.put(new)
            values.update(new)
        return pairs, [values[key] for key in keys], memory


def _sigmoid(value: float) -> float:
    """The logistic function without overflow."""
    if value >= 0:
        return 1 / (1 + math.exp(-value))
    return math.exp(value) / (1 + math.exp(value))
