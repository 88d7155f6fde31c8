"""Where sentences begin and end in Chinese and English text, by exact offsets."""

import re
from collections.abc import Iterator

_HARD = "。！？；…"
_CLOSERS = "”’」』）)\\]】》\"'*_`"
# Full-width enders always end a sentence; ASCII ones only where URLs, code and numbers survive. Runs are read
# possessively and from their first character only: one of n marks that ends nothing would take n² steps.
_END = re.compile(
    rf"[{_HARD}]+[!?;{_HARD}]*[{_CLOSERS}]*"
    rf"|(?<![!?])[!?]++[{_CLOSERS}]*+(?=\s*$|\s+[^a-z\s]|[\u3400-\u9fff])"
    r"|(?<=[\u3400-\u9fff]);|;(?=[\u3400-\u9fff])"
    rf"|(?P<dot>\.)[{_CLOSERS}]*(?=\s|$)"
    r"|(?<=[\u3400-\u9fff])\.(?=[\u3400-\u9fff])"
)
_TITLES = "e.g i.e vs cf viz al ed eds approx resp mr mrs ms dr prof sr jr st rev gen dept est ext tel"
_MONTHS = "jan feb mar apr jun jul aug sept oct nov dec"
_BEFORE_NAMES = frozenset((_TITLES + " " + _MONTHS).split())
_NUMBERED = "no nos fig figs eq sec ch vol pp p art para tab"
_BEFORE_NUMBERS = frozenset(_NUMBERED.split())
_COMPANIES = "etc inc ltd co corp a.m p.m u.s u.k ph.d"
_BEFORE_ANYTHING = frozenset(_COMPANIES.split())
_LAST_WORD = re.compile(r"[^\s(\[{（“\"']*$")
_NEXT = re.compile(r"\s*(\S)")
_LOOK_BACK = 40  # characters; enough for any abbreviation, and keeps long lines linear
_MARKER = re.compile(r"(?:\d{1,4}|[A-Za-z]|[ivxIVX]{1,4})$")
_LIST_LINE = re.compile(r"\s*(?:[-*+•·]\s|\d{1,4}[.)、]|[A-Za-z][.)]\s|[(（]\d{1,3}[)）])")
_SOFT_WRAP = re.compile(r"\s{0,3}[a-z]")
_QUOTES = {"“": "”", "「": "」", "『": "』"}
_OPENING = re.compile(r"[“「『]|(?:(?<=^)|(?<=[\s(（:：,，。；;]))\"(?=[\w“])", re.M)
_STRAIGHT_CLOSE = re.compile(r"(?<=\S)\"(?!\w)")
_LONGEST_QUOTE = 300
"""Characters up to which quoted speech is kept in one sentence: a longer quotation is a text of its own."""
_GOES_ON = "，、,：:"  # he asks “…？”, and the sentence goes on
_MARKS_AFTER = re.compile(r"(?:(?<!\*)\*++|(?<!_)_++|(?<!`)`++|[\"'])(?=[\w“「『])")
_WRAPPED = re.compile(r"\s{0,3}[^\s#|>]")
_HAN = re.compile("[\u3400-\u9fff]")
_CLOSED_LINE = re.compile(r"[.!?:;。！？：；…|>]['\"”’)\]）】》*_`]*\s*$")
_FENCE = re.compile(r"\s{0,3}(?:```|~~~)")


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of a text as (start, end) offsets.

    Spans are in order, do not overlap, begin and end with a character that is not white space, and together
    cover every such character. A sentence ends at full-width enders with the closing quotes that follow, at
    an ASCII ender before white space (not after abbreviations, initials and list numbers, not before a
    lower-case word, never inside decimals, versions and URLs), and at the end of a line. A line without an
    ender goes on where the next line starts in lower case (a hard-wrapped paragraph), and a Chinese one that
    ends in a comma, except in fenced code. A quotation that is closed on its line within 300 characters is
    not cut inside, and a mark that opens the next words (``…。**结束** …``) belongs to them.
    """
    spans: list[tuple[int, int]] = []
    for start, end in _blocks(text):
        for left, right in _cut(text, start, end):
            trimmed = _trim(text, left, right)
            if trimmed is not None:
                spans.append(trimmed)
    return spans


def wrapped_lines(text: str) -> list[tuple[int, int]]:
    """The lines of a text as (start, end) offsets, each with the soft-wrapped lines that go on with it.

    Those of a list are its items. Spans are in order and cover all but white space.
    """
    trimmed = (_trim(text, start, end) for start, end in _blocks(text))
    return [span for span in trimmed if span is not None]


def _blocks(text: str) -> list[tuple[int, int]]:
    """Lines, with soft-wrapped ones joined."""
    blocks: list[tuple[int, int]] = []
    fenced, open_line, comma, position = False, False, False, 0
    for line in text.splitlines(keepends=True):
        end = position + len(line)
        fence = _FENCE.match(line) is not None
        goes_on = _SOFT_WRAP.match(line) or (comma and _WRAPPED.match(line))
        if open_line and not fence and goes_on and not _LIST_LINE.match(line):
            blocks[-1] = (blocks[-1][0], end)
        else:
            blocks.append((position, end))
        fenced = fenced != fence
        structural = line.lstrip().startswith(("#", "|"))
        comma = _ends_in_comma(line)
        open_line = not (fence or fenced or structural or not line.strip() or _CLOSED_LINE.search(line))
        position = end
    return blocks


def _ends_in_comma(line: str) -> bool:
    """Whether a line is a Chinese one that goes on."""
    said = line.rstrip()
    if not said.endswith(","):
        return said.endswith(("，", "、"))
    return (said[-2:-1].isalnum() or said[-2:-1] == "_") and _HAN.search(said[:-2]) is not None


def _cut(text: str, start: int, end: int) -> list[tuple[int, int]]:
    pieces: list[tuple[int, int]] = []
    left = start
    quoted = _quotations(text, start, end)
    closing = next(quoted, None)
    for match in _END.finditer(text, start, end):
        while closing is not None and closing[1] <= match.start():
            closing = next(quoted, None)
        if closing is not None and closing[0] < match.end() < closing[1]:
            continue
        if match["dot"] is not None and not _dot_ends(text, left, match.start("dot"), match.end(), end):
            continue
        right = _without_opening(text, left, match)
        if right < end and text[right] in _GOES_ON:
            continue
        pieces.append((left, right))
        left = right
    pieces.append((left, end))
    return pieces


def _quotations(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Quoted speech as (start, end) with its marks, in order and apart, each closed in time."""
    position = start
    while opening := _OPENING.search(text, position, end):
        position = opening.end()
        limit = min(end, position + _LONGEST_QUOTE)
        if opening[0] == '"':
            found = _STRAIGHT_CLOSE.search(text, position, limit)
            close = found.start() if found else -1
        else:
            close = text.find(_QUOTES[opening[0]], position, limit)
        if close >= 0 and "\n\n" not in text[position:close]:
            yield opening.start(), close + 1
            position = close + 1


