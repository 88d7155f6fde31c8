"""Does a text say what it should? White space, letter case and character width aside."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from generation.marks import find_marks

_TOKEN = re.compile(r"[㐀-䶿一-鿿豈-﫿぀-ヿ]|[^\W_㐀-䶿一-鿿豈-﫿぀-ヿ]+")


def says(text: str, wanted: str) -> bool:
    """Whether the text holds the wanted words, or one of the alternatives that ``|`` sets apart."""
    folded = fold(text)
    return any(fold(each) in folded for each in wanted.split("|") if each.strip())


def says_any(text: str, accepted: Sequence[str]) -> bool:
    """Whether the text holds one of the accepted answers, bars being part of them."""
    folded = fold(text)
    return any(fold(each) in folded for each in accepted if each.strip())


def f1(text: str, accepted: Sequence[str]) -> float:
    """The best overlap of the text's tokens with an accepted answer's, 0..1; marks do not count.

    F1 over bags of tokens (Rajpurkar et al., SQuAD, 2016), where each Chinese or Japanese character is a
    token and so is each run of other letters and digits.
    """
    said = _bag(without_marks(text))
    return max((_f1(said, _bag(each)) for each in accepted), default=0.0)


def without_marks(text: str) -> str:
    """The text without its ``[n]``."""
    for mark in reversed(find_marks(text)):
        text = text[: mark.start] + text[mark.end :]
    return text


def fold(text: str) -> str:
    """Compatibility forms as one, lower case, no white space."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _bag(text: str) -> Counter[str]:
    return Counter(_TOKEN.findall(unicodedata.normalize("NFKC", text).casefold()))


def _f1(said: Counter[str], wanted: Counter[str]) -> float:
    common = (said & wanted).total()
    return 2 * common / (said.total() + wanted.total()) if common else 0.0
