"""What a conversation is called until somebody calls it otherwise: its first question, shortened."""

import unicodedata

WIDTH = 60  # columns; a Chinese character takes two


def title_of(question: str) -> str:
    """The question on one line of at most ``WIDTH`` columns; a longer one ends between words, with "…"."""
    line = " ".join(question.split())
    end = _fitting(line)
    if end == len(line):
        return line
    cut = end
    while cut and _inside_word(line, cut):
        cut -= 1
    # One word that is longer than half a title is cut where the room ends.
    return line[: cut if cut > end // 2 else end].rstrip(" ,.;:，。；：、?？!！") + "…"


def _fitting(line: str) -> int:
    """How many characters have room."""
    used = 0
    for at, character in enumerate(line):
        used += 2 if _is_wide(character) else 1
        if used > WIDTH:
            return at
    return len(line)


def _inside_word(line: str, at: int) -> bool:
    """Whether a border there would part letters of one word, or a letter and its mark."""
    around = line[at - 1 : at + 1]
    return bool(unicodedata.combining(line[at])) or all(
        each.isalnum() and not _is_wide(each) for each in around
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"
