"""A passage in pieces that can be quoted: sentences, list items, table rows, code blocks."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from generation.markup import cells, plain
from generation.spans import sentences, unwrapped
from retrieval.types import Passage

UnitKind = Literal["heading", "sentence", "item", "row", "code"]

LONG_ITEM = 200
"""Characters from which a list item is quoted by the sentence."""

PAGED_LEVEL = 6
"""The level of headings whose rank is not written."""
QUESTION_LEVEL = 7
"""The level of questions in a list of questions and answers, and of bold lines: below every real heading."""
LONGEST_RUN_IN = 24
"""Characters up to which a first sentence only labels the next ("Symptom.", "Yes.", **原因。**)."""

_FENCE = re.compile(r"\s*(?:>\s*)*(`{3,}|~{3,})")
_HEADING = re.compile(r"\s{0,3}#{1,6}\s+\S")
_ROW = re.compile(r"\s*(?:>\s*)*\|.*\|")
_RULE_ROW = re.compile(r"[\s>|:]*+-[\s>|:\-]*+$")
_BARE_ROW = re.compile(r"\s*[^|\s][^|]*(?: \| [^|]*)+$")
_NUMBERED_HEADING = re.compile(
    r"\s*(?:第[一二三四五六七八九十百\d]{1,4}[章节条部]|\d{1,2}(?:\.\d{1,2}){1,3}\s)(?=.{1,40}$)[^。！？；，,;:：|]*$"
)
_SHELL_LINE = re.compile(r"\s*(?=[a-z][\w./-]*\s)(?=.*(?:\s--?[a-zA-Z]|\s#\s)).*\|")
_RULE = re.compile(r"[\s>*_\-]+$")
_NUMBERED = (
    r"\d{1,2}(?:[)、．，](?!\d)|\.(?=\s|[\u3400-\u9fff`]))|[(（]\d{1,2}[)）]"
    r"|[一二三四五六七八九十]{1,3}[、．]|第[一二三四五六七八九十\d]{1,3}步[：:，、]?"
    r"|步骤\s*[一二三四五六七八九十\d]{1,3}[：:.、]?|Step\s+\d{1,2}[：:.]?"
)
_ITEM = re.compile(
    rf"(?P<indent>[\s\u200b]*(?:>\s*)*)(?:[AQ答问]\s*[：:]\s*)?"
    rf"(?P<marker>{_NUMBERED}|[-*+](?=\s)|[•·])[ \t]*(?=\S)"
)
_QUESTION_OR_ANSWER = re.compile(r"\s*(?:(?P<question>(?:Q|问)\s*\d{0,3})|(?:A|答)\s*\d{0,3})\s*[：:.、]\s*")
_CLOSED = re.compile(r"[.!?:;。！？：；…]['\"”’)）】*_`]*\s*$")
_HAN = re.compile("[\u3400-\u9fff]")
_INDENT = " \t\u200b"
_REFERS_BELOW = re.compile(
    r"(?:如下|以下|下列|下表)(?!图)[^。]{0,12}[。.]?$|下列(?:标准|比例|金额|额度|限额|费率|价格|期限)|(?:按|见|参[见照]|依照|根据)[^。，]{0,4}下表"
    r"|as follows[.]?$|following\b.{0,40}[.]?$|\b(?:table|list|steps) below\b|\bbelow[.]?$",
    re.I,
)
_ANNOUNCES = re.compile(r"[:：]$")
_LABEL_LINE = re.compile(
    r"\s*(?P<mark>\*\*|__)(?=\S)[^*_\n。！？!?，,;；]{1,40}?(?:[:：]|(?<![\u3400-\u9fff])\.)?(?P=mark)"
    r"[ \t]*[:：]?\s*"
)
_RUN_IN = re.compile(r"(?:[A-Za-z'’-]+ ){0,2}[A-Za-z'’-]+[.:!]|(?P<mark>\*\*|__)[^*_]+[.:。：？?](?P=mark)")


@dataclass(frozen=True, slots=True)
class Unit:
    """``text[start:end]`` of a passage's text, quotable by itself.

    ``block`` is shared by the units of one paragraph, list or table, ``depth`` is the indentation of an
    item, ``marker`` what it starts with (``-``, ``1.``), ``header`` the column names of a row. ``shown``
    is the unit as an answer shows it: words without markup, except code, which keeps its fences.
    """

    kind: UnitKind
    start: int
    end: int
    block: int
    shown: str
    depth: int = 0
    marker: str = ""
    header: tuple[str, ...] = ()

    @property
    def ordered(self) -> bool:
        """Whether this is a step of a numbered list."""
        return bool(self.marker) and self.marker[0] not in "-*+•·"

    @property
    def announces(self) -> bool:
        """Whether what follows belongs to it: it ends in a colon or says so."""
        return bool(_ANNOUNCES.search(self.shown)) or self.refers_below

    @property
    def refers_below(self) -> bool:
        """Whether it names a list or table that follows, maybe only after the rest of its paragraph."""
        return self.kind in ("sentence", "item") and bool(_REFERS_BELOW.search(self.shown))


@dataclass(frozen=True, slots=True)
class _Line:
    start: int
    end: int
    text: str
    kind: UnitKind


def split_units(passage: Passage) -> list[Unit]:
    """The units of a passage in reading order; pieces without words (images, rules) are left out.

    In passages with pages, which come without Markdown, numbered short lines and the chunk's own headings are
    headings, and lines with `` | `` between their cells are table rows.
    """
    paged = bool(passage.chunk.pages)
    text = unwrapped(passage.text) if paged else passage.text
    headings = frozenset(passage.chunk.headings) if paged else frozenset[str]()
    lines: list[_Line] = []
    position = 0
    for line in text.split("\n"):
        kind = _kind(line)
        if kind == "sentence" and paged:
            kind = _paged_kind(line, headings)
        lines.append(_Line(position, position + len(line), line, kind))
        position += len(line) + 1
    return [unit for unit in _scan(text, lines) if re.search(r"\w", unit.shown)]


def row_line(header: Sequence[str], values: Sequence[str]) -> str:
    """A table row as one line: each value after its column's name, empty cells left out.

    With two columns, the second value after the first.
    """
    columns = zip_longest(header, values[: len(header) or None], fillvalue="")
    named = [(name, value) for name, value in columns if value]
    if len(header) == len(named) == 2:
        named = [(named[0][1], named[1][1])]
    chinese = bool(_HAN.search("".join(name + value for name, value in named)))
    colon, semicolon = ("：", "；") if chinese else (": ", "; ")
    return semicolon.join(f"{name}{colon}{value}" if name else value for name, value in named)


def _scan(text: str, lines: list[_Line]) -> Iterator[Unit]:
    """Blocks in order; items of one list share a block also across blank lines and indented paragraphs."""
    i = block = 0
    in_list = False
    while i < len(lines):
        line = lines[i]
        if not line.text.strip():
            i += 1
            continue
        if not (in_list and (line.kind == "item" or line.text[0] in _INDENT)):
            block += 1
            in_list = line.kind == "item"
        last = _last_line(lines, i)
        yield from _units(text, lines[i : last + 1], block)
        i = last + 1


def _kind(line: str) -> UnitKind:
    """What a line begins."""
    if _FENCE.match(line):
        return "code"
    if _HEADING.match(line) or _LABEL_LINE.fullmatch(line):
        return "heading"
    if _ROW.match(line):
        return "row"
    return "item" if _ITEM.match(line) and not _RULE.match(line) else "sentence"


def _paged_kind(line: str, headings: frozenset[str]) -> UnitKind:
    """What a line of a PDF begins that is neither list nor Markdown."""
    if line.strip() in headings or _NUMBERED_HEADING.match(line):
        return "heading"
    return "row" if _BARE_ROW.match(line) else "sentence"


def _last_line(lines: list[_Line], first: int) -> int:
    """The index of the last line of the block that begins at ``first``."""
    kind = lines[first].kind
    if kind == "heading":
        return first
    fence = _FENCE.match(lines[first].text)
    last = first
    for i in range(first + 1, len(lines)):
        text = lines[i].text
        if fence:
            if re.fullmatch(rf"\s*(?:>\s*)*{re.escape(fence[1])}[`~]*\s*", text):
                return i
        elif (
            not text.strip()
            or _RULE.match(text)
            or lines[i].kind != ("row" if kind == "row" else "sentence")
            or (kind == "item" and _ended(lines[i - 1].text, text))
        ):
            break
        last = i
    return last


def _ended(line: str, following: str) -> bool:
    """Whether a list item is over: its sentence is, and the next line is not indented."""
    return bool(_CLOSED.search(line)) and following[0] not in _INDENT


def _units(text: str, lines: list[_Line], block: int) -> Iterator[Unit]:
    start, end, kind = lines[0].start, lines[-1].end, lines[0].kind
    if kind == "heading":
        marks = re.match(r"\s*(#*)", text[start:end])
        level = QUESTION_LEVEL if _LABEL_LINE.match(text, start, end) else PAGED_LEVEL
        level = len(marks[1]) if marks and marks[1] else level
        yield Unit("heading", start, end, block, plain(text[start:end]), depth=level)
    elif kind == "code":
        yield Unit("code", start, end, block, text[start:end].strip("\n"))
    elif kind == "row" and any(_SHELL_LINE.match(line.text) for line in lines):
        yield Unit("code", start, end, block, f"```\n{text[start:end]}\n```")
    elif kind == "row":
        yield from _rows(lines, block)
    elif kind == "item":
        yield from _item(text, start, end, block)
    else:
        yield from _sentences(text, start, end, block, _depth(lines[0].text))


def _rows(lines: list[_Line], block: int) -> Iterator[Unit]:
    """Rows with their column names; those of a PDF are its first line, where the passage holds it."""
    ruled = len(lines) > 1 and bool(_RULE_ROW.match(lines[1].text))
    bare = len(lines) > 1 and lines[0].start > 0 and bool(_BARE_ROW.match(lines[0].text))
    header = tuple(cells(lines[0].text)) if ruled or bare else ()
    for line in lines[1 if header else 0 :]:
        if not _RULE_ROW.match(line.text):
            yield Unit("row", line.start, line.end, block, row_line(header, cells(line.text)), header=header)


def _item(text: str, start: int, end: int, block: int) -> Iterator[Unit]:
    match = _ITEM.match(text, start, end)
    if match is None:
        return
    marker = match["marker"].strip()
    depth = _depth(match["indent"])
    shown = plain(text[match.end() : end])
    if len(shown) <= LONG_ITEM:
        yield Unit("item", start, end, block, shown, depth, marker)
        return
    spans = _labelled_sentences(text, match.end(), end)
    left, right = spans[0]
    yield Unit("item", start, right, block, plain(text[left:right]), depth, marker)
    for left, right in spans[1:]:
        yield Unit("sentence", left, right, block, plain(text[left:right]), depth)


def _sentences(text: str, start: int, end: int, block: int, depth: int) -> Iterator[Unit]:
    """Sentences of a paragraph. ``Q: …`` is a heading to what follows, ``A:`` is left out."""
    label = _QUESTION_OR_ANSWER.match(text, start, end)
    if label and label["question"]:
        yield Unit("heading", start, end, block, plain(text[start:end]), depth=QUESTION_LEVEL)
        return
    start = label.end() if label else start
    for left, right in _labelled_sentences(text, start, end):
        if not _RULE.match(text[left:right]):
            yield Unit("sentence", left, right, block, plain(text[left:right]), depth)


def _labelled_sentences(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Sentences, the first together with the second where it only labels it."""
    spans = [(left + start, right + start) for left, right in sentences(text[start:end])]
    if len(spans) > 1:
        (left, right), (_, last) = spans[:2]
        if right - left <= LONGEST_RUN_IN and _RUN_IN.fullmatch(text, left, right):
            spans[:2] = [(left, last)]
    return spans


def _depth(line: str) -> int:
    """The level of indentation: two columns make a level, and so does a quote mark."""
    indent = line[: len(line) - len(line.lstrip(" \t>\u200b"))].replace("\u200b", "").replace(">", "  ")
    return len(indent.expandtabs(4)) // 2
