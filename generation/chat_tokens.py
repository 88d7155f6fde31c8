"""Messages become token ids without letting their text write control tokens."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from generation.errors import GenerationError
from generation.types import Message

Turn = dict[str, str]
"""A message as chat templates read it: role and content."""


_SPELLED = re.compile(
    r"(?:<(?=\|[^|<>\s]{1,40}\|>|｜[^｜<>\s]{1,40}｜>|/?think>|/?tool_call>|/?tool_response>"
    r"|(?:start|end)_of_turn>|</?SYS>>)|\[(?=/?INST\]))"
)


def broken_up(text: str) -> str:
    """The text with a space behind the first character of whatever chat formats spell control tokens with.

    For text that goes to a tokenizer we do not hold: servers read ``<|im_end|>`` in a message as the end of
    the turn. Spellings are those of ChatML, Qwen, DeepSeek, Gemma and Llama 2.
    """
    return _SPELLED.sub(lambda found: f"{found[0]} ", text)


class ChatTokens:
    """Encodes conversations in a model's chat format, in which only the format itself makes control tokens.

    A chat template writes one string, so a ``<|im_end|>`` inside a document would end the turn. Here the
    template is filled with placeholders and cut where it writes control tokens; the messages stand in the
    text between, and every control token spelled out in that text is broken up before it is encoded. For
    messages without such spellings the ids equal those of ``tokenizer.apply_chat_template``, unless the
    template trims messages.

    Args:
        render: fills the chat template with turns and opens the assistant's turn.
        encode: plain text to token ids, without control tokens at the start or end.
        control: the spelling of every added token, and its id.
    """

    def __init__(
        self,
        *,
        render: Callable[[list[Turn]], str],
        encode: Callable[[str], list[int]],
        control: Mapping[str, int],
    ) -> None:
        self._render = render
        self._encode = encode
        self._control = {token: token_id for token, token_id in control.items() if token}
        longest_first = sorted(self._control, key=lambda token: (-len(token), token))
        self._spelled = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """The ids of a conversation, up to and including the opening of the assistant's turn.

        Raises ``GenerationError`` when the template does not write each message once and in order.
        """
        ids: list[int] = []
        text = ""
        for part, is_control in self._parts(messages):
            if is_control:
                ids += self._plain(text)
                ids.append(self._control[part])
                text = ""
            else:
                text += part
        return ids + self._plain(text)

    def _parts(self, messages: Sequence[Message]) -> Iterator[tuple[str, bool]]:
        """The conversation in pieces: (control token, True) or (text, False)."""
        places = [f"@message-{i}@" for i in range(len(messages))]
        turns = [{"role": m.role, "content": place} for m, place in zip(messages, places, strict=True)]
        frame = self._render(turns)
        for message, place in zip(messages, places, strict=True):
            before, found, frame = frame.partition(place)
            if not found or place in frame:
                raise GenerationError(
                    "this model's chat template does not write every message once and in order, so its "
                    "prompts cannot be built safely; choose another instruct model"
                )
            yield from self._cut(before)
            yield message.content, False
        yield from self._cut(frame)

    def _cut(self, frame: str) -> Iterator[tuple[str, bool]]:
        position = 0
        for match in self._spelled.finditer(frame):
            yield frame[position : match.start()], False
            yield match[0], True
            position = match.end()
        yield frame[position:], False

    def _plain(self, text: str) -> list[int]:
        """The ids of text, with each control token spelled in it encoded as two pieces that are none."""
        ids: list[int] = []
        start = 0
        while match := self._spelled.search(text, start):
            ids += self._encode(text[start : match.start() + 1])
            start = match.start() + 1
        return ids + (self._encode(text[start:]) if start < len(text) else [])
