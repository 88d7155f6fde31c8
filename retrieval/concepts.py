"""Concepts: words of both languages that mean the same share one extra term, so a match crosses languages.

They stand in ``glossary.tsv`` beside this file: a small dictionary for the lexical channel and the hashing
embedder, not a translation model. What is not in the glossary is not found across languages.
"""

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources

from retrieval.analysis import normalise, terms
from retrieval.stemming import stem

MARK = "©"
"""The first character of every concept term; no other term holds it."""

_UNIT = re.compile(r"[a-z0-9]+|[^\x00-\x7f\W]+")
_Step = dict[str, "_Step | str"]
_END = ""


def concepts(text: str) -> list[str]:
    """The concept terms (``©sso``) of a text in reading order, repeats kept.

    At every place the longest synonym counts: 电子发票 gives ©einvoice, and at its second half ©invoice.
    Latin synonyms match whole words in any inflection and case, Chinese ones any stretch of characters.
    """
    units = _units(text)
    root = _trie()
    found = []
    for i, (unit, _) in enumerate(units):
        if unit in root:
            concept = _longest(root, units, i)
            if concept is not None:
                found.append(concept)
    return found


def expanded_terms(text: str) -> list[str]:
    """``analysis.terms`` followed by the text's concept terms."""
    return terms(text) + concepts(text)


def glossary() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every concept id with its synonyms of both languages, in the order of the file."""
    text = resources.files("retrieval").joinpath("glossary.tsv").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            concept, chinese, english = line.split("\t")
            yield concept, (*chinese.split("|"), *english.split("|"))


def _units(text: str) -> list[tuple[str, bool]]:
    """Latin words (stemmed) and single characters of other scripts.

    True marks a unit with at most a space, hyphen, slash, underscore or full stop before it.
    """
    normal = normalise(text)
    units: list[tuple[str, bool]] = []
    end = 0
    for match in _UNIT.finditer(normal):
        joined = normal[end : match.start()] in ("", " ", "-", "/", "_", ".")
        end = match.end()
        if match[0].isascii():
            units.append((stem(match[0]) if match[0].isalpha() else match[0], joined))
        else:
            units.extend((character, joined or i > 0) for i, character in enumerate(match[0]))
    return units


def _longest(root: _Step, units: list[tuple[str, bool]], start: int) -> str | None:
    step, concept = root, None
    for i in range(start, len(units)):
        unit, joined = units[i]
        following = step.get(unit) if joined or i == start else None
        if not isinstance(following, dict):
            break
        step = following
        ended = step.get(_END)
        if isinstance(ended, str):
            concept = ended
    return concept


@cache
def _trie() -> _Step:
    root: _Step = {}
    for concept, synonyms in glossary():
        for synonym in synonyms:
            step = root
            for unit, _ in _units(synonym):
                following = step.setdefault(unit, {})
                assert isinstance(following, dict)  # noqa: S101 - only _END holds a string
                step = following
            step[_END] = MARK + concept
    return root
