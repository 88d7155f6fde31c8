import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.starter_tokens import StarterTokens
from retrieval.training.groups import MOST_IDS, MOST_WORDS, encode
from retrieval.training.sources import Pair

VOCABULARY = ("数", "据", "库", "数据", "数据库", "data", "book")
TOKENS = StarterTokens(VOCABULARY, np.full(len(VOCABULARY), -8, dtype=np.float32), "toy")
TEXT = st.text("数据库 x", min_size=1, max_size=20).filter(TOKENS.ids)


@given(st.lists(TEXT, min_size=1, max_size=6), st.data())
def test_gathered_rows_are_what_the_tokenizer_says(texts: list[str], data: st.DataObject) -> None:
    pairs = encode([Pair("tatoeba", "data", text) for text in texts], TOKENS).groups["tatoeba"]
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=9))
    views = data.draw(st.lists(st.integers(0, 1), min_size=len(rows), max_size=len(rows)))
    tokens, lengths = pairs.right.gather(np.array(rows), np.array(views))
    read = (TOKENS.words, TOKENS.ids)
    wanted = [read[view](texts[row]) for row, view in zip(rows, views, strict=True)]
    assert tokens.tolist() == [token for row in wanted for token in row]
    assert lengths.tolist() == [len(row) for row in wanted]


def test_equal_texts_have_equal_kinds() -> None:
    corpus = encode([Pair("tatoeba", "data", text) for text in ("数据", "库", "数据")], TOKENS)
    first, second, third = corpus.groups["tatoeba"].right.kinds.tolist()
    assert first == third != second


def test_what_is_shortened_and_what_is_left_out_is_counted() -> None:
    long = "库" * (MOST_IDS + 1)
    corpus = encode([Pair("tatoeba", "data", long), Pair("tatoeba", "data", "???")], TOKENS)
    assert (corpus.shortened, corpus.left_out) == (1, 1)
    assert corpus.groups["tatoeba"].right.lengths.ravel().tolist() == [MOST_WORDS, MOST_IDS]


def test_counts_are_those_of_texts_cut_into_words() -> None:
    corpus = encode([Pair("tatoeba", "data book", "数据库"), Pair("hsk", "data", "数据")], TOKENS)
    assert dict(zip(VOCABULARY, corpus.counts(len(VOCABULARY)).tolist(), strict=True)) == {
        "数": 0,
        "据": 0,
        "库": 0,
        "数据": 1,
        "数据库": 1,
        "data": 2,
        "book": 1,
    }
