"""The numbers a text states, in whatever way it writes them."""

import re

_DIGITS = re.compile(r"\d+(?:[.,]\d+)*")
_CHINESE = re.compile("[零〇一二两三四五六七八九十百千万]+")
_CHINESE_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CHINESE_POWERS = {"十": 10, "百": 100, "千": 1000}
_ENGLISH_SMALL = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip
_ENGLISH = {word: i for i, word in enumerate(_ENGLISH_SMALL)} | {
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90, "hundred": 100, "once": 1, "twice": 2,
}  # fmt: skip
_ENGLISH_WORD = re.compile(r"(?i)\b(?:" + "|".join(_ENGLISH) + r")\b")


def digit_numbers(text: str) -> frozenset[str]:
    """Numbers written in digits of any width, without thousands separators: ``1,000`` is "1000"."""
    return frozenset(_plain(match[0]) for match in _DIGITS.finditer(text))


def stated_numbers(text: str) -> frozenset[str]:
    """Every number of a text in digits, whether written in digits, Chinese numerals or English words."""
    chinese = (str(_chinese_value(match[0])) for match in _CHINESE.finditer(text))
    english = (str(_ENGLISH[match[0].lower()]) for match in _ENGLISH_WORD.finditer(text))
    return digit_numbers(text) | frozenset(chinese) | frozenset(english)


def _plain(number: str) -> str:
    folded = "".join(str(int(c)) if c.isdigit() else c for c in number)
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", folded):
        folded = folded.replace(",", "")
    return folded


def _chinese_value(numeral: str) -> int:
    """The value of a numeral up to 千万; positional writing (二〇二四) is read digit by digit."""
    if all(c in _CHINESE_DIGITS for c in numeral):
        return int("".join(str(_CHINESE_DIGITS[c]) for c in numeral))
    total, section, digit = 0, 0, 0
    for c in numeral:
        if c in _CHINESE_DIGITS:
            digit = _CHINESE_DIGITS[c]
        elif c == "万":
            total, section, digit = (total + section + digit) * 10_000, 0, 0
        else:
            section += (digit or 1) * _CHINESE_POWERS[c]
            digit = 0
    return total + section + digit
