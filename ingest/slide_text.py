"""The paragraphs of a shape on a slide, with the bullets and numbers PowerPoint shows in front of them.

A bullet stands on the paragraph, else in the list style of its shape, of the same placeholder on the layout
and the master, or in the master's text styles (ECMA-376 part 1, 21.1.2.4).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.drawing import paragraph_text
from ingest.namespaces import A
from ingest.numerals import FORMATS
from ingest.package import Element

BULLET = "•"
_SCHEMES = {
    "arabic": "decimal", "alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman",
    "romanUc": "upperRoman", "ea1Chs": "chineseCounting", "ea1Cht": "taiwaneseCountingThousand",
    "circleNumDb": "decimalEnclosedCircle", "circleNumWdWhite": "decimalEnclosedCircle",
}  # fmt: skip
_ENDINGS = (("ParenBoth", "({})"), ("ParenR", "{})"), ("Period", "{}."), ("Plain", "{}"))
_MARKS = ("buNone", "buChar", "buAutoNum", "buBlip")
_MAX_LEVEL = 8


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph: its text, the bullet or number in front of it ("" for none), and its level from 0."""

    text: str
    marker: str
    level: int


def lines(frame: Element, inherited: Sequence[Element]) -> Iterator[Line]:
    """The paragraphs of a text body that are not blank.

    ``inherited`` are the list styles (a:lstStyle and the like) that hold after the body's own, nearest first.
    """
    own = frame.find(A + "lstStyle")
    styles = [*([own] if own is not None else []), *inherited]
    reached: dict[int, tuple[str, int]] = {}
    for paragraph in frame.findall(A + "p"):
        properties = paragraph.find(A + "pPr")
        level = _integer(properties.get("lvl") if properties is not None else None, 0)
        level = min(max(level, 0), _MAX_LEVEL)
        text = paragraph_text(paragraph)
        if not text.strip():
            continue
        mark = _mark(properties, styles, level)
        reached = {at: count for at, count in reached.items() if at <= level}
        yield Line(text.strip(), _marker(mark, level, reached), level)


def _mark(properties: Element | None, styles: Sequence[Element], level: int) -> Element | None:
    """The element that decides about the bullet, None where nothing does."""
    own = [properties] if properties is not None else []
    inherited = (style.find(f"{A}lvl{level + 1}pPr") for style in styles)
    for place in (*own, *inherited):
        for name in _MARKS if place is not None else ():
            found = place.find(A + name)
            if found is not None:
                return found
    return None


def _marker(mark: Element | None, level: int, reached: dict[int, tuple[str, int]]) -> str:
    """What is shown; ``reached`` keeps the scheme and the last number of each level."""
    if mark is None or mark.tag == A + "buNone":
        reached.pop(level, None)
        return ""
    if mark.tag != A + "buAutoNum":
        reached.pop(level, None)
        char = mark.get("char", "").strip()
        symbol = not char or any(0xE000 <= ord(c) < 0xF900 for c in char) or char.isalnum()
        return BULLET if symbol else char
    scheme = mark.get("type", "")
    before, last = reached.get(level, ("", 0))
    number = last + 1 if before == scheme else _integer(mark.get("startAt"), 1)
    reached[level] = (scheme, number)
    for ending, pattern in _ENDINGS:
        write = (
            FORMATS.get(_SCHEMES.get(scheme.removesuffix(ending), "")) if scheme.endswith(ending) else None
        )
        shown = write(number) if write else None
        if shown is not None:
            return "、".join((shown, "")) if scheme == "ea1ChsPeriod" else pattern.format(shown)
    return BULLET


def _integer(value: str | None, otherwise: int) -> int:
    try:
        return int(value or "")
    except ValueError:
        return otherwise
