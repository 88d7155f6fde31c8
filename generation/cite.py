"""Marks in an answer become citations: each with the exact words of the document it rests on."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from generation.estimate import estimate_tokens
from generation.marks import Mark, fenced_spans, find_marks
from generation.numerals import digit_numbers, stated_numbers
from generation.support import best_quote, features
from generation.types import Citation
from retrieval.sentences import sentence_spans
from retrieval.types import Notice, Passage

LEAD_IN_TOKENS = 4
"""Estimated tokens up to which the words before a mark may only announce the source."""

_ENDED = re.compile(r"\s*(?:[。！？；.!?;\n]|\Z)")
_LIST_NUMBER = re.compile(r"^\s*\d{1,3}[.)、．]\s*")
_LISTED = re.compile(r"\s*(?:[-*+|]|\d{1,3}[.)、．])")
_ANNOUNCES = re.compile(r"[^“”《》]*[:：]\s*$")  # a line that names its source is not out of it
_BETWEEN_MARKS = re.compile(r"[\s,，、;；]*\Z")


@dataclass(frozen=True, slots=True)
class Cited:
    """An answer with its marks in one form, ``[n]`` each, and the citations they stand for, in order."""

    text: str
    citations: tuple[Citation, ...]
    notices: tuple[Notice, ...] = ()


def cite(text: str, passages: Sequence[Passage]) -> Cited:
    """Tie every mark of an answer to the sentences of its passage that support the words before it best.

    In the returned text each mark reads ``[n]`` (``[1, 2]`` becomes ``[1][2]``); everything else is
    unchanged. ``Citation.position`` is the index of its mark there, ``quote`` stands word for word at
    ``start`` in the document. Notices: ``citation_removed`` (a number that was not given),
    ``weak_support`` (nothing in common with the passage; the quote is then the whole passage),
    ``unsupported_number`` (digits that no cited passage has), ``uncited_answer`` (no mark is left).
    Raises ``ValueError`` when a passage is not part of its chunk.
    """
    by_number = {passage.number: passage for passage in passages}
    citations: list[Citation] = []
    notices: list[Notice] = []
    pieces: list[str] = []
    length = done = 0
    marks = find_marks(text)
    claims = _claims(text, marks)
    for mark, claim in zip(marks, claims, strict=True):
        pieces.append(text[done : mark.start])
        length += mark.start - done
        done = mark.end
        for number in mark.numbers:
            if number not in by_number:
                notices.append(Notice.of("citation_removed", number=number))
                continue
            citation, doubts = _citation(claim, by_number[number], length)
            citations.append(citation)
            notices += doubts
            pieces.append(f"[{number}]")
            length += len(pieces[-1])
    pieces.append(text[done:])
    notices += _unsupported_numbers(marks, claims, by_number)
    if text.strip() and not citations:
        notices.append(Notice.of("uncited_answer"))
    return Cited("".join(pieces), tuple(citations), tuple(dict.fromkeys(notices)))


def _citation(claim: str, passage: Passage, position: int) -> tuple[Citation, tuple[Notice, ...]]:
    chunk = passage.chunk
    offset = chunk.text.find(passage.text)
    if offset < 0:
        raise ValueError(f"passage {passage.number} is not part of the text of its chunk {chunk.id}")
    quote = best_quote(claim, passage)
    start = chunk.start + offset + quote.start
    citation = Citation(
        number=passage.number,
        chunk_id=chunk.id,
        document_id=chunk.document_id,
        document=chunk.document,
        title=chunk.title,
        pages=chunk.pages,
        headings=chunk.headings,
        quote=passage.text[quote.start : quote.end],
        start=start,
        end=start + quote.end - quote.start,
        position=position,
    )
    doubts = () if quote.share else (Notice.of("weak_support", number=passage.number),)
    return citation, doubts


def _claims(text: str, marks: Sequence[Mark]) -> list[str]:
    """For each mark, the words it stands for; marks with nothing between them stand for the same words."""
    claims: list[str] = []
    before = 0
    for mark, following in zip_longest(marks, marks[1:]):
        between = text[before : mark.start]
        if claims and _BETWEEN_MARKS.match(between):
            claims.append(claims[-1])
        else:
            after = text[mark.end : following.start if following else len(text)]
            claims.append(_claim(_claim_before(between), after))
        before = mark.end
    return claims


def _claim_before(region: str) -> str:
    """The last paragraph, list, table or code block that says something, with the line that announces it."""
    region = region.rstrip()
    for start, end in reversed(fenced_spans(region)):
        if end == len(region):
            above = _last_block(region[:start])[-1]
            return region[start:] if above and not _ANNOUNCES.match(above) else f"{above}\n{region[start:]}"
    block = _last_block(region)
    return "\n".join(_LIST_NUMBER.sub("", line) for line in block)


def _last_block(region: str) -> list[str]:
    """The lines of the last block, those of a list or table with the line above that announces them."""
    lines = region.splitlines()
    while lines and not features(lines[-1]):
        lines.pop()
    first = len(lines)
    while first > 0 and lines[first - 1].strip():
        first -= 1
    block = lines[first:]
    above = next((line for line in reversed(lines[:first]) if line.strip()), "")
    if len(block) > 1 and _LISTED.match(block[0]) and _ANNOUNCES.match(above):
        block = [above, *block]
    return block or [""]


def _claim(before: str, after: str) -> str:
    """What stands before a mark; or after it where the source is named first (``根据[1]，…``)."""
    if before and (estimate_tokens(before) > LEAD_IN_TOKENS or _ENDED.match(after)):
        return before
    spans = sentence_spans(after)
    said = after[spans[0][0] : spans[0][1]] if spans else ""
    return said if features(said) else before


def _unsupported_numbers(
    marks: Sequence[Mark], claims: Sequence[str], by_number: dict[int, Passage]
) -> list[Notice]:
    """Numbers written in digits that stand in none of the passages cited for their claim."""
    cited: dict[str, list[Passage]] = {}
    for mark, claim in zip(marks, claims, strict=True):
        cited.setdefault(claim, []).extend(by_number[n] for n in mark.numbers if n in by_number)
    notices: list[Notice] = []
    for claim, passages in cited.items():
        sources = "\n".join(f"{passage.chunk.contextual_text} {passage.chunk.pages}" for passage in passages)
        known = stated_numbers(sources)
        for number in sorted(digit_numbers(claim)):
            inside = re.search(rf"(?<!\d){re.escape(number)}(?!\d)", sources)
            if passages and number not in known and not inside:
                notices.append(Notice.of("unsupported_number", number=number, passage=passages[0].number))
    return notices
