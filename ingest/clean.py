"""Text cleaning: what a reader cannot see goes, what a reader sees stays as it is written.

Nothing here applies NFKC to the whole text: it would turn Chinese ，（）： into ASCII and break quotes
word for word. Full folding happens where texts are compared (``retrieval.analysis``).
"""

import re
import unicodedata

from ingest.radicals import IDEOGRAPHS

# C0 and C1 controls, soft hyphen, zero-width and invisible operators, bidi controls, annotation marks, lone
# surrogates, noncharacters, and the tag characters that can smuggle a hidden instruction (ASCII smuggling).
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u17b4\u17b5\u200b\u200e\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\ud800-\udfff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e00ff]"
)
_LINE_BREAK = re.compile("\r\n?|[\x0b\x0c\x85]")
# A variation selector chooses the form of one character; alone or in a row it can only hide data.
_SELECTOR = "[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_STRAY_SELECTOR = re.compile(rf"(?:(?<={_SELECTOR})|(?<!\S)){_SELECTOR}+")
# Joiners shape Arabic, Indic and South-East Asian letters and build emoji; elsewhere they are invisible.
_SHAPED = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u17ff\u1800-\u18af"
_EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\ufe0f\U0001f000-\U0001faff"
_STRAY_JOINER = re.compile(
    rf"[\u200c\u200d]{{2,}}|(?<![{_SHAPED}{_EMOJI}])[\u200c\u200d]|[\u200c\u200d](?![{_SHAPED}{_EMOJI}])"
)
_ODD_SPACE = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LIGATURES = {code: unicodedata.normalize("NFKC", chr(code)) for code in range(0xFB00, 0xFB07)}
# Forms that fonts use in vertical lines, as the ordinary full-width mark (NFKC would give ASCII).
_VERTICAL = str.maketrans(
    "︐︑︒︓︔︕︖︗︘︙︱︵︶︷︸︹︺︻︼︽︾︿﹀﹁﹂﹃﹄",
    "，、。：；！？〖〗…—（）｛｝〔〕【】《》〈〉「」『』",
)
_HAN = "\u2e80-\u303f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef\u3040-\u30ff"
_HAN_CHARACTER = re.compile(f"[{_HAN}]")
_HAN_PAIR = re.compile(rf"(?<=[{_HAN}\u2026])( ?)(?=[{_HAN}\u2026])")
_HAN_GAP = re.compile(rf"(?<=[{_HAN}\u2026]) (?=[{_HAN}\u2026])")
_LETTERSPACED = 0.6  # share of neighbouring Han characters with one space between them
_LEAST_PAIRS = 3


def clean(text: str) -> tuple[str, int]:
    """The text with LF line ends and without invisible characters, and how many of those were removed.

    Removed are byte order marks, controls other than tab and line feed, zero-width characters, soft hyphens,
    bidi controls, tag characters, and joiners and variation selectors that stand where they shape nothing.
    Idempotent: cleaning what was cleaned removes nothing.
    """
    text = _LINE_BREAK.sub("\n", text)
    removed = 0
    while True:
        before = len(text)
        for pattern in (_INVISIBLE, _STRAY_SELECTOR, _STRAY_JOINER):
            text = pattern.sub("", text)
        if len(text) == before:
            return text, removed
        removed += before - len(text)


def fold(text: str) -> str:
    """One line of PDF text with the characters people would type.

    Radicals and CJK compatibility ideographs become ordinary ideographs, Latin ligatures become letters,
    vertical punctuation becomes ordinary full-width punctuation, odd spaces become spaces, runs of spaces one
    space, and Chinese set with a space after every character (关 于 红 军) is closed up. Idempotent.
    """
    text = text.translate(IDEOGRAPHS).translate(_LIGATURES).translate(_VERTICAL)
    text = _ODD_SPACE.sub(" ", text)
    text = re.sub(r" {2,}", " ", text).strip(" ")
    return close_up(text)


def close_up(text: str) -> str:
    """The line without the spaces of letter-spaced Chinese; other lines unchanged."""
    pairs = _HAN_PAIR.findall(text)
    if len(pairs) < _LEAST_PAIRS or sum(map(len, pairs)) < _LETTERSPACED * len(pairs):
        return text
    return _HAN_GAP.sub("", text)


def is_han(character: str) -> bool:
    """Whether a character is set without spaces around it: Han, kana, or full-width punctuation."""
    return _HAN_CHARACTER.match(character) is not None
