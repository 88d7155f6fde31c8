"""Soft term matching over the real table and the real index."""

import sqlite3
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.inverted import InvertedIndex
from retrieval.postings_store import create_tables
from retrieval.soft import SoftQuestion, soft_scores
from retrieval.starter_embedder import StarterEmbedder
from retrieval.starter_table import starter_table
from retrieval.types import Chunk, Scope

TEXTS = {
    "password": "How to reset a forgotten password: open the settings page and choose a new one.",
    "leave": "年假：累计工作满一年不满十年的，年休假五天；满十年不满二十年的，十天。",
    "travel": "出差住宿标准：一线城市每晚六百元，其他城市每晚三百五十元。",
    "invoice": "Invoices must carry the company seal before finance can reimburse them.",
    "error": "Error ERR_4017 means that the signature of the callback could not be verified.",
    "dinner": "The canteen serves noodles on Mondays and rice on Tuesdays.",
}
SCOPE = Scope(frozenset({"kb"}))


def chunk(name: str, text: str, collection: str = "kb") -> Chunk:
    return Chunk(
        id=name, document_id=name, version=1, collection=collection, document=f"{name}.md", title="",
        text=text, start=0, end=len(text), ordinal=0, tokens=1,
    )  # fmt: skip


@pytest.fixture(scope="module")
def index() -> Iterator[InvertedIndex]:
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create_tables(connection)
    made = InvertedIndex(lambda: connection, table=starter_table())
    made.add([chunk(name, text) for name, text in TEXTS.items()])
    made.add([chunk("secret", "年假 annual leave password 出差", collection="hidden")])
    yield made
    made.close()
    connection.close()


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("怎么重置密码？", "password"),
        ("How many days of annual leave do I get?", "leave"),
        ("hotel limit on a business trip", "travel"),
        ("发票要盖章才能报销吗", "invoice"),
        ("ERR_4017 是什么意思", "error"),
        ("出差住宿標準", "travel"),
        ("食堂星期一吃什么", "dinner"),
    ],
)
def test_question_finds_its_passage_in_either_language(
    index: InvertedIndex, question: str, wanted: str
) -> None:
    assert index.search(question, 3, SCOPE)[0].chunk_id == wanted


def test_nothing_outside_the_scope_is_found_or_counted(index: InvertedIndex) -> None:
    assert "secret" not in {hit.chunk_id for hit in index.search("年假 password", 50, SCOPE)}
    alone = index.search("年假", 50, Scope(frozenset({"kb"}), frozenset({"leave"})))
    assert [hit.chunk_id for hit in alone] == ["leave"]


def test_token_frequencies_count_chunks(index: InvertedIndex) -> None:
    token = starter_table().tokens.id("password")
    assert token is not None
    count, (found,) = index.token_frequencies([token])
    assert (count, found) == (7, 2)


def test_relative_is_never_worth_more_than_the_word_itself(index: InvertedIndex) -> None:
    table = starter_table()
    for word in ("密码", "password", "travel"):
        token = table.tokens.id(word)
        assert token is not None
        relatives = table.relatives(token)
        assert relatives.ids[0] == token
        assert relatives.worths[0] == 1.0
        assert np.all(np.diff(relatives.worths) <= 0)
        assert np.all((relatives.worths >= 0) & (relatives.worths <= 1))


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_scores_are_finite_and_never_negative_for_any_text(index: InvertedIndex, text: str) -> None:
    question = SoftQuestion.of(text, starter_table())
    ids, postings = index.postings(question.exact, SCOPE)
    (scores,) = soft_scores(postings, question, np.array(sorted(ids.values()), np.uint32), starter_table())
    assert np.isfinite(scores).all()
    assert (scores >= 0).all()


def test_words_said_twice_count_once(index: InvertedIndex) -> None:
    once, twice = (index.search(text, 10, SCOPE) for text in ("年假", "年假 年假"))
    assert once == twice


def test_vectors_of_a_translation_are_nearer_than_those_of_another_matter() -> None:
    embedder = StarterEmbedder(starter_table())
    passages = embedder.embed_passages(list(TEXTS.values()))
    (question,) = embedder.embed_queries(["忘记密码了，怎么重新设置？"])
    assert list(TEXTS)[int((passages @ question).argmax())] == "password"


def test_text_without_tokens_still_has_a_vector_of_norm_one() -> None:
    vectors = StarterEmbedder(starter_table()).embed_passages(["", "……", "🙂"])
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1.0] * 3)
