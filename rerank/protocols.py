"""The role of reranking."""

from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from rerank.types import Scores
from retrieval.types import Notice

Stopped = Callable[[], bool]


def never() -> bool:
    """The ``stopped`` of a caller that does not stop."""
    return False


class Reranker(Protocol):
    """Judges how well each passage meets the instruction for the query."""

    @property
    def identity(self) -> str:
        """Model, revision and dtype in one string: equal identities give equal scores."""

    @property
    def max_tokens(self) -> int:
        """The longest query-passage pair the model reads; longer passages lose their end, with a notice."""

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """Relevance in 0..1 per passage, in the order given, independent of the other passages.

        An empty instruction means the model's default. ``stopped`` is polled between batches; once it is true
        the call raises ``RerankStopped``. Raises ``RerankError`` when the model cannot score.
        """


@runtime_checkable
class HasDevice(Protocol):
    """A reranker that computes on this machine and knows on what."""

    @property
    def device(self) -> str:
        """``cpu``, ``cuda`` or another type of torch device."""


@runtime_checkable
class HasNotices(Protocol):
    """A reranker that knows what about it is slower than it could be."""

    @property
    def notices(self) -> tuple[Notice, ...]:
        """What the user may want to know once, not with every answer."""
