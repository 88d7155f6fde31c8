"""The tokenizer of the starter models, on the vocabulary that ships."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import tokens as runs
from retrieval.starter_table import StarterTable
from retrieval.starter_tokens import LONGEST, StarterTokens

TABLE = StarterTable.load(Path(__file__).resolve().parents[2] / "data" / "starter")
TOKENS: StarterTokens = TABLE.tokens
MIXED = st.text("数据库報銷发票蓋章龘のA bcde12.-_Ω", max_size=40) | st.text(max_size=40)


def named(ids: list[int]) -> list[str]:
    return [TOKENS.vocabulary[number] for number in ids]


@given(MIXED)
def test_all_tokens_of_a_text_hold_its_words(text: str) -> None:
    assert set(TOKENS.words(text)) <= set(TOKENS.ids(text))


@given(MIXED)
def test_a_cut_run_joined_gives_the_run_back(text: str) -> None:
    for run, _ in runs(text):
        cut = TOKENS.cut(run)
        assert "".join(cut) == run
        assert all(len(word) <= LONGEST and (len(word) == 1 or word in TOKENS) for word in cut)


@given(MIXED)
def test_units_are_the_words_with_the_tokens_inside_them(text: str) -> None:
    units = list(TOKENS.units(text))
    assert [word for word, _ in units] == TOKENS.words(text)
    for word, inside in units:
        assert all(part in TOKENS.vocabulary[word] for part in named(list(inside)))
        assert word not in inside


@given(st.text("报销发票盖章数据库总经理 x", max_size=30))
def test_traditional_and_full_width_text_has_the_tokens_of_simplified(text: str) -> None:
    traditional = text.translate(str.maketrans("报销发盖数据库总经x", "報銷發蓋數據庫總經ｘ"))
    assert TOKENS.ids(traditional) == TOKENS.ids(text)
    assert TOKENS.words(traditional) == TOKENS.words(text)


def test_chinese_gives_overlapping_tokens_and_likely_words() -> None:
    toy = StarterTokens(("数", "据", "库", "数据", "数据库"), np.zeros(5, dtype=np.float32), "toy")
    assert [toy.vocabulary[number] for number in toy.ids("数据库")] == ["数", "数据", "数据库", "据", "库"]
    assert TOKENS.cut("数据库的最大连接数和超时时间")[0] == "数据库"


def test_english_is_stemmed_without_stop_words_and_unknown_words_fall_into_pieces() -> None:
    assert named(TOKENS.words("the databases of invoices")) == ["databas", "invoic"]
    pieces = named(TOKENS.words("zyxwvutology"))
    assert pieces[0].endswith("##")
    assert all(piece.startswith("##") for piece in pieces[1:])
    assert "".join(piece.strip("#") for piece in pieces) == "zyxwvutologi"


@pytest.mark.parametrize(
    ("english", "chinese"),
    [("database", "数据库"), ("invoice", "发票"), ("password", "密码"), ("university", "大学")],
)
def test_the_shipped_table_knows_translations(english: str, chinese: str) -> None:
    (one,), (other,) = TOKENS.words(english), TOKENS.words(chinese)
    assert other in TABLE.relatives(one).ids[:4]
    assert one in TABLE.relatives(other).ids[:4]
