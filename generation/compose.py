"""Chosen units become the text of an answer, piece by piece, each with its mark."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Literal

from generation.excerpts import Excerpt
from generation.markup import cells
from generation.render import one_line, render
from generation.units import Unit
from retrieval.analysis import detect_language
from retrieval.types import Language, Passage

Role = Literal["first", "further", "nearest"]

_NUMBER = re.compile(r"[(（]?(\d+)")
SHORT_LINE = 30
"""Characters up to which a line without an end is a name rather than a statement."""

_ENDED = re.compile(r"[.!?:;,。！？：；，、…]['\"”’」』)）]*$")
_COLON = re.compile(r"[:：]$")
_WORD = re.compile(r"\w")
_LATIN_END = re.compile(r"[!-~]$")
_LATIN_WORD = re.compile(r"[A-Za-z]{2}")
_HAN = re.compile("[\u3400-\u9fff]")
_QUESTION_LABEL = re.compile(r"^\s*(?:Q|问)\s*\d{0,3}\s*[：:.、]\s*", re.I)


def compose(
    excerpts: Sequence[Excerpt], language: Language, *, nearest: bool = False, introduced: bool = True
) -> Iterator[str]:
    """The pieces of an answer in Markdown; they concatenate to it.

    Each excerpt is introduced by the name of its document, in the language of the question. A mark stands at
    the end of every run of sentences, items or rows that follow each other in the passage, below a table and
    below a code block; words that end in a colon share the mark of what they announce. Headings inside an
    excerpt are bold lines. ``nearest`` introduces the text as the nearest one instead of an answer. Without
    ``introduced`` no document is named.
    """
    begun = False
    for place, excerpt in enumerate(excerpts):
        if introduced and not (excerpt.continues or (place and _same_section(excerpts[place - 1], excerpt))):
            role: Role = "nearest" if nearest else "further" if place else "first"
            yield ("\n\n" if place else "") + _introduction(excerpt, role, language)
        before: Unit | None = None
        excerpt = replace(excerpt, units=_lines_as_items(excerpt.units))
        for unit, following in zip(excerpt.units, [*excerpt.units[1:], None], strict=True):
            shown = _shown(excerpt, unit, before, following)
            yield shown if introduced or begun else shown.lstrip("\n")
            before, begun = unit, True


def _same_section(before: Excerpt, excerpt: Excerpt) -> bool:
    documents = {each.passage.chunk.document_id for each in (before, excerpt)}
    return len(documents) == 1 and before.heading == excerpt.heading != ""


def _lines_as_items(units: Sequence[Unit]) -> tuple[Unit, ...]:
    """Short lines without an end that follow each other are items of a list, though nothing marks them."""
    items: list[Unit] = []
    for is_line, run in groupby(units, _is_line):
        members = list(run)
        if is_line and len(members) > 1:
            members = [replace(unit, kind="item", marker="-", block=members[0].block) for unit in members]
        items += members
    return tuple(items)


def _is_line(unit: Unit) -> bool:
    return unit.kind == "sentence" and len(unit.shown) <= SHORT_LINE and not _ENDED.search(unit.shown)


def _introduction(excerpt: Excerpt, role: Role, language: Language) -> str:
    chunk = excerpt.passage.chunk
    title = _QUESTION_LABEL.sub("", one_line(chunk.title or chunk.document)).strip("《》")
    section = _QUESTION_LABEL.sub("", one_line(excerpt.heading)).rstrip(".:：")
    words = " ".join(unit.shown for unit in excerpt.units if unit.kind != "code")
    return render(
        "source",
        language,
        role=role,
        title=title,
        section="" if section == title else section,
        foreign=_is_foreign(words, language),
    )


def _is_foreign(words: str, language: Language) -> bool:
    """Whether the words are in the other language; names and addresses in a Chinese text are not."""
    if language == "zh":
        return bool(_LATIN_WORD.search(words)) and not _HAN.search(words)
    return detect_language(words) == "zh"


def _shown(excerpt: Excerpt, unit: Unit, before: Unit | None, following: Unit | None) -> str:
    """A unit with what stands between it and the one before, and its mark where a run ends."""
    mark = f"[{excerpt.passage.number}]"
    if unit.kind == "heading":
        return f"\n\n**{one_line(unit.shown)}**"
    if unit.kind == "code":
        return f"\n\n{unit.shown}\n{mark}"
    beside = [other for other in excerpt.units if other.block == unit.block]
    if unit.kind == "row" and len(unit.header) > 1 and len(beside) > 1:
        return _table_line(excerpt, unit, first=before not in beside) + (
            "" if following in beside else f"\n\n{mark}"
        )
    if _runs_on(excerpt.passage, unit, following):
        mark = ""
    space = " " if mark and _LATIN_END.search(unit.shown) and not _HAN.search(unit.shown) else ""
    bullet = _bullet(unit, unit.depth - min(other.depth for other in beside)) if len(beside) > 1 else ""
    return _seam(unit, before) + bullet + unit.shown + space + mark


def _table_line(excerpt: Excerpt, unit: Unit, *, first: bool) -> str:
    """A row in Markdown, the first one below its column names."""
    width = len(unit.header)
    values = (cells(excerpt.passage.text[unit.start : unit.end]) + [""] * width)[:width]
    head = f"\n\n{_table_row(unit.header)}\n{_table_row(['---'] * width)}" if first else ""
    return f"{head}\n{_table_row(values)}"


def _runs_on(passage: Passage, unit: Unit, following: Unit | None) -> bool:
    """Whether the next unit shares this one's mark: it follows in the passage, or is what this announces."""
    if following is None or following.kind == "heading":
        return False
    if following.block != unit.block:
        return bool(_COLON.search(unit.shown))
    return not _WORD.search(passage.text, unit.end, following.start)


def _seam(unit: Unit, before: Unit | None) -> str:
    if before is None:
        return "\n\n"
    if before.block != unit.block:
        return "\n" if before.kind == unit.kind == "item" else "\n\n"
    if unit.kind == "sentence" and before.kind in ("sentence", "item"):
        return " " if _LATIN_END.search(before.shown) else ""
    return "\n"


def _bullet(unit: Unit, level: int) -> str:
    """The list marker in Markdown's spelling, indented by level; 第一步 and the like are words and stay."""
    if unit.kind == "row":
        return "- "
    if unit.kind != "item":
        return ""
    indent = "   " * min(level, 3)
    if not unit.ordered:
        return f"{indent}- "
    number = _NUMBER.match(unit.marker)
    return f"{indent}{number[1]}. " if number else f"{indent}- {unit.marker} "


def _table_row(values: Sequence[str]) -> str:
    return "| " + " | ".join(value.replace("|", "\\|") for value in values) + " |"
