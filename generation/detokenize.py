"""Token ids become text piece by piece, never half a character."""

from collections.abc import Callable, Sequence

REPLACEMENT = "\ufffd"
"""What decoders write for bytes that are no character (yet)."""


class Detokenizer:
    """Decodes a growing list of tokens; the pieces concatenate to the decoding of all tokens at once.

    ``decode`` turns token ids into text. The tokens of the piece before are decoded again with each new one,
    because some tokenizers (SentencePiece) write a token differently at the start of a text; so the work per
    token does not grow with the answer. Same scheme as ``detokenize_incrementally`` of vLLM and the streaming
    of text-generation-inference.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._before: list[int] = []
        self._pending: list[int] = []

    def push(self, token: int) -> str:
        """The text that became certain with this token; empty while a character is incomplete."""
        self._pending.append(token)
        text = self._text()
        if not text or text.endswith(REPLACEMENT):
            return ""
        self._before, self._pending = self._pending, []
        return text

    def finish(self) -> str:
        """What was held back: the replacement characters of bytes that never became a character."""
        text = self._text() if self._pending else ""
        self._before, self._pending = [], []
        return text

    def _text(self) -> str:
        known = self._decode(self._before) if self._before else ""
        return self._decode([*self._before, *self._pending])[len(known) :]
