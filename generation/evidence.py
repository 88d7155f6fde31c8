"""How well each unit of the passages answers a question."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from generation.expected import Kind, expected_kinds, headed, meets, without_actor
from generation.markup import plain
from generation.sought import Features, Sought, seek, text_features
from generation.units import QUESTION_LEVEL, Unit, split_units
from retrieval.starter_table import StarterTable
from retrieval.types import Passage

# Chosen by reading the answers to the development questions of docs_ds; shares are of the question's weight.
CONTEXT_SHARE = 0.4
"""What a term of the question counts that stands in a heading, lead-in, column name or parent item only."""
STEP_CONTEXT_SHARE = 0.8
"""The same for a step where a procedure is asked for: its heading says what the procedure is for."""
ANSWER_CONTEXT_SHARE = 0.9
"""The same for the text under a heading that is a question: the heading says what the text answers."""
HEADED = 0.25
"""For a unit under a heading that announces what is asked for ("Verified fix" where a remedy is)."""
HINT = 0.12
"""For each expected kind of answer the unit holds (a number for how many, a reason for why), two at most."""
FULL_HINT = 0.3
"""Agreement from which the bonus is full: any number answers how many, but not about what was asked."""
PASSAGE_STEP = 0.85
"""Factor for each place further down in the reranker's order."""
SITUATION = 0.5
"""What the passage's agreement with the situation counts against the unit's agreement with the question."""
CODE_LINES = 12
"""Longer code blocks are shown by the lines that have to do with the question, half as many at most."""
TOPIC = 0.5
"""Factor for a unit of a passage that has no term of the question; 1 where the passage has them all."""
LONG = 150
"""Characters from which the score falls off, since a long text holds more terms by chance."""


_QUESTION = re.compile(r"[?？]\s*$|^\s*(?:Q|问)\s*\d{0,3}\s*[：:.、]")


@dataclass(frozen=True, slots=True)
class Reading:
    """A passage in units, with the features of each unit's own words and of the words it stands under.

    ``headings``: the innermost heading above each unit, of the passage's own or those of its chunk.
    """

    passage: Passage
    units: tuple[Unit, ...]
    own: tuple[Features, ...]
    context: tuple[Features, ...]
    headings: tuple[str, ...]
    all: Features


@dataclass(frozen=True, slots=True)
class Scored:
    """A unit (``reading.units[index]``) with its score; ``kinds``: the expected kinds of answers it holds."""

    reading: Reading
    index: int
    score: float
    kinds: frozenset[Kind] = frozenset()

    @property
    def unit(self) -> Unit:
        """The unit itself."""
        return self.reading.units[self.index]

    @property
    def own(self) -> Features:
        """The features of its own words."""
        return self.reading.own[self.index]


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question asks for: its features with their weights, and the kinds of answers it expects.

    ``best_relevance`` is the highest of the passages, None where none was judged. ``situation``: what a
    question for a remedy tells before it asks; the symptoms repeat that, the remedy need not, so it counts
    for passages, not for units.
    """

    sought: Sought
    kinds: frozenset[Kind]
    best_relevance: float | None = None
    situation: Sought = field(default_factory=Sought)

    def share(self, features: Features) -> float:
        """The share (0..1) of the question's weight that a text with these features holds."""
        return self.sought.share(features)

    def score(self, reading: Reading, index: int) -> Scored:
        """The agreement of one unit, at least 0; about 1 where it holds every term."""
        own = self.share(reading.own[index])
        under = self.share(reading.own[index] | reading.context[index]) - own
        unit = reading.units[index]
        kinds = self.kinds_met(unit)
        agreement = own + self._context_share(unit, reading.headings[index]) * under
        if self.situation.weights:
            known = SITUATION if self.sought.weights else 1.0
            agreement = (1 - known) * agreement + known * self.situation.share(reading.all)
        score = agreement / (1 + max(0, len(unit.shown) - LONG) / 600)
        hints = HINT * min(2, len(kinds)) + HEADED * self.is_headed(reading.headings[index])
        score += hints * min(1.0, agreement / FULL_HINT)
        score *= TOPIC + (1 - TOPIC) * (self.share(reading.all) if self.sought.weights else 1.0)
        return Scored(reading, index, score * self._preference(reading.passage), kinds)

    @property
    def procedural(self) -> bool:
        """Whether the answer is something to do."""
        return not self.kinds.isdisjoint({Kind.STEPS, Kind.REMEDY})

    def _context_share(self, unit: Unit, heading: str) -> float:
        if is_question(heading):
            return ANSWER_CONTEXT_SHARE
        return STEP_CONTEXT_SHARE if unit.ordered and self.procedural else CONTEXT_SHARE

    def is_headed(self, heading: str) -> bool:
        """Whether the heading announces what is asked for; a remedy is more than any steps."""
        wanted = self.kinds - {Kind.STEPS} if Kind.REMEDY in self.kinds else self.kinds
        return any(headed(kind, heading) for kind in wanted)

    def _preference(self, passage: Passage) -> float:
        """A passage's place and, with the square root, its relevance against the best one's, as a factor."""
        order = PASSAGE_STEP ** (passage.number - 1)
        if passage.relevance is None or not self.best_relevance:
            return order
        return order * math.sqrt(min(1.0, passage.relevance / self.best_relevance))

    def kinds_met(self, unit: Unit) -> frozenset[Kind]:
        """The expected kinds of answers a unit holds."""
        met = {kind for kind in self.kinds if meets(kind, unit.shown)}
        if unit.ordered:
            met |= self.kinds & {Kind.STEPS, Kind.REMEDY}
        return frozenset(met)


