"""Whether two documents are called as versions of one text are."""

import re
import unicodedata
from pathlib import PurePosixPath

SHORTEST, SHORTEST_CJK = 5, 3  # characters left of a name, below which it names nothing
_VERSION = re.compile(
    r"\b(?:v|ver|version|rev|revision|r)[\s._-]*\d+(?:[._]\d+)*\b|\d+(?:[._-]\d+)*"
    r"|第[一二三四五六七八九十]+版|(?<![a-z])(?:copy|final|draft|old|new|latest|updated|revised)(?![a-z])"
    r"|副本|修订版|修订|新版|旧版|最新版|最新|草案|草稿|定稿|终稿|[年月日版]",
    re.IGNORECASE,
)
_NOT_WORDS = re.compile(r"[\W_]+")


def key(name: str) -> str:
    """A name without what tells versions apart (numbers, dates, "final", 修订版); "" where little is left."""
    stem = PurePosixPath(name).stem if re.search(r"\.[A-Za-z]{1,5}$", name) else name
    folded = unicodedata.normalize("NFKC", stem).casefold().replace("_", " ")
    left = _NOT_WORDS.sub("", _VERSION.sub(" ", folded))
    shortest = SHORTEST_CJK if any(character > "⺀" for character in left) else SHORTEST
    return left if len(left) >= shortest else ""
