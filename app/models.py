"""The three models of a running instance, with what the user must know about them."""

from dataclasses import dataclass
from typing import Literal

from generation.protocols import Generator
from rerank.protocols import Reranker
from retrieval.protocols import Embedder
from retrieval.types import Notice


@dataclass(frozen=True, slots=True)
class Models:
    """``profile`` is the one that runs, ``reason`` says why. ``reranker`` is None when its self-test failed.

    ``floor``: relevance (0..1) below which this reranker's passages are no evidence. ``notices`` go with
    every answer.
    """

    profile: Literal["qwen", "starter", "remote"]
    reason: Notice
    embedder: Embedder
    reranker: Reranker | None
    generator: Generator
    floor: float
    notices: tuple[Notice, ...] = ()
