"""The roles of generation."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from generation.types import Message, Prompt, Sampling

Stopped = Callable[[], bool]


def never() -> bool:
    """The ``stopped`` of a caller that does not stop."""
    return False


class Generator(Protocol):
    """Writes an answer from a prompt."""

    @property
    def identity(self) -> str:
        """Model, revision and dtype in one string."""

    @property
    def context_tokens(self) -> int:
        """The most tokens prompt and answer may have together."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """How many tokens the messages have in this model's prompt format."""

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """The answer piece by piece, in whole characters (never half a code point).

        ``stopped`` is polled at every token; once true the stream ends. Raises ``GenerationError``.
        Raises ``Truncated`` at its end when ``sampling.max_tokens`` cut the answer off.
        """
