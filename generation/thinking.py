"""Removes the thoughts that thinking models write before their answer."""

from collections.abc import Iterator

from generation.errors import GenerationError

OPEN, CLOSE = "<think>", "</think>"


def without_thoughts(pieces: Iterator[str]) -> Iterator[str]:
    """The pieces without ``<think>…</think>`` blocks at the start of the text and the white space after them.

    Tags may be split over pieces. Only blocks at the very start are thoughts; the same tags inside an answer
    (one about prompt formats, say) are text. A block that never closes swallows everything. A
    ``GenerationError`` of ``pieces`` passes through after the text that came before it.
    """
    held, thought = "", False
    try:
        for piece in pieces:
            held, thought, answering = _without_blocks(held + piece, thought)
            if answering:
                yield held
                held = ""
                yield from pieces
                return
    except GenerationError:
        if held and not held.startswith(OPEN):
            yield held
        raise
    if held and not held.startswith(OPEN):
        yield held


def _without_blocks(text: str, thought: bool) -> tuple[str, bool, bool]:
    """What is left to show or to hold, whether there was a thought, and whether the answer has begun."""
    while True:
        start = text.lstrip()
        if start.startswith(OPEN):
            end = start.find(CLOSE)
            if end < 0:
                # Of an open thought only the possible beginning of the closing tag matters.
                return OPEN + start[len(OPEN) :][1 - len(CLOSE) :], thought, False
            text, thought = start[end + len(CLOSE) :], True
        else:
            return start if thought else text, thought, not OPEN.startswith(start)
