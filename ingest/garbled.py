"""Tells text from what a broken character map makes of it."""

import re
import unicodedata
from collections import Counter

_LEAST = 20  # characters; less says nothing
_MAX_CONTROLS = 0.03  # share of control characters; running text has none
_MAX_UNKNOWN = 0.10  # share of private-use, unassigned and replacement characters; icon fonts stay below
_MAX_ACCENTED = 0.5  # share of Latin letters outside ASCII; Vietnamese has about a third
_LEAST_COMMON = 0.6  # share of common Han characters; random ones have about a third, real text over 0.9
_REPLACEMENT = "\ufffd"
_HAN = re.compile("[\u3400-\u9fff]+")
_HAN_OR_SPACE = re.compile(r"[\u3400-\u9fff\s]+")


def is_garbled(text: str) -> bool:
    """Whether a text layer decodes to nonsense, so that nobody could find or read what the page shows.

    The thresholds lie between the garbled and the readable files of ``data/golden/pdfs``; real text of any
    language stays far below them. Texts of fewer than 20 characters are never called garbled.
    """
    if text.isascii() and text.isprintable():
        return False
    han = "".join(_HAN.findall(text))
    others = Counter(_HAN_OR_SPACE.sub("", text))
    total = len(han) + others.total()
    if total < _LEAST:
        return False
    kinds: Counter[str] = Counter()
    for character, count in others.items():
        kinds[unicodedata.category(character)] += count
    unknown = kinds["Co"] + kinds["Cn"] + kinds["Cs"] + others[_REPLACEMENT]
    if kinds["Cc"] > _MAX_CONTROLS * total or unknown > _MAX_UNKNOWN * total:
        return True
    letters = [(c, count) for c, count in others.items() if c < "\u0250" and c.isalpha()]
    latin = sum(count for _, count in letters)
    accented = sum(count for character, count in letters if character > "\x7f")
    if latin >= _LEAST and accented > _MAX_ACCENTED * latin:
        return True
    return len(han) >= _LEAST and _common_han(han) < _LEAST_COMMON * len(han)


def _common_han(text: str) -> int:
    """How many of these Han characters are in the first level of GB 2312 (3,755) or of Big5 (5,401)."""
    simplified = text.encode("gb2312", errors="ignore")  # two bytes each
    common = sum(0xB0 <= lead <= 0xD7 for lead in simplified[::2])
    if common >= _LEAST_COMMON * len(text):
        return common
    return sum(map(_is_common_han, text))


def _is_common_han(character: str) -> bool:
    simplified = character.encode("gb2312", errors="ignore")
    if simplified and 0xB0 <= simplified[0] <= 0xD7:
        return True
    traditional = character.encode("big5", errors="ignore")
    return bool(traditional) and 0xA4 <= traditional[0] <= 0xC6
