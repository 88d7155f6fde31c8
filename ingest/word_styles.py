"""Styles of a Word document: which paragraphs are headings, lists, quotes or code, and which text is hidden.

A property stands on the paragraph or run itself, else on its style, else on the style that one is based on.
"""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from ingest.namespaces import W
from ingest.package import Element

Role = Literal["title", "contents", "quote", "code", ""]

_LONGEST_CHAIN = 20  # styles; a file can base styles on each other in a circle
# Word gives its own styles English names in the file whatever language it speaks; other programs do not.
_HEADING = re.compile(r"(?:heading|标题|標題|见出し|見出し)\s*([1-9])", re.IGNORECASE)
_LEVELLED = re.compile(r"([一二三四五六])级标题|([一二三四五六])級標題")
_ROLES: tuple[tuple[re.Pattern[str], Role], ...] = (
    (re.compile(r"title|标题|標題|文档标题|文件标题", re.IGNORECASE), "title"),
    (
        re.compile(r"(?:toc|目录|目錄) ?\d|toc heading|toc 标题|table of figures|图表目录", re.IGNORECASE),
        "contents",
    ),
    (re.compile(r"(?:intense )?quote|quotations|block text|(?:明显)?引用|引文", re.IGNORECASE), "quote"),
    (
        re.compile(r"(?:html )?preformatted(?: text)?|html 预设格式|(?:source )?code|代码块?", re.IGNORECASE),
        "code",
    ),
)


@dataclass(frozen=True, slots=True)
class Style:
    """A style with its name in the file, the one it is based on ("" for none), and its element."""

    name: str
    based_on: str
    element: Element


class Styles:
    """The styles of a document by id; ``root`` is the element of styles.xml."""

    def __init__(self, root: Element) -> None:
        self._root = root
        self._styles: dict[str, Style] = {}
        self._default = ""
        for element in root.iter(W + "style"):
            key = element.get(W + "styleId", "")
            based = element.find(W + "basedOn")
            self._styles[key] = Style(_value(element, "name"), _val(based), element)
            is_default = element.get(W + "default") in ("1", "true", "on")
            if is_default and element.get(W + "type") == "paragraph":
                self._default = key

    def of(self, paragraph: Element) -> str:
        """The id of a paragraph's style."""
        properties = paragraph.find(W + "pPr")
        named = _value(properties, "pStyle") if properties is not None else ""
        return named or self._default

    def heading_level(self, paragraph: Element) -> int:
        """1 to 9 for a heading, 0 for body text."""
        own = _outline(paragraph)
        if own is not None:
            return own
        for style in self._chain(self.of(paragraph)):
            level = _outline(style.element)
            if level is not None:
                return level
            named = _HEADING.fullmatch(style.name)
            if named:
                return int(named[1])
            levelled = _LEVELLED.search(style.name)
            if levelled:
                return "一二三四五六".index(levelled[1] or levelled[2]) + 1
        return 0

    def role(self, paragraph: Element) -> Role:
        """What a paragraph is besides heading or list."""
        for style in self._chain(self.of(paragraph)):
            for pattern, role in _ROLES:
                if pattern.fullmatch(style.name):
                    return role
        return ""

    def numbering(self, paragraph: Element) -> tuple[str, int | None, str] | None:
        """(numbering id, level, id of the style that gave it); None for a paragraph without numbers.

        The level is None where a style gives the id alone: the numbering then names the style at a level.
        """
        number, level = _number(paragraph)
        if number is not None:
            return None if number == "0" else (number, level or 0, "")
        at = self.of(paragraph)
        for _ in range(_LONGEST_CHAIN):
            style = self._styles.get(at)
            if style is None:
                return None
            number, own = _number(style.element)
            level = own if level is None else level
            if number is not None:
                return None if number == "0" else (number, level, at)
            at = style.based_on
        return None

    def is_hidden(self, run: Element, paragraph: Element) -> bool:
        """Whether a run is formatted as hidden text."""
        own = _vanish(run.find(W + "rPr"))
        if own is not None:
            return own
        if not self._any_hidden:
            return False
        properties = run.find(W + "rPr")
        character = _value(properties, "rStyle") if properties is not None else ""
        for style in (*self._chain(character), *self._chain(self.of(paragraph))):
            hidden = _vanish(style.element.find(W + "rPr"))
            if hidden is not None:
                return hidden
        return False

    @cached_property
    def _any_hidden(self) -> bool:
        return next(self._root.iter(W + "vanish"), None) is not None

    def _chain(self, key: str) -> list[Style]:
        chain: list[Style] = []
        while key in self._styles and len(chain) < _LONGEST_CHAIN:
            chain.append(self._styles[key])
            key = self._styles[key].based_on
        return chain


def is_on(element: Element | None) -> bool:
    """Whether a switch (w:b, w:vanish …) is there and not turned off."""
    return element is not None and element.get(W + "val", "1") not in ("0", "false", "off")


def _vanish(properties: Element | None) -> bool | None:
    element = properties.find(W + "vanish") if properties is not None else None
    return None if element is None else is_on(element)


def _outline(element: Element) -> int | None:
    """The level that an outline level gives, 0 for body text, None where there is none."""
    found = element.find(f"{W}pPr/{W}outlineLvl")
    value = _val(found)
    if not value.isdecimal():
        return None
    return int(value) + 1 if int(value) < 9 else 0


def _number(element: Element) -> tuple[str | None, int | None]:
    found = element.find(f"{W}pPr/{W}numPr")
    if found is None:
        return None, None
    number, level = _value(found, "numId"), _value(found, "ilvl")
    return number or None, int(level) if level.isdecimal() else None


def _value(parent: Element, tag: str) -> str:
    return _val(parent.find(W + tag))


def _val(element: Element | None) -> str:
    return element.get(W + "val", "") if element is not None else ""
