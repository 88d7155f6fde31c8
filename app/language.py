"""Which language to speak: Chinese or English."""

import re
from typing import get_args

from retrieval.types import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)
LANGUAGE_COOKIE = "touchstone_lang"

_RANGE = re.compile(r"\s*([A-Za-z*]+)(?:-[A-Za-z0-9-]*)?\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?$")


def negotiate(wanted: str | None, cookie: str | None, accept_language: str | None) -> Language:
    """The language of a page: the one asked for, else the cookie's, else the browser's, else English.

    ``accept_language`` follows RFC 9110 section 12.5.4; of the two languages the one with the higher weight
    wins, the first named at equal weight. Values that are no language of ours are passed over.
    """
    for choice in (wanted, cookie):
        for language in LANGUAGES:
            if choice == language:
                return language
    best: Language = "en"
    weight = 0.0
    for part in (accept_language or "").split(","):
        match = _RANGE.match(part)
        if match is None:
            continue
        quality = _quality(match[2])
        for language in LANGUAGES:
            if match[1].lower() == language and quality > weight:
                best, weight = language, quality
    return best


def _quality(text: str | None) -> float:
    try:
        return 1.0 if text is None else float(text)
    except ValueError:
        return 0.0
