"""Citation marks inside an answer: where they stand and which numbers they name."""

import re
from dataclasses import dataclass

_NUMBER = r"[1-9１-９][0-9０-９]?"
_MARK = re.compile(
    rf"(?<!\\)[\[［【]\s*\^?({_NUMBER}(?:\s*[,，、;；]\s*\^?{_NUMBER})*)\s*[\]］】](?!\()"
)
_FENCED = re.compile(
    r"^[ \t]*(?P<fence>`{3,}|~{3,})[^\n]*\n.*?(?:^[ \t]*(?P=fence)[`~]*[ \t]*$|\Z)", re.M | re.S
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
    fenced = [match.span() for match in _FENCED.finditer(text)]
    code = fenced + [match.span() for match in _INLINE.finditer(text) if not _inside(match.start(), fenced)]
    return [
        Mark(match.start(), match.end(), tuple(int(n) for n in re.findall(_NUMBER, match[1])))
        for match in _MARK.finditer(text)
        if not _inside(match.start(), code)
    ]


def fenced_spans(text: str) -> list[tuple[int, int]]:
    """The fenced code blocks of a text, fences included; an open one reaches to the end."""
    return [match.span() for match in _FENCED.finditer(text)]


def escape_marks(text: str) -> str:
    r"""The text with everything that would read as a mark escaped for Markdown: ``[3]`` becomes ``\[3\]``."""
    for mark in reversed(find_marks(text)):
        inner = text[mark.start + 1 : mark.end - 1]
        text = rf"{text[:mark.start]}\[{inner}\]{text[mark.end:]}"
    return text


def _inside(position: int, spans: list[tuple[int, int]]) -> bool:
    return any(start <= position < end for start, end in spans)
