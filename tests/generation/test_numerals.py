"""Numbers in digits, Chinese numerals and English words are the same numbers."""

import pytest

from generation.numerals import digit_numbers, stated_numbers


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("共 1,000 人，占 12.5%", {"1000", "12.5"}),
        ("１２ 个月", {"12"}),
        ("十分钟", {"10"}),
        ("二十五天", {"25"}),
        ("三百零六元", {"306"}),
        ("两万三千", {"23000"}),
        ("二〇二四年", {"2024"}),
        ("at most two tasks, thirty days", {"2", "30"}),
        ("没有数字", set()),
    ],
)
def test_numbers_are_read_in_every_spelling(text: str, numbers: set[str]) -> None:
    assert stated_numbers(text) == numbers


def test_only_digits_are_digit_numbers() -> None:
    assert digit_numbers("3.0.0 和三") == {"3.0.0"}
