"""Which units make up the answer, and in which order."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from generation.estimate import estimate_tokens
from generation.evidence import Asked, Reading, Scored, ask, rank_units, read, relevant_code
from generation.excerpts import Excerpt
from generation.expected import Kind, compared, situation, sub_questions
from generation.sections import named_section
from generation.sought import Features, Sought
from retrieval.starter_table import StarterTable
from retrieval.types import Passage

# Chosen by reading the answers to the development questions of docs_ds.
MAX_STRETCHES = 4
"""Stretches of text one answer may quote."""
MAX_TOKENS = 420
"""Estimated tokens one answer may have; the first stretch is never cut."""
MAX_MEMBERS = 10
"""Items or rows that come along with the sentence that announces them."""
PARAGRAPH_TOKENS = 110
"""Paragraphs up to this estimate are quoted whole: their sentences need each other."""
CLOSE, GAIN = 0.65, 0.15
"""A further stretch needs this share of the best score, and adds this share of the question's weight."""
CLOSE_FOR_KIND = 0.8
"""The share of the best score for a stretch that adds no term, but a kind of answer that is still missing."""
FOREIGN_CLOSE, FOREIGN_GAIN = 0.7, 0.3
"""The same for a stretch of another passage than the best one's."""
EQUAL_ITEM, EQUAL_ROW, EQUAL_LISTED = 0.8, 0.9, 0.75
"""Share of the best score from which an item or row beside the best one is its equal (the last: in lists)."""
SHORT = 30
"""Characters up to which a line is a name rather than a statement."""

