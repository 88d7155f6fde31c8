"""Tells text from what a broken character map makes of it."""

import unicodedata

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
    seen = [character for character in text if not character.isspace()]
    if len(seen) < _LEAST:
        return False
    kinds = [unicodedata.category(character) for character in seen]
    unknown = sum(kind in ("Co", "Cn", "Cs") for kind in kinds) + seen.count(_REPLACEMENT)
    if kinds.count("Cc") > _MAX_CONTROLS * len(seen) or unknown > _MAX_UNKNOWN * len(seen):
        return True
    latin = [character for character in seen if character.isalpha() and character < "\u0250"]
    accented = sum(character > "\x7f" for character in latin)
    if len(latin) >= _LEAST and accented > _MAX_ACCENTED * len(latin):
        return True
    han = [character for character in seen if "\u3400" <= character <= "\u9fff"]
    common = sum(map(_is_common_han, han))
    return len(han) >= _LEAST and common < _LEAST_COMMON * len(han)


def _is_common_han(character: str) -> bool:
    """Whether it is in the first level of GB 2312 (3,755 characters) or of Big5 (5,401)."""
    simplified = character.encode("gb2312", errors="ignore")
    if simplified and 0xB0 <= simplified[0] <= 0xD7:
        return True
    traditional = character.encode("big5", errors="ignore")
    return bool(traditional) and 0xA4 <= traditional[0] <= 0xC6
