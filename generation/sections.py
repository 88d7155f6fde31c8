"""A question that names a section is answered by what the section says."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from generation.estimate import estimate_tokens
from generation.evidence import Asked, Reading, ask
from generation.excerpts import Excerpt
from generation.expected import Kind
from generation.markup import plain
from generation.sought import Features, covered, text_features
from generation.units import Unit
from retrieval.starter_table import StarterTable
from retrieval.types import Passage

# Chosen by reading the answers to the questions of docs_ds, of pdfs and of the demo.
MAX_TOKENS = 920
"""Estimated tokens of a section that are shown; whole paragraphs, lists and tables, the first in any case.

A chapter of five steps with its commands and tables (the demo's disk-io question) has 888.
"""
PATH_SHARE = 0.8
"""The share of the question's weight that title and headings together must have."""
HEADING_SHARE, HEADING_PRECISION = 0.4, 0.5
"""The share of it that the heading itself must have, and the share of the heading the question must name."""
LESS_RELEVANT = 0.8
"""A section whose passage has less than this share of the best relevance is not what was named."""

_OPEN_KINDS = frozenset({Kind.STEPS, Kind.LISTING, Kind.REMEDY})
"""Kinds a whole section answers; who, when and how many want a sentence."""
_ASKS = re.compile(r"[?？]|[吗呢]$|^(?:wh(?:at|ich|o|en|ere|y)|how)\b", re.I)
_NUMBERING = re.compile(
    r"^\s*(?:第[一二三四五六七八九十百\d]+[章节条部分]|\d[\d.]*[.、\s]|[一二三四五六七八九十]+[、.])\s*"
)
_PARTICULAR = re.compile(r"[^：:]{1,14}[：:].+")


@dataclass(frozen=True, slots=True)
class _Place:
    """A heading inside a document."""

    document_id: str
    heading: str


def named_section(question: str, readings: Sequence[Reading], table: StarterTable) -> list[Excerpt]:
    """The section a question names, in reading order over all its passages; empty where it names none.

    A question names a section when it consists of keywords or asks for steps, a list or a remedy, and the
    heading agrees with it. Lines of particulars (number, version, date) are left out where there is more.
    """
    asked = ask(question, readings, table)
    if not asked.kinds <= _OPEN_KINDS or (_ASKS.search(question) and not asked.kinds):
        return []
    wanted = text_features(question, table)
    for reading in readings:
        if not _relevant(reading, asked):
            continue
        fitting = [(fit, heading) for heading, fit in _fits(reading, asked, wanted, table) if fit > 0]
        if fitting:
            _, heading = max(fitting)
            return _excerpts(_Place(reading.passage.chunk.document_id, heading), readings, asked)
    return []


def _relevant(reading: Reading, asked: Asked) -> bool:
    relevance = reading.passage.relevance
    return relevance is None or relevance >= LESS_RELEVANT * (asked.best_relevance or 0.0)


def _fits(
    reading: Reading, asked: Asked, wanted: Features, table: StarterTable
) -> Iterator[tuple[str, float]]:
    """How well each heading of a passage, outermost first, agrees with the question; 0 where it does not."""
    chunk = reading.passage.chunk
    headings = [plain(heading) for heading in chunk.headings]
    headings += [u.shown for u in reading.units if u.kind == "heading" and u.shown not in headings]
    path = text_features(chunk.title, table)
    for heading in headings or [chunk.title]:
        bare = _NUMBERING.sub("", heading)
        own = text_features(bare, table)
        path |= own
        precision = covered(bare, wanted, table)
        share = asked.share(own)
        fits = asked.share(path) >= PATH_SHARE and share >= HEADING_SHARE and precision >= HEADING_PRECISION
        yield heading, share * precision if fits else 0.0


def _excerpts(place: _Place, readings: Sequence[Reading], asked: Asked) -> list[Excerpt]:
    """What stands under a heading, as far as the passages hold it and it is not too long.

    Where it is too long, passages under a heading that announces what is asked for come before the others.
    """
    parts = [(reading, part) for reading in readings if (part := _under(place, reading))]
    said = [unit for _, part in parts for unit in part if unit.kind != "heading"]
    bare = [unit for unit in said if _particulars(unit)]
    left = MAX_TOKENS
    chosen: list[tuple[Passage, tuple[Unit, ...]]] = []
    for reading, part in sorted(parts, key=lambda found: not asked.is_headed(found[0].headings[-1])):
        units, left = _shortened([u for u in part if u not in bare or len(bare) == len(said)], left)
        if units:
            chosen.append((reading.passage, tuple(units)))
    chosen.sort(key=lambda found: found[0].chunk.start)
    return [Excerpt(p, units, place.heading, continues=i > 0) for i, (p, units) in enumerate(chosen)]


def _under(place: _Place, reading: Reading) -> list[Unit]:
    """The units of a passage that stand under a heading, with the headings between them."""
    chunk, units = reading.passage.chunk, reading.units
    path = [plain(heading) for heading in chunk.headings]
    if chunk.document_id != place.document_id:
        return []
    at = next((i for i, u in enumerate(units) if u.kind == "heading" and u.shown == place.heading), None)
    if at is None and place.heading not in (*path, chunk.title):
        return []
    under: list[Unit] = []
    for unit in units[at + 1 if at is not None else 0 :]:
        outside = at is not None and unit.depth <= units[at].depth and unit.shown not in path
        if unit.kind == "heading" and outside:
            break
        under.append(unit)
    return under


def _shortened(units: Sequence[Unit], left: int) -> tuple[list[Unit], int]:
    """Whole blocks as far as ``left`` tokens reach, and what is left; a heading needs what follows it."""
    kept: list[Unit] = []
    pending: list[Unit] = []
    blocks = list(dict.fromkeys(unit.block for unit in units))
    for block in blocks:
        members = [unit for unit in units if unit.block == block]
        pending += members
        if members[0].kind == "heading":
            continue
        cost = sum(estimate_tokens(unit.shown) for unit in pending)
        if cost > left and (kept or left < MAX_TOKENS):
            return kept, 0
        kept += pending
        left = max(0, left - cost)
        pending = []
    return kept, left


def _particulars(unit: Unit) -> bool:
    """Whether a line only lists particulars: ``编号：A-1　版本：V2``."""
    parts = unit.shown.split()
    return unit.kind == "sentence" and len(parts) > 1 and all(_PARTICULAR.fullmatch(part) for part in parts)
