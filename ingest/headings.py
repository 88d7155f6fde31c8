"""Which lines of a PDF are headings: those its outline names, or else those set larger than the body."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ingest.lines import Line, join
from ingest.words import OBLIQUE

MAX_TITLE = 120  # characters of a heading's title; a longer one is a paragraph that somebody made a heading
_MAX_LINES = 3  # a heading wraps to at most so many lines
_CLOSE = 1.8  # times its size below the line before
_LARGER = 1.12  # times the body size
_SAME_SIZE = 0.05  # sizes closer than this share are one level
_MAX_LEVELS = 4
_MAX_SHARE = 0.3  # of all characters; where more are large, size does not mean heading (slides, posters)
_ENDS_SENTENCE = re.compile(r"[。！；;，,]$|[a-z]\.$")
# What may stand before the title on its line: 第十二章, 3.2.1, Chapter 4.
_NUMBERING = re.compile(
    r"(?:chapter|section|part|appendix|附录|[第章节篇部条]|[0-9一二三四五六七八九十百零ivxlc]+|[、:：()（）-])*[a-z]?"
)
_MAX_NUMBERING = 12  # characters
# Titles that programs write, not people: file names, "Microsoft Word - x", "untitled", "Book1".
_NO_TITLE = re.compile(
    r"^\W*$|\.\w{2,5}$|^(?:microsoft |untitled|未命名|无标题|文档 ?\d*$|工作簿 ?\d*$|幻灯片 ?\d*$|"
    r"演示文稿 ?\d*$|(?:slide|document|book|presentation|powerpoint presentation|word document) ?\d*$)",
    re.IGNORECASE,
)


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
        said = _said(found)
        # Outlines lose the space where their heading breaks a line; the page has kept it.
        title = said if _key(said) == _key(entry.title) else entry.title
        heading = Heading(min(entry.level, 6), clip(title), entry.page)
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
    groups = [group for page in pages for group in _large_groups(page, _LARGER * body)]
    large = [line for group in groups for line in group]
    if not large or sum(len(line.text) for line in large) > _MAX_SHARE * weight.total():
        return Headings({})
    levels = _levels([line.size for line in large])
    of_line: dict[int, Heading] = {}
    for group in groups:
        for wrapped in (group[i : i + _MAX_LINES] for i in range(0, len(group), _MAX_LINES)):
            heading = Heading(levels[wrapped[0].size], clip(_said(wrapped)), wrapped[0].page)
            of_line.update((id(line), heading) for line in wrapped)
    return Headings(of_line)


def is_title(text: str) -> bool:
    """Whether the title in the properties of a file is one that a person gave it."""
    return _NO_TITLE.search(text.strip()) is None


def clip(title: str) -> str:
    """The title in one line of at most 120 characters, cut with an ellipsis where it is longer."""
    title = " ".join(title.split())
    return title if len(title) <= MAX_TITLE else title[: MAX_TITLE - 1].rstrip() + "…"


def _said(lines: Sequence[Line]) -> str:
    said = ""
    for before, line in zip([None, *lines], lines, strict=False):
        said = join(said, line.text, broken=before is not None and before.broken)
    return said


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
            if id(line) in taken or line.kind == "row":
                break
            said += _key(line.text)
            before = said.removesuffix(wanted)
            if before != said and len(before) < len(_key(lines[start].text)) and _NUMBERING.fullmatch(before):
                last = lines.index(line, start)
                return list(lines[start : last + 1])
            if len(said) >= len(wanted) + _MAX_NUMBERING:
                break
    return []


def _reads_as_heading(line: Line) -> bool:
    short = len(line.text) <= MAX_TITLE
    words = line.kind == "text" and line.turned != OBLIQUE and re.search(r"\w", line.text)
    return (
        short
        and bool(words)
        and not (_ENDS_SENTENCE.search(line.text) or re.fullmatch(r"[\d\W]+", line.text))
    )


def _levels(sizes: Sequence[float]) -> dict[float, int]:
    levels: dict[float, int] = {}
    level, current = 0, float("inf")
    for size in sorted(set(sizes), reverse=True):
        if size < current * (1 - _SAME_SIZE):
            level, current = min(level + 1, _MAX_LEVELS), size
        levels[size] = level
    return levels


def _large_groups(page: Sequence[Line], least: float) -> list[list[Line]]:
    """Lines of at least this size that follow each other closely, where all of them read as a heading."""
    groups: list[list[Line]] = []
    before: Line | None = None
    for line in page:
        if line.size >= least:
            if before is not None and _follows(before, line):
                groups[-1].append(line)
            else:
                groups.append([line])
            before = line
        else:
            before = None
    return [group for group in groups if all(map(_reads_as_heading, group))]


def _follows(before: Line, line: Line) -> bool:
    """Whether a line goes on with what the one before it says: set alike, and close below."""
    alike = abs(line.size - before.size) <= _SAME_SIZE * line.size and line.turned == before.turned
    return alike and 0 < line.top - before.top <= _CLOSE * line.size
