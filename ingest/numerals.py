"""How list numbers are written: the formats of Word and PowerPoint that can be told for certain.

Names and forms from ECMA-376 part 1, 17.18.59 (ST_NumberFormat).
"""

from collections.abc import Callable, Mapping

_ROMAN = (
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
)
_DIGITS = "〇一二三四五六七八九"
_LEGAL_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_STEMS = "甲乙丙丁戊己庚辛壬癸"
_BRANCHES = "子丑寅卯辰巳午未申酉戌亥"

Write = Callable[[int], str | None]


def roman(number: int) -> str | None:
    """In lower-case Roman numerals, 1 to 3999."""
    if not 0 < number < 4000:
        return None
    written = ""
    for value, letters in _ROMAN:
        while number >= value:
            written += letters
            number -= value
    return written


def letters(number: int) -> str | None:
    """In lower-case letters: a to z, then aa, bb and so on."""
    if not 0 < number <= 780:
        return None
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def chinese(number: int) -> str | None:
    """In Chinese as it is counted, 1 to 9999: 十二, 一百零三."""
    return _counted(number, "零" + _DIGITS[1:], "十百千", short=True)


def legal_chinese(number: int) -> str | None:
    """In the forms of contracts and cheques, 1 to 9999: 壹拾贰."""
    return _counted(number, _LEGAL_DIGITS, "拾佰仟", short=False)


def _counted(number: int, digits: str, units: str, *, short: bool) -> str | None:
    if not 0 < number < 10_000:
        return None
    written, gap = "", False
    for place in range(3, -1, -1):
        digit = number // 10**place % 10
        if digit == 0:
            gap = bool(written)
            continue
        written += digits[0] if gap else ""
        gap = False
        leading_ten = short and place == 1 and digit == 1 and not written
        written += ("" if leading_ten else digits[digit]) + (units[place - 1] if place else "")
    return written


def _from(symbols: str) -> Write:
    return lambda number: symbols[number - 1] if 0 < number <= len(symbols) else None


def _upper(write: Write) -> Write:
    def written(number: int) -> str | None:
        plain = write(number)
        return plain.upper() if plain is not None else None

    return written


def _digit_by_digit(number: int) -> str:
    return "".join(_DIGITS[int(digit)] for digit in str(abs(number)))


_CIRCLED = _from("".join(map(chr, range(0x2460, 0x2474))))
FORMATS: Mapping[str, Write] = {
    "decimal": str,
    "decimalZero": lambda number: f"{number:02d}",
    "decimalFullWidth": lambda number: "".join(chr(ord(digit) + 0xFEE0) for digit in str(number)),
    "decimalHalfWidth": str,
    "lowerRoman": roman,
    "upperRoman": _upper(roman),
    "lowerLetter": letters,
    "upperLetter": _upper(letters),
    "chineseCounting": lambda number: chinese(number) if number < 100 else None,
    "chineseCountingThousand": chinese,
    "taiwaneseCountingThousand": chinese,
    "chineseLegalSimplified": legal_chinese,
    "ideographDigital": _digit_by_digit,
    "japaneseDigitalTenThousand": _digit_by_digit,
    "ideographTraditional": _from(_STEMS),
    "ideographZodiac": _from(_BRANCHES),
    "decimalEnclosedCircle": _CIRCLED,
    "decimalEnclosedCircleChinese": _CIRCLED,
    "decimalEnclosedParen": _from("".join(map(chr, range(0x2474, 0x2488)))),
    "decimalEnclosedFullstop": _from("".join(map(chr, range(0x2488, 0x249C)))),
    "none": lambda _: "",
}
