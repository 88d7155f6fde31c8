"""Sentences of two versions of one text that say the same about different numbers, or the opposite."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from generation.numerals import digit_numbers, stated_numbers
from retrieval.sentences import sentence_spans
from retrieval.types import Chunk

Kind = Literal["date", "amount", "number", "negation"]
ALIKE = 0.55  # share of common pairs of characters, numbers and negations aside, from which sentences compare
MOST = 400  # sentences of one version that have no equal in the other, and are compared
_UNITS = "个天日月年周小分秒次人元份级倍条项名岁度页"
_CHINESE_NUMBER = re.compile(rf"[零〇一二两三四五六七八九十百千万]+(?=[{_UNITS}%％])")
_MONTHS = "january|february|march|april|june|july|august|september|october|november|december"
_DATE = re.compile(
    r"\d{4}\s*[-/.年]\s*\d{1,2}(?:\s*[-/.月]\s*\d{1,2}\s*日?)?|\d{1,2}\s*月\s*\d{1,2}\s*日|\d{4}\s*年|\b(?:"
    + _MONTHS
    + r")\b(?:\s+\d{1,2})?(?:,?\s+\d{4})?",
    re.IGNORECASE,
)
_AMOUNT = re.compile(
    r"[¥$€£]\s*\d[\d,.]*\d|[¥$€£]\s*\d"
    r"|\d[\d,.]*\s*(?:%|元|万元|亿元|美元|percent|per cent|usd|eur|rmb|cny|dollars?|yuan)",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_ENGLISH_NUMBER = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|ninety|hundred|once|twice)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"不(?!仅|但|断|同|过|久|管|论|妨|良)|未(?!来)|无(?!论)|没有?|非(?!常)|禁止|严禁|勿"
    r"|\b(?:not|no|never|without|cannot|prohibited|forbidden)\b|n['’]t\b",
    re.IGNORECASE,
)
_MARKER = re.compile(r"^\s*(?:[#>*+•·-]+\s*|\d{1,3}[.)、]\s*|[(（]\d{1,3}[)）]\s*)+")
_NOT_WORDS = re.compile(r"[\W_]+")
_LAYOUT = re.compile(r"[\s*_`|]+")


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence of a document: offsets are those of the document's text."""

    text: str
    chunk_id: str
    start: int
    end: int
    heading: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two sentences that differ in numbers, dates, amounts or negations; ``values``: what only one says."""

    kinds: tuple[Kind, ...]
    one: Said
    other: Said
    one_values: tuple[str, ...]
    other_values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Outline:
    """What is compared of a sentence."""

    said: Said
    pairs: frozenset[str]
    values: dict[Kind, frozenset[str]]
    negations: int


def contradictions(one: Sequence[Chunk], other: Sequence[Chunk]) -> tuple[list[Contradiction], int]:
    """What two versions of a text say differently, in the order of the first; and sentences left uncompared.

    Sentences that stand in both word for word are no matter. Of the others each is compared with the one
    most like it, numbers and negations aside.
    """
    mine, theirs = sentences(one), sentences(other)
    common = {_bare(each.text) for each in mine} & {_bare(each.text) for each in theirs}
    left = [each for each in mine if _bare(each.text) not in common]
    right = [each for each in theirs if _bare(each.text) not in common]
    dropped = max(0, len(left) - MOST) + max(0, len(right) - MOST)
    outlines = [_outline(each) for each in left[:MOST]]
    others = [_outline(each) for each in right[:MOST]]
    scored = []
    for i, a in enumerate(outlines):
        for j, b in enumerate(others):
            likeness = _likeness(a.pairs, b.pairs)
            if likeness >= ALIKE:
                scored.append((likeness + 0.1 * (a.said.heading == b.said.heading), i, j))
    scored.sort(key=lambda each: (-each[0], each[1], each[2]))
    found: dict[int, Contradiction] = {}
    taken: tuple[set[int], set[int]] = (set(), set())
    for _, i, j in scored:
        if i in taken[0] or j in taken[1]:
            continue
        taken[0].add(i)
        taken[1].add(j)
        difference = _difference(outlines[i], others[j])
        if difference is not None:
            found[i] = difference
    return [found[i] for i in sorted(found)], dropped


def sentences(chunks: Sequence[Chunk]) -> list[Said]:
    """The sentences of a document's chunks, each once, those with letters in them."""
    seen: set[tuple[int, int]] = set()
    found = []
    for chunk in chunks:
        for left, right in sentence_spans(chunk.text):
            place = (chunk.start + left, chunk.start + right)
            text = chunk.text[left:right]
            if place in seen or len(_bare(text)) < 4:
                continue
            seen.add(place)
            heading = chunk.headings[-1] if chunk.headings else ""
            found.append(Said(text, chunk.id, *place, heading))
    return found


def _difference(a: _Outline, b: _Outline) -> Contradiction | None:
    kinds: list[Kind] = []
    values: tuple[list[str], list[str]] = ([], [])
    for kind in a.values:
        only_a, only_b = a.values[kind] - b.values[kind], b.values[kind] - a.values[kind]
        if (
            only_a and only_b
        ):  # a value that only one of them states adds to the other, and contradicts nothing
            kinds.append(kind)
            values[0].extend(sorted(only_a))
            values[1].extend(sorted(only_b))
    if a.negations % 2 != b.negations % 2:
        kinds.append("negation")
    if not kinds:
        return None
    return Contradiction(tuple(kinds), a.said, b.said, tuple(values[0]), tuple(values[1]))


def _outline(said: Said) -> _Outline:
    text = _MARKER.sub("", unicodedata.normalize("NFKC", said.text)).casefold()
    negations = len(_NEGATION.findall(text))
    values: dict[Kind, frozenset[str]] = {}
    rest = text
    for kind, pattern in (("date", _DATE), ("amount", _AMOUNT)):
        values[kind] = frozenset(re.sub(r"\s|[,]", "", each) for each in pattern.findall(rest))  # type: ignore[index]  # the two kinds above
        rest = pattern.sub("#", rest)
    numbers = set(digit_numbers(rest))
    for pattern in (_CHINESE_NUMBER, _ENGLISH_NUMBER):
        numbers |= stated_numbers(" ".join(pattern.findall(rest)))
        rest = pattern.sub("#", rest)
    values["number"] = frozenset(numbers)
    bare = _NOT_WORDS.sub("", _NEGATION.sub("", _NUMBER.sub("", rest.replace("#", ""))))
    return _Outline(said, _pairs(bare), values, negations)


def _pairs(text: str) -> frozenset[str]:
    counted = Counter(text[i : i + 2] for i in range(max(len(text) - 1, 1)))
    return frozenset(f"{pair}{n}" for pair, times in counted.items() for n in range(times))


def _likeness(a: frozenset[str], b: frozenset[str]) -> float:
    if not a or not b or 2 * min(len(a), len(b)) < max(len(a), len(b)):
        return 0.0
    common = len(a & b)
    return common / (len(a) + len(b) - common)


def _bare(text: str) -> str:
    return _LAYOUT.sub("", unicodedata.normalize("NFKC", _MARKER.sub("", text)).casefold())
