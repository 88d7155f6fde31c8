import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clean import clean, close_up, fold
from ingest.radicals import IDEOGRAPHS

ANY_TEXT = st.text(st.characters(codec=None, categories=None), max_size=60)
TRICKY = st.text(
    st.sampled_from(
        "a 中،ن\u0915\u094d😀👩\u200b\u200c\u200d\ufe0f\ufe00\U000e0100\u202e\U000e0041\ufeff\xad\r\n\t\x00"
    ),
    max_size=40,
)


@given(ANY_TEXT | TRICKY)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    cleaned, _ = clean(text)
    assert clean(cleaned) == (cleaned, 0)


@given(ANY_TEXT | TRICKY)
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text(st.characters(whitelist_categories=["L", "Nd", "P"], max_codepoint=0x9FFF), max_size=40))
def test_letters_digits_and_punctuation_are_never_touched(text: str) -> None:
    assert clean(text) == (text, 0)


def test_full_width_punctuation_is_kept_as_written() -> None:
    assert clean("年假（五天），见：附件。")[0] == "年假（五天），见：附件。"


@pytest.mark.parametrize(
    ("text", "cleaned", "removed"),
    [
        ("\ufeffTitle", "Title", 1),
        ("知\u200b识\u2060库", "知识库", 2),
        ("pay \u202eeno\u202c", "pay eno", 2),
        ("a\U000e0069\U000e0067b", "ab", 2),
        ("a\x00\x07b\tc\r\nd", "ab\tc\nd", 2),
        ("com\xadpile", "compile", 1),
        ("x\ufe00\ufe01\ufe02", "x\ufe00", 2),
        ("知\u200d识", "知识", 1),
    ],
)
def test_invisible_characters_are_removed_and_counted(text: str, cleaned: str, removed: int) -> None:
    assert clean(text) == (cleaned, removed)


@pytest.mark.parametrize("text", ["👩\u200d💻", "❤\ufe0f", "می\u200cخواهم", "क्\u200dष", "葛\U000e0100城"])
def test_joiners_and_selectors_stay_where_they_shape_something(text: str) -> None:
    assert clean(text) == (text, 0)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("⽀持⾝份⾃动登录", "支持身份自动登录"),
        ("⼾⼝", "户口"),
        ("⻓⻔⻅⻛⻢⻦⻰⻬⻚⻋⻉", "长门见风马鸟龙齐页车贝"),
        ("\uf900", "豈"),
        ("ﬁnal oﬃce ﬂow", "final office flow"),
        ("a\xa0b\u3000 c", "a b c"),
        ("︵一︶︐二︒", "（一），二。"),
    ],
)
def test_pdf_glyphs_become_the_characters_people_type(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_every_radical_maps_to_a_character_that_is_not_a_radical() -> None:
    assert not [target for target in IDEOGRAPHS.values() if ord(target[0]) in IDEOGRAPHS]


def test_every_assigned_radical_of_the_supplement_but_repeat_is_mapped() -> None:
    missing = [code for code in range(0x2E80, 0x2EF4) if code not in IDEOGRAPHS]
    assert missing == [0x2E80, 0x2E9A]  # CJK RADICAL REPEAT stands for no ideograph; U+2E9A is unassigned


def test_letter_spaced_chinese_is_closed_up() -> None:
    assert close_up("关 于 红 军 作 战 … … １ １") == "关于红军作战……１１"


def test_spaces_between_chinese_words_stay() -> None:
    assert close_up("张三丰 李四光 王五") == "张三丰 李四光 王五"
