"""Markers of list items in web pages: bullets, and the numbers a browser shows."""

from dataclasses import dataclass

from selectolax.lexbor import LexborNode

from ingest.numerals import FORMATS

_TYPES = {"a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman"}
_BULLET = "•"


@dataclass(slots=True)
class _List:
    """An open list. ``format`` is "" for bullets; ``step`` is -1 where it counts down."""

    format: str
    number: int
    step: int
    items: int = 0  # open items


class Lists:
    """The lists that are open where the reader stands, and the marker that waits for its item's text."""

    def __init__(self) -> None:
        self._open: list[_List] = []
        self._marker = ""

    @property
    def inside(self) -> bool:
        """Whether the reader stands in an item."""
        return any(each.items for each in self._open)

    def enter(self, node: LexborNode) -> None:
        """A list or an item begins."""
        tag = node.tag
        if tag in ("ul", "menu", "dir"):
            self._open.append(_List("", 0, 1))
        elif tag == "ol":
            attributes = node.attributes
            backwards = "reversed" in attributes
            items = sum(1 for _ in _items(node)) if backwards else 1
            start = _integer(attributes.get("start"), items if backwards else 1)
            self._open.append(
                _List(_TYPES.get(attributes.get("type") or "", "decimal"), start, -1 if backwards else 1)
            )
        elif tag == "li" and self._open:
            self._begin_item(node)

    def leave(self, node: LexborNode) -> None:
        """A list or an item ends."""
        if node.tag in ("ul", "menu", "dir", "ol") and self._open:
            self._open.pop()
            self._marker = ""
        elif node.tag == "li" and self._open:
            self._open[-1].items = max(self._open[-1].items - 1, 0)

    def line(self, text: str) -> str:
        """The text with its marker; further lines of an item stand below the first without one."""
        indent = "  " * (len(self._open) - 1)
        marker, self._marker = self._marker, ""
        return f"{indent}{marker} {text}" if marker else f"{indent}  {text}"

    def _begin_item(self, node: LexborNode) -> None:
        current = self._open[-1]
        current.items += 1
        if not current.format:
            self._marker = _BULLET
            return
        current.number = _integer(node.attributes.get("value"), current.number)
        write = FORMATS[current.format]
        self._marker = f"{write(current.number) or current.number}."
        current.number += current.step


def _items(node: LexborNode) -> "list[LexborNode]":
    found, child = [], node.first_child
    while child is not None:
        if child.tag == "li":
            found.append(child)
        child = child.next
    return found


def _integer(value: str | None, otherwise: int) -> int:
    try:
        return int(value or "")
    except ValueError:
        return otherwise
