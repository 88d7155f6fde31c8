"""Numbers and bullets that Word puts in front of paragraphs: they are on the page, but not in the text.

Rules from ECMA-376 part 1, 17.9. A number that cannot be told for certain is left out and counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ingest.namespaces import W
from ingest.numerals import FORMATS
from ingest.package import Element

BULLET = "•"
_LEVELS = 9


@dataclass(frozen=True, slots=True)
class Level:
    """How one level of a list counts. ``restart``: 0 for never, else the level (from 1) that restarts it."""

    format: str
    text: str
    start: int
    restart: int | None
    legal: bool
    style: str
    space: str


@dataclass(slots=True)
class _Count:
    """The numbers reached so far at each level; None before the first."""

    reached: list[int | None] = field(default_factory=lambda: [None] * _LEVELS)


class Numbering:
    """The lists of a document; ``marker`` must be asked once for each paragraph, in order."""

    def __init__(self, root: Element | None) -> None:
        self._abstract: dict[str, dict[int, Level]] = {}
        self._linked: dict[str, str] = {}  # abstract id → numbering style that defines it
        self._defines: dict[str, str] = {}  # numbering style → abstract id
        self._lists: dict[str, tuple[str, Mapping[int, Level], Mapping[int, int]]] = {}
        self._counts: dict[str, _Count] = {}
        self._begun: set[tuple[str, int]] = set()
        self.unknown = 0
        if root is not None:
            self._read(root)

    def level_of(self, number: str, style: str) -> int:
        """The level a list keeps for a style, 0 where it names none."""
        levels = self._levels(number)
        return next((at for at, level in sorted(levels.items()) if style and level.style == style), 0)

    def marker(self, number: str, at: int) -> str:
        """What stands in front of the next paragraph of this list at this level, with the space after it."""
        levels = self._levels(number)
        level = levels.get(at)
        if level is None or number not in self._lists:
            return ""
        key, _, starts = self._lists[number]
        count = self._counts.setdefault(self._defining(key), _Count()).reached
        if at in starts and (number, at) not in self._begun:
            count[at] = None
        self._begun.add((number, at))
        value = count[at]
        count[at] = starts.get(at, level.start) if value is None else value + 1
        for deeper in range(at + 1, _LEVELS):
            restart = levels[deeper].restart if deeper in levels else None
            if restart is None or 0 < at + 1 <= restart:
                count[deeper] = None
        if level.format == "bullet":
            return (_bullet(level.text) + level.space) if level.text else ""
        shown = _shown(level, levels, count)
        if shown is None:
            self.unknown += 1
            return ""
        return shown + level.space if shown else ""

    def _levels(self, number: str) -> Mapping[int, Level]:
        key, overrides, _ = self._lists.get(number, ("", {}, {}))
        return {**self._abstract.get(self._defining(key), {}), **overrides}

    def _defining(self, key: str) -> str:
        """The abstract list that holds the levels of this one: itself, or the one its style names."""
        return self._defines.get(self._linked[key], "") if key in self._linked else key

    def _read(self, root: Element) -> None:
        for each in root.iter(W + "abstractNum"):
            key = each.get(W + "abstractNumId", "")
            self._abstract[key] = _read_levels(each)
            uses, defines = each.find(W + "numStyleLink"), each.find(W + "styleLink")
            if uses is not None:
                self._linked[key] = uses.get(W + "val", "")
            if defines is not None:
                self._defines[defines.get(W + "val", "")] = key
        for each in root.iter(W + "num"):
            abstract = each.find(W + "abstractNumId")
            key = abstract.get(W + "val", "") if abstract is not None else ""
            overrides: dict[int, Level] = {}
            starts: dict[int, int] = {}
            for override in each.iter(W + "lvlOverride"):
                at = _integer(override.get(W + "ilvl"), 0)
                start = override.find(W + "startOverride")
                if start is not None:
                    starts[at] = _integer(start.get(W + "val"), 1)
                overrides |= _read_levels(override)
            self._lists[each.get(W + "numId", "")] = (key, overrides, starts)


def _read_levels(parent: Element) -> dict[int, Level]:
    levels: dict[int, Level] = {}
    for each in parent.iter(W + "lvl"):
        values = {child.tag: child.get(W + "val", "1") for child in each if isinstance(child.tag, str)}
        restart = values.get(W + "lvlRestart")
        at = _integer(each.get(W + "ilvl"), 0)
        if at < _LEVELS:
            levels[at] = Level(
                format=values.get(W + "numFmt", "decimal"),
                text=values.get(W + "lvlText", ""),
                start=_integer(values.get(W + "start"), 0),
                restart=None if restart is None else _integer(restart, 0),
                legal=values.get(W + "isLgl", "0") not in ("0", "false", "off"),
                style=values.get(W + "pStyle", ""),
                space="" if values.get(W + "suff") == "nothing" else " ",
            )
    return levels


def _shown(level: Level, levels: Mapping[int, Level], count: list[int | None]) -> str | None:
    """The number in its text (第%1章, %1.%2); None where a format is not known."""
    shown = level.text
    for at in range(_LEVELS):
        mark = f"%{at + 1}"
        if mark not in shown:
            continue
        other = levels.get(at)
        if other is None:
            return None
        if count[at] is None:
            count[at] = other.start
        write = FORMATS.get("decimal" if level.legal else other.format)
        digits = write(count[at] or 0) if write else None
        if digits is None:
            return None
        shown = shown.replace(mark, digits)
    return shown.strip()


def _bullet(text: str) -> str:
    """The bullet itself; "•" for one out of a symbol font, which no other font can show."""
    plain = text.strip()
    return (
        plain
        if plain and all(32 < ord(c) < 0xE000 or ord(c) >= 0xF900 for c in plain) and plain != "o"
        else BULLET
    )


def _integer(value: str | None, otherwise: int) -> int:
    try:
        return int(value or "")
    except ValueError:
        return otherwise