_HARD_KINDS = frozenset({Kind.DURATION, Kind.QUANTITY, Kind.TIME, Kind.REASON, Kind.CODE, Kind.PERSON})
"""Kinds whose answer is recognised surely enough to be looked for until it is found."""
_POINTS_BACK = re.compile(
    r"(?:它|其|这|该|此|上述|因此|所以|但|不过|否则|同时|然后|接着|最后"
    r"|(?:it|its|they|this|these|that|those|however|but|therefore|otherwise|also|then|secondly|finally)\b)",
    re.I,
)
_VERDICT = re.compile(r"(?:^|[:：“\"]\s*)(?:[不没]?(?:是|会|有|支持|可以|能|需要)的?|yes|no)[。.!！]$", re.I)
_EXAMPLE = re.compile(r"(?:例如|比如|例：|示例|eg\b|e\.g\.|for example|for instance)", re.I)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Units of one passage, by index, that are chosen together."""

    reading: Reading
    indices: frozenset[int]


def choose(question: str, passages: Sequence[Passage], table: StarterTable) -> list[Excerpt]:
    """What answers a question, one excerpt for each passage used, in the passages' order.

    Empty where no unit, nor what it stands under, has a word in common with the question, in either language.
    """
    readings = [read(passage, table) for passage in passages]
    if section := named_section(question, readings, table):
        return section
    whole = ask(question, readings, table)
    chosen: list[_Stretch] = []
    told = ask(situation(question), readings, table)
    for part in sub_questions(question):
        asked = whole if part == question else _within(ask(part, readings, table), whole, told)
        ranked = rank_units(asked, readings)
        _add(chosen, asked, ranked)
        _add_compared(chosen, asked, ranked, compared(part))
    return _excerpts(chosen, whole, table)


def opening(passage: Passage, table: StarterTable) -> Excerpt:
    """The first paragraph of a passage, with the list or steps it begins."""
    reading = read(passage, table)
    first = next((i for i, unit in enumerate(reading.units) if unit.kind != "heading"), None)
    if first is None:
        return Excerpt(passage, (), "")
    steps = Asked(Sought(), frozenset({Kind.STEPS}))
    return _excerpts([_grown(Scored(reading, first, 0.0), steps)], steps, table)[0]


def _within(part: Asked, whole: Asked, told: Asked) -> Asked:
    """A part of a question, with the rest of the question as a weak hint at what it is about."""
    own = part.sought.weights
    if Kind.REMEDY in part.kinds and told.sought.weights:
        rest = {f: w for f, w in told.sought.weights.items() if f not in own}
        return replace(part, situation=told.sought.weighing(rest))
    weights = {f: own.get(f, 0.25 * w) for f, w in whole.sought.weights.items()}
    return replace(part, sought=whole.sought.weighing(weights))


def _add(chosen: list[_Stretch], asked: Asked, ranked: Sequence[Scored]) -> None:
    """Add the best stretch, then those that add something to it."""
    ranked = [found for found in ranked if found.score > 0]
    ranked = [found for found in ranked if not _promises_in_vain(found)] or ranked
    known: Features = frozenset()
    missing = asked.kinds & _HARD_KINDS
    for found in ranked:
        if any(found.reading is s.reading and found.index in s.indices for s in chosen):
            known |= found.own
            continue
        best = ranked[0]
        if found is not best and not _adds(found, best, asked, known, missing):
            continue
        stretch = _grown(found, asked) if found is best else _alone(found, asked)
        if len(chosen) >= MAX_STRETCHES or (chosen and _tokens([*chosen, stretch]) > MAX_TOKENS):
            continue
        chosen.append(stretch)
        for i in stretch.indices:
            known |= stretch.reading.own[i] | stretch.reading.context[i]
            missing -= asked.kinds_met(stretch.reading.units[i])


def _add_compared(
    chosen: list[_Stretch], asked: Asked, ranked: Sequence[Scored], names: Sequence[str]
) -> None:
    """For each of the things compared, the best unit that begins with its name."""
    for name in names:
        about = [f for f in ranked if f.score > 0 and f.unit.shown.casefold().startswith(name.casefold())]
        if about and not any(f.reading is s.reading and f.index in s.indices for f in about for s in chosen):
            chosen.append(_alone(about[0], asked))


def _adds(
    found: Scored, best: Scored, asked: Asked, known: Features, missing: frozenset[Kind]
) -> bool:
    """Whether a unit is worth adding: an equal of the best, new terms, or a kind of answer still missing."""
    gain = asked.share(known | found.own) - asked.share(known)
    if found.reading is not best.reading:
        new = gain >= FOREIGN_GAIN or bool(found.kinds & missing)
        new = new and not _POINTS_BACK.match(found.unit.shown)
        return found.score >= FOREIGN_CLOSE * best.score and new
    if found.unit.block == best.unit.block and found.unit.kind in ("item", "row"):
        equal = EQUAL_ITEM if found.unit.kind == "item" else EQUAL_ROW
        if found.score >= (EQUAL_LISTED if Kind.LISTING in asked.kinds else equal) * best.score:
            return True
    close = CLOSE if gain >= GAIN else CLOSE_FOR_KIND
    return found.score >= close * best.score and (gain >= GAIN or bool(found.kinds & missing))


def _promises_in_vain(found: Scored) -> bool:
    """Whether a unit announces something that does not follow."""
    return found.unit.announces and not _members(found.reading, found.index)


def _grown(found: Scored, asked: Asked) -> _Stretch:
    """The best unit with all that belongs to it: its whole procedure, its code, its lead-in.

    Where the largest or smallest is asked for, a row comes with its table: the passage may not hold all of
    it, so the rows are shown rather than one of them named.
    """
    reading, i = found.reading, found.index
    units = reading.units
    indices = set(_alone(found, asked).indices)
    compares = units[i].kind == "row" and Kind.EXTREME in asked.kinds
    if compares or (units[i].ordered and asked.procedural):
        indices.update(_matching(reading, _block(reading, i), asked))
    last = max(indices)
    wants_code = asked.procedural or Kind.CODE in asked.kinds
    if wants_code and last + 1 < len(units) and units[last + 1].kind == "code":
        indices.add(last + 1)
    first = min(indices)
    led = units[first].kind == "code" or (units[first].kind in ("item", "row") and len(indices) > 1)
    if first > 0 and led and units[first - 1].announces:
        indices.add(first - 1)
    return _Stretch(reading, frozenset(indices))


def _alone(found: Scored, asked: Asked) -> _Stretch:
    """A unit with what it cannot be read without."""
    reading, i = found.reading, found.index
    units = reading.units
    indices = {i} | (_paragraph(reading, i) if units[i].kind == "sentence" else set())
    for j in sorted(indices):
        if units[j].announces or (units[i].kind == "item" and len(units[i].shown) <= SHORT):
            indices.update(_matching(reading, _members(reading, j), asked))
    last = max(indices)
    if last + 1 < len(units) and _EXAMPLE.match(units[last + 1].shown) and len(units[last + 1].shown) <= 120:
        indices.add(last + 1)
    return _Stretch(reading, frozenset(indices))


def _kept(reading: Reading, i: int, chosen: frozenset[int] | set[int]) -> bool:
    """Whether a unit announces nothing, or something that was chosen too."""
    if not reading.units[i].announces or i + 1 in chosen:
        return True
    return not chosen.isdisjoint(_members(reading, i))


def _block(reading: Reading, i: int) -> list[int]:
    return [j for j, unit in enumerate(reading.units) if unit.block == reading.units[i].block]


def _paragraph(reading: Reading, i: int) -> set[int]:
    """The paragraph of a sentence where it is short, else the sentence and those it hangs together with."""
    paragraph = [j for j in _block(reading, i) if reading.units[j].kind == "sentence"]
    if sum(estimate_tokens(reading.units[j].shown) for j in paragraph) <= PARAGRAPH_TOKENS:
        return set(paragraph)
    units = reading.units
    first = last = i
    if i - 1 in paragraph and (
        _POINTS_BACK.match(units[i].shown) or _VERDICT.search(units[i - 1].shown[-SHORT:])
    ):
        first = i - 1
    if i + 1 in paragraph and _POINTS_BACK.match(units[i + 1].shown):
        last = i + 1
    while last + 1 in paragraph and _opened("".join(unit.shown for unit in units[first : last + 1])):
        last += 1
    return set(range(first, last + 1))


def _opened(text: str) -> bool:
    """Whether a bracket or quotation of the text is still open."""
    return any(text.count(opening) > text.count(closing) for opening, closing in ("（）", "()", "“”", "「」"))


def _members(reading: Reading, i: int) -> list[int]:
    """What stands under unit ``i``: deeper items, or the list, table, code or short lines that follow.

    A table or list that the unit names may follow after the rest of its paragraph.
    """
    units = reading.units
    if units[i].kind == "sentence" and units[i].refers_below:
        last = max(_block(reading, i))
        if last + 1 < len(units) and units[last + 1].kind in ("item", "row", "code"):
            i = last
    below: list[int] = []
    for j in range(i + 1, len(units)):
        first, unit = units[i + 1], units[j]
        if first.block == units[i].block:
            belongs = unit.block == first.block and unit.depth > units[i].depth
        elif first.kind == "sentence":
            belongs = unit.kind == "sentence" and len(unit.shown) <= SHORT and not unit.announces
        else:
            belongs = unit.block == first.block and first.kind != "heading"
        if not belongs:
            break
        below.append(j)
    lines = bool(below) and units[below[0]].kind == "sentence" and units[below[0]].block != units[i].block
    return [] if lines and len(below) == 1 else below


def _matching(reading: Reading, members: Sequence[int], asked: Asked) -> Sequence[int]:
    """All members where they are few, else those that share a term with the question, else the first."""
    if len(members) <= MAX_MEMBERS:
        return members
    matching = [j for j in members if asked.sought.names(reading.own[j])]
    return (matching or list(members))[:MAX_MEMBERS]


def _tokens(stretches: Sequence[_Stretch]) -> int:
    return sum(estimate_tokens(s.reading.units[i].shown) for s in stretches for i in s.indices)


def _excerpts(chosen: Sequence[_Stretch], asked: Asked, table: StarterTable) -> list[Excerpt]:
    """One excerpt for each passage: its units read best in the order they have in the document."""
    readings = {stretch.reading.passage.number: stretch.reading for stretch in chosen}
    excerpts: list[Excerpt] = []
    for number, reading in sorted(readings.items()):
        indices = {i for s in chosen if s.reading.passage.number == number for i in s.indices}
        # A sentence that announces something that was not chosen is left out, unless it is all there is.
        kept = {i for i in indices if _kept(reading, i, indices)} or indices
        units = (reading.units[i] for i in sorted(kept))
        shown = tuple(
            replace(u, shown=relevant_code(u.shown, asked, table)) if u.kind == "code" else u for u in units
        )
        excerpts.append(Excerpt(reading.passage, shown, reading.headings[min(kept)]))
    return excerpts
