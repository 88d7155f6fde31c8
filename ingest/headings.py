"""Which lines of a PDF are headings: those its outline names, or else those set larger than the body."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.lines import Line, join

MAX_TITLE = 120  # characters of a heading's title; a longer one is a paragraph that somebody made a heading
_MAX_LINES = 3  # a heading wraps to at most so many lines
_LARGER = 1.12  # times the body size
_SAME_SIZE = 0.05  # sizes closer than this share are one level
_MAX_LEVELS = 4
_MAX_SHARE = 0.3  # of all characters; where more are large, size does not mean heading (slides, posters)
_ENDS_SENTENCE = re.compile(r"[。！；;，,]$|[a-z]\.$")
_NUMBERING = 10  # characters that may stand before the title on its line: 第十二章, 3.2.1, Chapter 4


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: level from 1 (at most 6), plain title, and the page it stands on."""

    level: int
    title: str
    page: int


@dataclass(frozen=True, slots=True)
class Headings:
    """``of_line``: the heading a line belongs to, by ``id(line)``; lines of one heading share one object.

    ``unplaced`` are outline entries whose words stand on no line of their page.
    """

    of_line: dict[int, Heading]
    unplaced: tuple[Heading, ...] = ()


def from_outline(pages: Sequence[Sequence[Line]], entries: Sequence[Heading]) -> Headings:
    """The lines that say what the outline says, on the page the outline names. ``pages[n - 1]`` is page n."""
    of_line: dict[int, Heading] = {}
    unplaced: list[Heading] = []
    for entry in entries:
        lines = pages[entry.page - 1] if entry.page <= len(pages) else ()
        found = _find(_key(entry.title), lines, of_line)
        heading = Heading(min(entry.level, 6), clip(entry.title), entry.page)
        if found:
            of_line.update((id(line), heading) for line in found)
        else:
            unplaced.append(heading)
    return Headings(of_line, tuple(sorted(unplaced, key=lambda heading: heading.page)))


def from_sizes(pages: Sequence[Sequence[Line]]) -> Headings:
    """The lines set larger than the body of the document; the largest size is level 1."""
    lines = [line for page in pages for line in page]
    weight: Counter[float] = Counter()
    for line in lines:
        weight[round(line.size * 2) / 2] += len(line.text)
    if not weight:
        return Headings({})
    body = max(weight, key=lambda size: (weight[size], -size))
    large = [line for line in lines if line.size >= _LARGER * body and _reads_as_heading(line)]
    if not large or sum(len(line.text) for line in large) > _MAX_SHARE * weight.total():
        return Headings({})
    levels = _levels([line.size for line in large])
    is_large = {id(line) for line in large}
    of_line: dict[int, Heading] = {}
    for page in pages:
        for wrapped in _wrapped([line for line in page if id(line) in is_large], page):
            title = ""
            for line in wrapped:
                title = join(title, line.text, broken=False)
            heading = Heading(levels[wrapped[0].size], clip(title), wrapped[0].page)
            of_line.update((id(line), heading) for line in wrapped)
    return Headings(of_line)


def clip(title: str) -> str:
    """The title in one line of at most 120 characters, cut with an ellipsis where it is longer."""
    title = " ".join(title.split())
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"


def _key(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return re.sub(r"[\s.…·]+", "", folded)


def _find(wanted: str, lines: Sequence[Line], taken: dict[int, Heading]) -> list[Line]:
    """The first lines, one to three in a row, that together say the wanted title, numbering aside."""
    if not wanted:
        return []
    for start in range(len(lines)):
        said = ""
        for line in lines[start : start + _MAX_LINES]:
            if id(line) in taken:
                break
            said += _key(line.text)
            if said.endswith(wanted) and len(said) - len(wanted) <= _NUMBERING:
                last = lines.index(line, start)
                return list(lines[start : last + 1])
            if len(said) >= len(wanted) + _NUMBERING:
                break
    return []


def _reads_as_heading(line: Line) -> bool:
    short = len(line.text) <= MAX_TITLE
    return short and line.kind == "text" and bool(re.search(r"\w", line.text)) and not (
        _ENDS_SENTENCE.search(line.text) or re.fullmatch(r"[\d\W]+", line.text)
    )


def _levels(sizes: Sequence[float]) -> dict[float, int]:
    levels: dict[float, int] = {}
    level, current = 0, float("inf")
    for size in sorted(set(sizes), reverse=True):
        if size < current * (1 - _SAME_SIZE):
            level, current = min(level + 1, _MAX_LEVELS), size
        levels[size] = level
    return levels


def _wrapped(large: Sequence[Line], page: Sequence[Line]) -> list[list[Line]]:
    """Large lines that follow each other at one size and close together, as one heading each."""
    place = {id(line): index for index, line in enumerate(page)}
    found: list[list[Line]] = []
    for line in large:
        last = found[-1][-1] if found else None
        if (
            last is not None
            and place[id(line)] == place[id(last)] + 1
            and abs(line.size - last.size) <= _SAME_SIZE * line.size
            and 0 < line.top - last.top <= 1.8 * line.size
            and len(found[-1]) < _MAX_LINES
        ):
            found[-1].append(line)
        else:
            found.append([line])
    return found
