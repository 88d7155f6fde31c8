"""How many tokens a text has, where no tokenizer is at hand."""

import re
from collections.abc import Sequence

from generation.types import Message

_TOKEN = re.compile(r"[A-Za-z]{1,4}|\n+|\S")
_MESSAGE_TOKENS = 5
"""What a chat format adds to each message (ChatML: two control tokens, the role, two line ends)."""


def estimate_tokens(text: str) -> int:
    """An estimate that is rather too high than too low for byte-level BPE vocabularies of Qwen's size.

    Each started group of 4 Latin letters counts 1, each other character that is not a space 1. Qwen's
    documentation gives 3 to 4 English and 1.5 to 1.8 Chinese characters a token (Key Concepts,
    qwen.readthedocs.io).
    """
    return sum(1 for _ in _TOKEN.finditer(text))


def estimate_message_tokens(messages: Sequence[Message]) -> int:
    """The same for a conversation, with what a chat format adds to each message."""
    return sum(estimate_tokens(message.content) + _MESSAGE_TOKENS for message in messages)


def first_tokens(text: str, limit: int) -> str:
    """The longest beginning of a text that ends with a token and has at most ``limit`` of them."""
    end = 0
    for count, match in enumerate(_TOKEN.finditer(text), start=1):
        if count > limit:
            return text[:end]
        end = match.end()
    return text
