"""What stands in for a reranker that could not be loaded, so that the rest goes on with its fallback."""

from collections.abc import Sequence

from rerank.errors import RerankError, RerankerUnavailable
from rerank.prompt import MAX_TOKENS
from rerank.protocols import Stopped, never
from rerank.types import Scores


class UnavailableReranker:
    """Fails every call with what loading failed with; its self-test therefore fails too."""

    max_tokens = MAX_TOKENS

    def __init__(self, identity: str, error: RerankError) -> None:
        self.identity = identity
        self._error = error

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        """Raises ``RerankerUnavailable`` with the reason."""
        raise RerankerUnavailable(str(self._error)) from self._error
