"""The sentences of a passage, also where a PDF has broken its lines."""

import re
from itertools import pairwise

from retrieval.sentences import sentence_spans
from retrieval.types import Passage

_CLOSED = re.compile(r"[.!?:;。！？：；…|>]['\"”’)\]）】》*_`]*\s*$")
_NEW_ITEM = re.compile(r"\s*(?:[-*+•·]\s|\d{1,3}[.)、．]|[(（]\d{1,3}[)）]|[#|>]|```|~~~|第.{1,4}[章节条款])")
_FULL_LINE = 0.75
"""A line this long against the passage's longest was broken for want of room, not because something ended."""


def sentences(text: str) -> list[tuple[int, int]]:
    """The sentences of Markdown as offsets: ``sentence_spans``, except that a table row is one sentence."""
    spans: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        first = spans[-1][0] if spans else start
        if spans and text[first] == "|" and "\n" not in text[first:start]:
            spans[-1] = (first, end)
        else:
            spans.append((start, end))
    return spans


def passage_spans(passage: Passage) -> list[tuple[int, int]]:
    """The sentences of ``passage.text`` as offsets, in order; broken lines of a PDF are read as one sentence.

    Only passages with pages have broken lines: Markdown and plain text end a line where they mean it.
    """
    text = passage.text
    return sentences(unwrapped(text) if passage.chunk.pages else text)


def unwrapped(text: str) -> str:
    """The text with line ends that only break a sentence turned into tabs; every offset stays the same."""
    lines = text.split("\n")
    full = _FULL_LINE * max(map(len, lines))
    joined = [lines[0]]
    for line, following in pairwise(lines):
        ended = len(line) < full or _CLOSED.search(line) or line.lstrip().startswith(("#", "|"))
        begins = not following.strip() or _NEW_ITEM.match(following) or " | " in line + following
        joined += ["\n" if ended or begins else "\t", following]
    return "".join(joined)