def _without_opening(text: str, left: int, match: re.Match[str]) -> int:
    """The end of a sentence, less a mark after its ender that opens the words after it instead of closing."""
    for marks in _MARKS_AFTER.finditer(text, match.start(), match.end() + 1):
        before = text[max(left, marks.start() - _LONGEST_QUOTE) : marks.start()]
        if marks.end() == match.end() and before.count(marks[0]) % 2 == 0:
            return marks.start()
    return match.end()


def _dot_ends(text: str, left: int, dot: int, after: int, end: int) -> bool:
    """Whether the full stop at ``dot`` ends a sentence that began at ``left``."""
    following = _NEXT.match(text, after, end)
    if following is None:
        return True
    before = text[max(left, dot - _LOOK_BACK) : dot].lstrip()
    found = _LAST_WORD.search(before)
    word = found[0] if found else ""
    if word == before and _MARKER.match(word):
        return False
    if len(word) == 1 and word.isalpha() and word.isupper():
        return False
    folded = word.lower()
    if following[1].islower() or folded in _BEFORE_NAMES:
        return False
    if folded in _BEFORE_NUMBERS:
        return not following[1].isdigit()
    return folded not in _BEFORE_ANYTHING or following[1].isupper()


def _trim(text: str, left: int, right: int) -> tuple[int, int] | None:
    piece = text[left:right]
    stripped = piece.strip()
    if not stripped:
        return None
    start = left + len(piece) - len(piece.lstrip())
    return start, start + len(stripped)
