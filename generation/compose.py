"""Chosen units become the text of an answer, piece by piece, each with its mark."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

from generation.choose import Excerpt
from generation.markup import cells
from generation.render import one_line, render
from generation.units import Unit
from retrieval.analysis import detect_language
from retrieval.types import Language

Role = Literal["first", "further", "nearest"]

_NUMBER = re.compile(r"[(（]?(\d+)")
_LATIN_END = re.compile(r"[!-~]$")
_LATIN_WORD = re.compile(r"[A-Za-z]{2}")
_HAN = re.compile("[\u3400-\u9fff]")
_QUESTION_LABEL = re.compile(r"^\s*(?:Q|问)\s*\d{0,3}\s*[：:.、]\s*", re.I)


def compose(excerpts: Sequence[Excerpt], language: Language, *, nearest: bool = False) -> Iterator[str]:
    """The pieces of an answer in Markdown; they concatenate to it.

    Each excerpt is introduced by the name of its document, in the language of the question. Every
    sentence, item and row ends with its mark; a code block has its mark on the line below, and a sentence
    that announces what follows shares the mark of that. ``nearest`` introduces the text as the nearest
    one instead of an answer.
    """
    for place, excerpt in enumerate(excerpts):
        role: Role = "nearest" if nearest else "further" if place else "first"
        yield ("\n\n" if place else "") + _introduction(excerpt, role, language)
        before: Unit | None = None
        for unit, following in zip(excerpt.units, [*excerpt.units[1:], None], strict=True):
            yield _shown(excerpt, unit, before, following)
            before = unit


def _introduction(excerpt: Excerpt, role: Role, language: Language) -> str:
    chunk = excerpt.passage.chunk
    title = _QUESTION_LABEL.sub("", one_line(chunk.title or chunk.document)).strip("《》")
    section = _QUESTION_LABEL.sub("", one_line(excerpt.heading))
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
    """A unit with what stands between it and the one before, and its mark."""
    mark = f"[{excerpt.passage.number}]"
    if unit.kind == "code":
        return f"\n\n{unit.shown}\n\n{mark}"
    beside = [other for other in excerpt.units if other.block == unit.block]
    continues = before in beside
    if unit.kind == "row" and len(unit.header) > 1 and len(beside) > 1:
        values = cells(excerpt.passage.text[unit.start : unit.end])
        values = (values + [""] * len(unit.header))[: len(unit.header)]
        head = "" if continues else f"\n\n{_table_row(unit.header)}\n{_table_row(['---'] * len(unit.header))}"
        return f"{head}\n{_table_row([*values[:-1], f'{values[-1]} {mark}'.strip()])}"
    if unit.announces and following is not None:
        mark = ""
    space = " " if mark and _LATIN_END.search(unit.shown) else ""
    bullet = _bullet(unit, unit.depth - min(other.depth for other in beside)) if len(beside) > 1 else ""
    return _seam(unit, before) + bullet + unit.shown + space + mark


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
