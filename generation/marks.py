"""Citation marks inside an answer: where they stand and which numbers they name."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

_NUMBER = r"[1-9１-９][0-9０-９]?"
_MARK = re.compile(
    rf"(?<!\\)[\[［【]\s*\^?({_NUMBER}(?:\s*[,，、;；]\s*\^?{_NUMBER})*)\s*[\]］】](?!\()"
)
_FENCED = re.compile(
    r"^[ \t]*(?P<fence>`{3,}+|~{3,}+)[^\n]*+\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)", re.M | re.S
)
_INLINE = re.compile(r"(?<![\\`])(?P<ticks>`+)(?!`)(?:(?!\n\s*\n).)+?(?<!`)(?P=ticks)(?!`)", re.S)


@dataclass(frozen=True, slots=True)
class Mark:
    """``text[start:end]`` is one mark, ``[1]`` or ``[1, 2]``; ``numbers`` in the order written."""

    start: int
    end: int
    numbers: tuple[int, ...]


def find_marks(text: str) -> list[Mark]:
    """The citation marks of an answer, in order.

    Square, full-width and lenticular brackets count, with one or two digits each (``[2016]`` is a year),
    Markdown footnotes too. Brackets in code, after a backslash, or that begin a link are text.
    """
    fenced = fenced_spans(text)
    blocks = _Spans(fenced)
    inline = [match.span() for match in _INLINE.finditer(text) if match.start() not in blocks]
    code = _Spans(fenced + inline)
    return [
        Mark(match.start(), match.end(), tuple(int(n) for n in re.findall(_NUMBER, match[1])))
        for match in _MARK.finditer(text)
        if match.start() not in code
    ]


def fenced_spans(text: str) -> list[tuple[int, int]]:
    """The fenced code blocks of a text, fences included; an open one reaches to the end."""
    return [match.span() for match in _FENCED.finditer(text)]


def escape_marks(text: str) -> str:
    r"""The text with everything that would read as a mark escaped for Markdown: ``[3]`` becomes ``\[3\]``."""
    pieces, done = [], 0
    for mark in find_marks(text):
        pieces += [text[done : mark.start], rf"\[{text[mark.start + 1 : mark.end - 1]}\]"]
        done = mark.end
    return "".join([*pieces, text[done:]])


class _Spans:
    """Stretches of a text, which may overlap; ``in`` tells whether a place lies in one of them."""

    def __init__(self, spans: Sequence[tuple[int, int]]) -> None:
        ordered = sorted(spans)
        self._starts = [start for start, _ in ordered]
        self._reach = list(accumulate((end for _, end in ordered), max))

    def __contains__(self, place: int) -> bool:
        before = bisect_right(self._starts, place)
        return before > 0 and place < self._reach[before - 1]
