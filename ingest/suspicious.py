"""Text that speaks to a language model instead of a reader: found, named, and left where it stands.

A pattern cannot tell an attack from a page that describes one, so nothing is removed or refused: an admin is
shown what was found, and answers do not quote it unasked. Families of attacks: Greshake et al. 2023
(arXiv:2302.12173), BIPIA (arXiv:2312.14197), OWASP LLM01:2025.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ingest.suspicious_patterns import PATTERNS, REASONS, Reason
from retrieval.types import Notice


@dataclass(frozen=True, slots=True)
class Flag:
    """``text[start:end]`` is suspicious, for a reason."""

    reason: Reason
    start: int
    end: int


_TAG = re.compile(r"<(/?)(context|documents?|passages?|system|instructions?|prompt)>", re.I)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{24,}={0,2}(?![A-Za-z0-9+/=])")
_WIDE = re.compile("[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]")  # full-width digits and letters
WINDOW, LONGEST = 100_000, 2_000
"""Characters that are searched at once, and the most that a pattern spans."""
LONG_BASE64 = 200
"""Characters from which encoded text is named even where it decodes to no words: pictures, programs, keys."""
_LEAST_WORDS = 3
_WORDS = re.compile(r"[A-Za-z]{2,}|[\u4e00-\u9fff]")


def find(text: str, *, part: bool = False) -> tuple[Flag, ...]:
    """What is suspicious in a text, by place; flags of one reason do not overlap, those of several may.

    ``part``: it was cut out of another text, where a tag that it closes may have been opened.

    Linear in the text. It errs to both sides: an ordinary sentence that happens to tell a model what to do
    (explain relativity) is not found, a page about prompts is. ``app/docs/experiments.md`` has the figures.
    """
    text = _WIDE.sub(lambda letter: chr(ord(letter[0]) - 0xFEE0), text)  # as many letters as before
    found = {
        *_worded(text),
        *(() if part else _unopened(text)),
        *_encoded(text),
    }
    kept: list[Flag] = []
    ends: dict[Reason, int] = {}
    for flag in sorted(found, key=lambda each: (each.start, -each.end, REASONS.index(each.reason))):
        if flag.start >= ends.get(flag.reason, 0):
            kept.append(flag)
            ends[flag.reason] = flag.end
    return tuple(kept)


def _worded(text: str) -> Iterator[Flag]:
    """Window by window: one search through all of a long text would keep every other thread waiting."""
    for start in range(0, len(text), WINDOW):
        for reason, pattern in PATTERNS:
            for each in pattern.finditer(text, start, start + WINDOW + LONGEST):
                if each.start() < start + WINDOW:
                    yield Flag(reason, *each.span())


def suspicion_notices(flags: Sequence[Flag]) -> tuple[Notice, ...]:
    """``suspicious_text`` (count, reasons) where anything was found."""
    if not flags:
        return ()
    reasons = sorted({flag.reason for flag in flags}, key=REASONS.index)
    return (Notice.of("suspicious_text", count=len(flags), reasons=", ".join(reasons)),)


def _unopened(text: str) -> Iterator[Flag]:
    """Tags that close what the text has not opened, as one does that wants out of a prompt's section."""
    open_tags: dict[str, int] = {}
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if not tag[1]:
            open_tags[name] = open_tags.get(name, 0) + 1
        elif open_tags.get(name, 0):
            open_tags[name] -= 1
        else:
            yield Flag("closing_tag", *tag.span())


def _encoded(text: str) -> Iterator[Flag]:
    for run in _BASE64.finditer(text):
        if len(run[0]) >= LONG_BASE64 or _says_something(run[0]):
            yield Flag("encoded", *run.span())


def _says_something(encoded: str) -> bool:
    """Whether base64 decodes to words that somebody wrote."""
    padded = encoded.rstrip("=") + "=" * (-len(encoded.rstrip("=")) % 4)
    try:
        said = base64.b64decode(padded, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return False
    printable = all(letter.isprintable() or letter in "\n\t" for letter in said)
    return printable and len(_WORDS.findall(said)) >= _LEAST_WORDS
