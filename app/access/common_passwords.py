"""Passwords that are tried first: common ones, patterns, and the user's own name."""

import unicodedata
from functools import cache
from importlib import resources

# Words that lists of leaked passwords are full of, with digits and signs around them and one after another.
# A longer password is refused only where little else is left once they are taken out.
_WORDS = (
    "password", "passwort", "passw0rd", "p@ssw0rd", "p@ssword", "pa55word", "welcome", "letmein", "admin",
    "administrator", "iloveyou", "loveyou", "touchstone", "changeme", "qwerty", "qwertz", "azerty",
    "asdfgh", "zxcvbn", "qazwsx", "1q2w3e", "q1w2e3", "monkey", "dragon", "football", "baseball",
    "princess", "sunshine", "superman", "batman", "master", "shadow", "michael", "charlie", "jennifer",
    "jordan", "secret", "login", "internet", "computer", "spring", "summer", "autumn", "winter", "sommer",
    "samsung", "pokemon", "starwars", "whatever", "trustno1", "default", "guest", "user", "test", "root",
    "hello", "love", "abc", "xxx", "woaini", "woshi", "mima", "aini", "nihao", "wang", "zhang", "5201314",
    "1314520", "520",
)  # fmt: skip
_ROWS = (
    "abcdefghijklmnopqrstuvwxyz", "01234567890", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop",
    "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn", "1q2w3e4r5t6y7u8i9o0p", "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
    "qazwsxedcrfvtgbyhnujm", "!@#$%^&*()", "一二三四五六七八九十",
)  # fmt: skip
_RUN = 4  # characters of a row, either way, that count as one pattern
_LEFT = 6  # characters that must be left
_DISTINCT = 5  # different ones among them
_DIGITS = 20  # digits that make a password by themselves: fewer are telephone numbers and dates
_AROUND = 8  # digits and signs around a common password that make no other of it


def too_common(password: str, name: str) -> bool:
    """Whether a password is one of those that are tried first. It is in NFKC; case does not matter.

    That is: a common password or first name, or one with up to 8 digits and signs around it; nothing but
    digits, fewer than 20; or one of which, once common words, runs, repeats and the user's name are taken
    out, fewer than 6 characters are left, or fewer than 5 different ones.

    Limits: about 6,000 of those (see ``common_passwords.txt``) and a few dozen words and keyboard
    rows. This is no estimate of strength as zxcvbn's, and no look into whole leaks, which are large.
    """
    left = password.casefold()
    if left in _common() or (left.isdecimal() and len(left) < _DIGITS):
        return True
    first = next((at for at, each in enumerate(left) if each.isalpha()), len(left))
    last = next((at for at in range(len(left), 0, -1) if left[at - 1].isalpha()), 0)
    core = left[first:last]
    if core in _common() and len(left) - len(core) <= _AROUND:
        return True
    own = unicodedata.normalize("NFKC", name).casefold()
    parts = [own, own[::-1], *own.replace(".", " ").replace("-", " ").replace("_", " ").split()]
    for word in sorted({*(part for part in parts if len(part) > 2), *_WORDS}, key=lambda w: (-len(w), w)):
        left = left.replace(word, "\0")
    left = _without_runs(left)
    plain = [character for character in left if character != "\0"]
    unit = _repeated_unit("".join(plain))
    return len(unit) < _LEFT or len(set(unit)) < _DISTINCT


@cache
def _common() -> frozenset[str]:
    """The list of common passwords."""
    text = resources.files("app.access").joinpath("common_passwords.txt").read_text(encoding="utf-8")
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


def _without_runs(text: str) -> str:
    """The text with every stretch of a keyboard row or of one character taken out."""
    kept, at = [], 0
    while at < len(text):
        length = max(_run(text, at), _same(text, at))
        if length >= _RUN:
            at += length
        else:
            kept.append(text[at])
            at += 1
    return "".join(kept)


def _run(text: str, at: int) -> int:
    """How long a stretch of a row, forwards or backwards, begins there."""
    longest = 0
    for row in _ROWS:
        for line in (row, row[::-1]):
            length = 0
            while at + length < len(text) and text[at : at + length + 1] in line:
                length += 1
            longest = max(longest, length)
    return longest


def _same(text: str, at: int) -> int:
    length = 1
    while at + length < len(text) and text[at + length] == text[at]:
        length += 1
    return length


def _repeated_unit(text: str) -> str:
    """What a text repeats from end to end; itself where it repeats nothing."""
    at = (text + text).find(text, 1)
    return text[:at] if text else ""
