"""Traditional Chinese characters folded to simplified ones, so that either finds the other."""

from functools import cache
from importlib import resources


def to_simplified(text: str) -> str:
    """The text with common traditional characters simplified, one for one: offsets stay as they are.

    Covers about 1,450 characters of everyday text (``traditional.txt``). It is a folding for comparison,
    not a conversion for readers: words that differ between regions (軟體, 软件) are left as they are.
    """
    return text if text.isascii() else text.translate(_table())


@cache
def _table() -> dict[int, str]:
    lines = resources.files("retrieval").joinpath("traditional.txt").read_text(encoding="utf-8").splitlines()
    groups = [group for line in lines if not line.startswith("#") for group in line.split()]
    return {ord(traditional): group[0] for group in groups for traditional in group[1:]}
