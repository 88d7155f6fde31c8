"""Tells text from what a broken character map makes of it."""

import unicodedata
from collections import Counter

_LEAST = 20  # characters; less says nothing
_MAX_CONTROLS = 0.03  # share of control characters; running text has none
_MAX_UNKNOWN = 0.10  # share of private-use, unassigned and replacement characters; icon fonts stay below
_MAX_ACCENTED = 0.5  # share of Latin letters outside ASCII; Vietnamese has about a third
_LEAST_COMMON = 0.6  # share of common Han characters; random ones have about a third, real text over 0.9
_REPLACEMENT = "\ufffd"


def is_garbled(text: str) -> bool:
    """Whether a text layer decodes to nonsense, so that nobody could find or read what the page shows.

    The thresholds lie between the garbled and the readable files of ``shared/eval/dev/pdfs``; real text
    of any language stays far below them. Texts of fewer than 20 characters are never called garbled.
    """
    if text.isascii() and text.isprintable():
        return False
    counts = Counter(text)
    seen = {character: count for character, count in counts.items() if not character.isspace()}
    total = sum(seen.values())
    if total < _LEAST:
        return False
    kinds: Counter[str] = Counter()
    for character, count in seen.items():
        kinds[unicodedata.category(character)] += count
    unknown = kinds["Co"] + kinds["Cn"] + kinds["Cs"] + seen.get(_REPLACEMENT, 0)
    if kinds["Cc"] > _MAX_CONTROLS * total or unknown > _MAX_UNKNOWN * total:
        return True
    letters = {character: count for character, count in seen.items() if character < "\u0250"}
    latin = sum(count for character, count in letters.items() if character.isalpha())
    accented = sum(
        count for character, count in letters.items() if character > "\x7f" and character.isalpha()
    )
    if latin >= _LEAST and accented > _MAX_ACCENTED * latin:
        return True
    han = {character: count for character, count in seen.items() if "\u3400" <= character <= "\u9fff"}
    common = sum(count for character, count in han.items() if _is_common_han(character))
    written = sum(han.values())
    return written >= _LEAST and common < _LEAST_COMMON * written


def _is_common_han(character: str) -> bool:
    """Whether it is in the first level of GB 2312 (3,755 characters) or of Big5 (5,401)."""
    simplified = character.encode("gb2312", errors="ignore")
    if simplified and 0xB0 <= simplified[0] <= 0xD7:
        return True
    traditional = character.encode("big5", errors="ignore")
    return bool(traditional) and 0xA4 <= traditional[0] <= 0xC6
