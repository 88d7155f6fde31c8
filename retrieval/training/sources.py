"""Pairs of texts to learn from: translations, dictionary entries, headings with the passage under them."""

import gzip
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from retrieval.errors import RetrievalError

Group = Literal[
    "tatoeba",
    "python",
    "documentation",
    "sentences",
    "hsk",
    "dictionary",
    "wordnet",
    "names",
    "passages_zh",
    "passages_en",
]
GLOSSARIES: frozenset[Group] = frozenset({"hsk", "dictionary", "wordnet", "names"})
"""Groups whose texts are single words and names."""
ONE_LANGUAGE: frozenset[Group] = frozenset({"passages_zh", "passages_en"})

_LONGEST_GLOSS = 80  # characters of English; longer ones explain a word, they do not translate it
_PARALLEL: dict[str, Group] = {"tatoeba": "tatoeba", "pydocs": "python"}
_WORDS: dict[str, Group] = {
    "cow": "wordnet",
    "omw-wikt": "wordnet",
    "geonames": "names",
    "cldr": "names",
    "name-suggestion-index": "names",
    "d3-celestial": "names",
    "football-team-names-zh": "names",
    "hsk": "hsk",
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts that say the same, English then Chinese, or a heading and its passage in one language."""

    group: Group
    left: str
    right: str


def read(train: Path, extra: Path | None) -> list[Pair]:
    """The pairs of a folder of training text, then those of ``extra``, each in the order of its files.

    ``train`` holds ``parallel``, ``words`` and ``heading_passage``, ``extra`` ``words`` and ``pairs``, all
    ``.jsonl.gz``. Glosses of more than 80 characters are left out. Raises ``RetrievalError`` naming the file,
    and the line where one is at fault.
    """
    found = [
        Pair(_PARALLEL.get(source, "documentation"), en, zh)
        for source, en, zh in _rows(train / "parallel.jsonl.gz", "en", "zh")
    ]
    found.extend(_glosses(train / "words.jsonl.gz"))
    found.extend(
        Pair("passages_zh" if language == "zh" else "passages_en", heading, passage)
        for language, heading, passage in _rows(train / "heading_passage.jsonl.gz", "a", "b", kind="lang")
    )
    if extra is not None:
        found.extend(_glosses(extra / "words.jsonl.gz"))
        found.extend(Pair("sentences", en, zh) for _, en, zh in _rows(extra / "pairs.jsonl.gz", "en", "zh"))
    return found


def _glosses(file: Path) -> Iterator[Pair]:
    for source, en, zh in _rows(file, "en", "zh"):
        if len(en) <= _LONGEST_GLOSS:
            yield Pair(_WORDS.get(source, "dictionary"), en, zh)


def _rows(file: Path, left: str, right: str, *, kind: str = "src") -> Iterator[tuple[str, str, str]]:
    """(kind, left, right) of each line."""
    number = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):  # noqa: B007 - the error names it
                row = json.loads(line)
                texts = row[kind], row[left], row[right]
                if not all(isinstance(text, str) for text in texts):
                    raise TypeError(f"{kind}, {left} and {right} must be text")
                yield texts
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as error:
        what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
        where = f", line {number}" if number else ""
        raise RetrievalError(
            f"training text {file}{where} cannot be read ({what}); "
            f'each line of the gzip file must be an object with "{kind}", "{left}" and "{right}"'
        ) from error
