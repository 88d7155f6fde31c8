"""The three models of a running instance, with what the user must know about them."""

from dataclasses import dataclass
from typing import Literal

from generation.protocols import Generator
from rerank.guarded import GuardedReranker
from retrieval.protocols import Embedder
from retrieval.types import Notice


@dataclass(frozen=True, slots=True)
class Models:
    """``profile`` is the one that runs, ``reason`` says why. ``notices`` go with every answer.

    ``rewrites``: the generator can write a question anew; one that only quotes cannot.

    The ``reranker`` knows whether it may be trusted, and who judges where it may not.
    """

    profile: Literal["qwen", "starter", "remote"]
    reason: Notice
    embedder: Embedder
    reranker: GuardedReranker
    generator: Generator
    rewrites: bool = False
    notices: tuple[Notice, ...] = ()
