"""The one way text becomes terms: for index and query, reranker and generator of the starter profile."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from retrieval.folding import to_simplified
from retrieval.stemming import stem
from retrieval.stopwords import CHINESE_FUNCTION, CHINESE_STOP_PAIRS, ENGLISH_FUNCTION, ENGLISH_STOP
from retrieval.types import Language

ANALYSIS_VERSION = 1
"""Rises whenever any text gives other terms, characters or concepts than before: what is indexed then is
indexed again from its chunks."""

# Scripts written without spaces: kana, Han, Hangul, Thai, Lao, Burmese, Khmer.
_DENSE = (
    "\u3005\u3007\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3"
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\U00020000-\U0003ffff"
)
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_IS_DENSE = re.compile(f"[{_DENSE}]")
_LETTER = rf"[^\W_{_DENSE}]"
_TOKEN = re.compile(
    rf"(?P<dense>[{_DENSE}]+)|[A-Za-z]+n['’]t\b"
    rf"|(?P<word>{_LETTER}+(?:[._\-]+{_LETTER}+)*(?:\+\+|#(?!\w))?)(?:['’](?:s|t|re|ve|ll|d|m)\b)?"
)
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d,])")
_PIECE = re.compile(r"\d+(?:\.\d+)*|[^\W\d_]+(?:\+\+|#)?")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_PLURAL_ACRONYM = re.compile(r"[A-Z]{2,}s$")
_LATIN_WORD = re.compile(r"[A-Za-z]+")
_SPACE = re.compile(r"\s+")


def terms(text: str) -> list[str]:
    """The terms of a text in reading order, repeats kept; equal for query and index.

    Scripts without spaces give overlapping pairs of characters (a run of one gives that character),
    Chinese folded to simplified. Other words are case-folded, stop words left out, English ones stemmed.
    An identifier gives itself without ``-`` and ``_``, then its parts: ``maxTokenCount`` and
    ``max_token_count`` both give maxtokencount, max, token, count; ``SAML2.0`` gives saml2.0, saml, 2.0.
    A term holds case-folded letters and digits of any script, ``.``, ``+`` and ``#``, and nothing else.
    """
    found: list[str] = []
    for dense, word in tokens(text):
        if dense:
            found.extend(pair for pair in _pairs(dense) if pair not in CHINESE_STOP_PAIRS)
        elif not stopped(word):
            found.extend(word_terms(word))
    return found


def characters(text: str) -> list[str]:
    """The single characters of a text's runs without spaces, folded as in ``terms``, in reading order."""
    return [character for dense, _ in tokens(text) for character in dense]


def content_terms(question: str) -> list[str]:
    """The terms that say what a question is about: those of its ``content_words``, in reading order."""
    found: list[str] = []
    for word in content_words(question):
        found.extend(_pairs(word) if _IS_DENSE.match(word) else word_terms(word))
    return found


def content_words(question: str) -> list[str]:
    """A question without question and function words, zh and en, in reading order.

    Function words are cut out of Chinese runs (报销需要什么 gives 报销); other words keep their case.
    """
    found: list[str] = []
    for dense, word in tokens(question):
        if dense:
            found.extend(_content_runs(dense))
        elif word.casefold() not in ENGLISH_FUNCTION:
            found.append(word)
    return found


def detect_language(text: str) -> Language:
    """The language an answer should be written in.

    zh where Han characters are at least as many as Latin words, or where a Chinese function word stands in a
    text without English ones; en otherwise, also for text without letters.
    """
    folded = to_simplified(unicodedata.normalize("NFKC", text))
    han = len(_HAN.findall(folded))
    words = _LATIN_WORD.findall(folded)
    if han == 0:
        return "en"
    if han >= len(words):
        return "zh"
    asks_in_chinese = any(match["kept"] is None for match in CHINESE_FUNCTION.finditer(folded))
    asks_in_english = any(word.casefold() in ENGLISH_FUNCTION for word in words)
    return "zh" if asks_in_chinese and not asks_in_english else "en"


def normalise(text: str) -> str:
    """Text made comparable: NFKC, case-folded, Chinese simplified, white space runs as one space, trimmed."""
    folded = to_simplified(unicodedata.normalize("NFKC", text)).casefold()
    return _SPACE.sub(" ", folded).strip()


@lru_cache(8)  # terms, characters and soft tokens of a text are asked for one after the other
def tokens(text: str) -> tuple[tuple[str, str], ...]:
    """Runs of a script without spaces as (run, ""), other words as ("", word) with their case, in order.

    Both are folded as in ``terms``, but for the case of words.
    """
    folded = to_simplified(unicodedata.normalize("NFKC", text))
    folded = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), folded)
    found = (match.group("dense", "word") for match in _TOKEN.finditer(folded))
    return tuple((dense or "", word or "") for dense, word in found if dense or word)


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


def _content_runs(run: str) -> Iterator[str]:
    start = 0
    for match in CHINESE_FUNCTION.finditer(run):
        if match["kept"] is None:
            if match.start() > start:
                yield run[start : match.start()]
            start = match.end()
    if start < len(run):
        yield run[start:]


def stopped(word: str) -> bool:
    """Whether a word of ``tokens`` is an English stop word, which ``terms`` leaves out."""
    return word.casefold() in ENGLISH_STOP


@lru_cache(1 << 16)  # words repeat
def word_terms(word: str) -> tuple[str, ...]:
    """The terms of one word of ``tokens``: the whole, then its parts where it has any, each once."""
    pieces = _PIECE.findall(word)
    found = [_folded(word.replace("-", "").replace("_", ""))]
    for piece in pieces:
        if len(pieces) > 1:
            found.append(_folded(piece))
        camel = [] if _PLURAL_ACRONYM.match(piece) else _CAMEL.findall(piece)
        if len(camel) > 1:
            found.extend(_folded(part) for part in camel)
    whole, *parts = dict.fromkeys(found)
    return (whole, *(part for part in parts if len(part) > 1 or part.isdigit()))


def _folded(word: str) -> str:
    folded = word.casefold()
    return stem(folded) if folded.isascii() and folded.isalpha() else folded
