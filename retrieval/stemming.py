"""A light English stemmer: plurals, -ed, -ing and a silent -e; nothing that changes what kind of word it is.

Source: the S-stemmer of Harman, "How effective is suffixing?" (JASIS 1991), extended by steps 1b, 1c and
5a of Porter, "An algorithm for suffix stripping" (Program 1980). Stems are for comparing, not for
reading.
"""

from functools import lru_cache

_VOWELS = frozenset("aeiouy")
_DOUBLED = frozenset("bdgmnprt")
_IRREGULAR = {"used": "use", "using": "use"}


@lru_cache(1 << 16)  # words repeat: saves a tenth of the time a text takes
def stem(word: str) -> str:
    """The stem of a lower-case ASCII word; words of up to three letters come back unchanged."""
    if len(word) <= 3:
        return word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    word = _without_verb_ending(_without_plural(word))
    if len(word) > 3 and word.endswith("e") and not word.endswith("ee"):
        word = word[:-1]
    if len(word) > 3 and word.endswith("y") and word[-2] not in _VOWELS:
        word = word[:-1] + "i"
    return word


def _without_plural(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "shes", "ches", "xes", "zzes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def _without_verb_ending(word: str) -> str:
    if word.endswith("eed"):
        return word
    if word.endswith("ied") and len(word) > 4:
        return word[:-3] + "y"
    for ending in ("ing", "ed"):
        rest = word[: -len(ending)]
        if word.endswith(ending) and len(rest) >= 3 and not _VOWELS.isdisjoint(rest):
            doubled = len(rest) > 3 and rest[-1] == rest[-2] and rest[-1] in _DOUBLED
            return rest[:-1] if doubled else rest
    return word
