"""Puts single characters together to words, in the order in which PDFium gives them."""

from ingest.lines import Word

_Box = tuple[float, float, float, float]  # left, top, right, bottom as displayed, points
_LEAST_OVERLAP = 0.3  # of the smaller height; superscripts stay with their word
_LETTER_GAP = 0.9  # em; a wider gap ends a word even where PDFium reports no space
_BACK_STEP = 0.6  # em; kerning steps back less, a new line or column more


class WordBuilder:
    """Collects characters; white space, a soft hyphen or a jump to another place ends a word."""

    def __init__(self) -> None:
        self._words: list[Word] = []
        self._text: list[str] = []
        self._box: _Box = (0.0, 0.0, 0.0, 0.0)
        self._last: _Box = (0.0, 0.0, 0.0, 0.0)
        self._size = 0.0
        self._spaced = False

    def add(self, character: str, box: _Box, size: float) -> None:
        """The next visible character with its box and font size in points."""
        if self._text and not self._continues(box, size):
            self._end(broken=False)
        if not self._text:
            self._box, self._size = box, size
        left, top, right, bottom = self._box
        self._box = (min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3]))
        self._text.append(character)
        self._last = box

    def space(self, *, newline: bool) -> None:
        """White space follows; a new line is not remembered as a space."""
        self._end(broken=False)
        self._spaced = not newline

    def hyphen(self) -> None:
        """The word is broken here and goes on with the next character."""
        self._end(broken=True)
        self._spaced = False

    def finish(self) -> list[Word]:
        """All words."""
        self._end(broken=False)
        return self._words

    def _end(self, *, broken: bool) -> None:
        if self._text:
            word = Word("".join(self._text), *self._box, self._size, self._spaced, broken)
            self._words.append(word)
            self._text = []
            self._spaced = False

    def _continues(self, box: _Box, size: float) -> bool:
        left, top, right, bottom = self._last
        em = max(size, self._size)
        overlap = min(bottom, box[3]) - max(top, box[1])
        if overlap >= _LEAST_OVERLAP * min(bottom - top, box[3] - box[1]):
            return -_BACK_STEP * em <= box[0] - right <= _LETTER_GAP * em
        aside = abs((left + right) - (box[0] + box[2])) / 2  # vertical writing and turned text
        return aside <= em / 2 and max(box[1] - bottom, top - box[3]) <= em / 2