def read(passage: Passage, table: StarterTable) -> Reading:
    """Split a passage and analyse its units, without those that speak to a model instead of a reader."""
    units = tuple(unit for unit in split_units(passage) if not _suspicious(unit, passage))
    own = tuple(text_features(unit.shown, table) for unit in units)
    outside = text_features("\n".join((passage.chunk.title, *passage.chunk.headings)), table)
    columns = {unit.header: text_features("\n".join(unit.header), table) for unit in units}
    context = tuple(
        outside.union(columns[unit.header], *(own[j] for j in _above(units, i)))
        for i, unit in enumerate(units)
    )
    return Reading(passage, units, own, context, tuple(_headings(passage, units)), outside.union(*own))


def _suspicious(unit: Unit, passage: Passage) -> bool:
    return any(start < unit.end and unit.start < end for start, end in passage.suspicious)


def ask(question: str, readings: Sequence[Reading], table: StarterTable) -> Asked:
    """Analyse a question against the units at hand."""
    texts = [each for r in readings for each in zip(r.own, r.context, strict=True)]
    judged = [r.passage.relevance for r in readings if r.passage.relevance is not None]
    sought = seek(without_actor(question), texts, table)
    return Asked(sought, expected_kinds(question), max(judged, default=None))


def rank_units(asked: Asked, readings: Sequence[Reading]) -> list[Scored]:
    """Every unit that can be quoted, best first, then in reading order; headings cannot."""
    scored = [
        asked.score(reading, i)
        for reading in readings
        for i, unit in enumerate(reading.units)
        if unit.kind != "heading"
    ]
    return sorted(scored, key=lambda found: -found.score)


def relevant_code(code: str, asked: Asked, table: StarterTable) -> str:
    """A fenced code block, or the lines of a long one that agree with the question best, in their order.

    A comment right above a line that is kept is kept with it.
    """
    opening, *lines = code.split("\n")
    closing = lines.pop() if lines and lines[-1].strip() == opening.strip()[:3] else opening.strip()[:3]
    if len(lines) <= CODE_LINES:
        return code
    shares = [asked.share(text_features(line, table)) for line in lines]
    if max(shares) == 0:
        return "\n".join([opening, *lines[:CODE_LINES], closing])
    best = sorted(range(len(lines)), key=lambda i: -shares[i])[: CODE_LINES // 2]
    kept = {i for i in best if shares[i] >= max(shares) / 2}
    kept |= {i - 1 for i in kept if i > 0 and lines[i - 1].lstrip().startswith(("#", "//", "--"))}
    return "\n".join([opening, *(lines[i] for i in sorted(kept)), closing])


def is_question(heading: str) -> bool:
    """Whether a heading is a question, so that what stands under it is an answer."""
    return bool(_QUESTION.search(heading))


def _headings(passage: Passage, units: Sequence[Unit]) -> Iterator[str]:
    heading = plain(passage.chunk.headings[-1]) if passage.chunk.headings else ""
    for unit in units:
        yield heading
        if unit.kind == "heading":
            heading = unit.shown


def _above(units: Sequence[Unit], index: int) -> Iterator[int]:
    """What a unit stands under: headings, parent items, and the sentence that announces its list or table."""
    depth, level, block = units[index].depth, QUESTION_LEVEL + 1, units[index].block
    announced = False
    for j in range(index - 1, -1, -1):
        unit = units[j]
        if unit.kind == "heading":
            if unit.depth < level:
                level = unit.depth
                yield j
        elif level <= QUESTION_LEVEL:
            continue
        elif unit.block == block and unit.kind == "item" and unit.depth < depth:
            depth = unit.depth
            yield j
        elif unit.block != block and not announced:
            announced = True
            if unit.announces or (unit.block == block - 1 and unit.kind == "sentence"):
                yield j
