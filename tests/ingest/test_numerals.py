"""List numbers are written as Word, PowerPoint and browsers write them."""

import pytest

from ingest.numerals import FORMATS


@pytest.mark.parametrize(
    ("name", "number", "text"),
    [
        ("decimal", 12, "12"),
        ("decimalZero", 7, "07"),
        ("decimalFullWidth", 12, "１２"),
        ("lowerRoman", 1994, "mcmxciv"),
        ("upperRoman", 4, "IV"),
        ("lowerLetter", 26, "z"),
        ("lowerLetter", 28, "bb"),
        ("upperLetter", 3, "C"),
        ("chineseCounting", 10, "十"),
        ("chineseCounting", 12, "十二"),
        ("chineseCounting", 20, "二十"),
        ("chineseCountingThousand", 105, "一百零五"),
        ("chineseCountingThousand", 110, "一百一十"),
        ("chineseCountingThousand", 2024, "二千零二十四"),
        ("chineseLegalSimplified", 12, "壹拾贰"),
        ("ideographDigital", 105, "一〇五"),
        ("ideographTraditional", 2, "乙"),
        ("ideographZodiac", 12, "亥"),
        ("decimalEnclosedCircle", 20, "⑳"),
        ("decimalEnclosedParen", 1, "⑴"),
        ("none", 5, ""),
    ],
)
def test_number_is_written_in_its_format(name: str, number: int, text: str) -> None:
    assert FORMATS[name](number) == text


@pytest.mark.parametrize(
    ("name", "number"),
    [
        ("lowerRoman", 0),
        ("lowerRoman", 4000),
        ("lowerLetter", 0),
        ("chineseCounting", 100),
        ("chineseCountingThousand", 10_000),
        ("decimalEnclosedCircle", 21),
        ("ideographTraditional", 11),
    ],
)
def test_number_that_a_format_cannot_write_for_certain_is_none(name: str, number: int) -> None:
    assert FORMATS[name](number) is None
