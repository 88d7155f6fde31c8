"""The role of reranking."""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from rerank.types import PassageIds, Scores
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


class TokenStore(Protocol):
    """Keeps token ids of passages beyond the life of a process. Called from many threads."""

    def get(self, tokenizer: str, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """What is stored for this tokenizer under these keys, as it was packed; nothing where reading fails.

        One look-up for all keys: it stands in the way of every question.
        """

    def replace(self, tokenizer: str, packed: Mapping[bytes, bytes]) -> None:
        """Write these in place of what is stored under their keys; what is not stored stays so."""


class PassageTokenizer(Protocol):
    """Makes the token ids that a reranker reads of passages, ahead of the questions."""

    @property
    def tokenizer_identity(self) -> str:
        """Equal identities give equal ids to every text; ids of another one mean nothing here."""

    def token_ids(self, passages: Sequence[str]) -> list[PassageIds]:
        """Ids of passages as ``score`` reads them, in the order given, for a store."""


@runtime_checkable
class HasTokenizer(PassageTokenizer, Protocol):
    """A reranker that reads token ids, which can be made and stored ahead of the questions."""

    def read_from(self, store: TokenStore) -> None:
        """Look for ids of passages in this store from now on, before tokenising."""
