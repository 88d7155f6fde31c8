"""An embedder that a test can hold up, take away and listen to."""

import threading
from collections.abc import Sequence

from retrieval.errors import ModelUnavailable
from retrieval.protocols import Embedder, Vectors
from retrieval.types import Notice


class SwitchEmbedder:
    """Passes on to a real embedder what it was asked, unless it is ``away``; waits while it is ``held``."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._open = threading.Event()
        self._open.set()
        self.entered = threading.Event()
        self.away = False
        self.name = embedder.identity
        self.texts: list[str] = []

    @property
    def identity(self) -> str:
        return self.name

    @property
    def dim(self) -> int:
        return self._embedder.dim

    def hold(self) -> None:
        """Let the next call wait until ``release``; ``entered`` tells when it has come."""
        self.entered.clear()
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._embedder.embed_queries(texts)

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.entered.set()
        self._open.wait(30)
        if self.away:
            raise ModelUnavailable("the embedding server does not answer; start it again")
        self.texts += texts
        return self._embedder.embed_passages(texts)

    def drain_notices(self) -> tuple[Notice, ...]:
        return self._embedder.drain_notices()
