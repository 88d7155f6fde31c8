import sqlite3
import time
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import fts5
from retrieval.errors import RetrievalError
from retrieval.fts5 import Fts5Index
from retrieval.types import Scope
from tests.fakes.retrieval import chunk

SCOPE = Scope(frozenset({"kb"}))


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    fts5.create_tables(opened)
    yield opened
    opened.close()


@pytest.fixture
def index(connection: sqlite3.Connection) -> Fts5Index:
    return Fts5Index(lambda: connection)


def found(index: Fts5Index, text: str, k: int = 10) -> list[str]:
    return [hit.chunk_id for hit in index.search(text, k, SCOPE)]


def test_what_is_added_disappears_with_the_transaction_that_added_it(
    index: Fts5Index, connection: sqlite3.Connection
) -> None:
    connection.execute("BEGIN")
    index.add([chunk("报销发票")])
    connection.execute("ROLLBACK")
    assert index.count() == 0
    assert found(index, "报销") == []


def test_creating_tables_again_keeps_what_is_there(index: Fts5Index, connection: sqlite3.Connection) -> None:
    index.add([chunk("报销发票")])
    fts5.create_tables(connection)
    assert found(index, "报销") == ["d:1:0"]


def test_schema_as_a_script_makes_the_same_tables() -> None:
    with sqlite3.connect(":memory:") as opened:
        opened.executescript(fts5.SCHEMA)
        Fts5Index(lambda: opened).add([chunk("报销")])
    opened.close()


def test_one_character_question_finds_it_inside_words(index: Fts5Index) -> None:
    index.add([chunk("增值税的税率", id="a"), chunk("年假制度", id="b")])
    assert found(index, "什么是税？") == ["a"]


def test_title_and_headings_are_searched(index: Fts5Index) -> None:
    index.add([chunk("见下表", id="a", title="费用报销制度", headings=("盖章",)), chunk("别的", id="b")])
    assert found(index, "报销盖章") == ["a"]


def test_identifier_is_found_by_its_parts_and_in_another_style(index: Fts5Index) -> None:
    index.add([chunk("set `max_token_count` first", id="a"), chunk("nothing of it", id="b")])
    assert found(index, "maxTokenCount") == ["a"]
    assert found(index, "token") == ["a"]


def test_concept_crosses_languages(index: Fts5Index) -> None:
    index.add([chunk("Refunds arrive within seven days.", id="a"), chunk("Shipping is free.", id="b")])
    assert found(index, "退款多久到账") == ["a"]


def test_traditional_question_finds_simplified_text(index: Fts5Index) -> None:
    index.add([chunk("报销发票需要盖章", id="a")])
    assert found(index, "報銷發票") == ["a"]


def test_rarer_term_weighs_more(index: Fts5Index) -> None:
    common = [chunk("服务器 日志", id=f"common{i}") for i in range(8)]
    index.add([*common, chunk("服务器 验签", id="rare")])
    assert found(index, "服务器验签", 1) == ["rare"]


def test_document_frequencies_count_chunks_and_know_concepts(index: Fts5Index) -> None:
    index.add([chunk("发票 发票 SAML2.0", id="a"), chunk("发票", id="b"), chunk("invoice", id="c")])
    assert index.document_frequencies(["发票", "saml2.0", "©invoice", "没有"]) == (
        3,
        {"发票": 2, "saml2.0": 1, "©invoice": 3, "没有": 0},
    )


def test_question_of_thousands_of_terms_is_searched_whole(index: Fts5Index) -> None:
    index.add([chunk("needle", id="a")])
    question = " ".join(f"word{i}" for i in range(5_000)) + " needle"
    assert found(index, question) == ["a"]


def test_missing_tables_are_reported_with_the_remedy() -> None:
    with sqlite3.connect(":memory:") as empty, pytest.raises(
        RetrievalError, match=r"lexical index cannot be read \(no such table.*run `touchstone reindex`"
    ):
        Fts5Index(lambda: empty).search("报销", 5, SCOPE)
    empty.close()


def test_removing_from_a_large_index_is_fast(index: Fts5Index, connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN")
    index.add([chunk(f"条目 {i}", id=f"d:1:{i}") for i in range(3_000)])
    began = time.perf_counter()
    index.remove([f"d:1:{i}" for i in range(1_000)])
    assert time.perf_counter() - began < 2.0
    connection.execute("COMMIT")
    assert index.count() == 2_000


@given(st.text(max_size=60))
def test_no_question_is_read_as_query_syntax(question: str) -> None:
    with sqlite3.connect(":memory:") as opened:
        fts5.create_tables(opened)
        index = Fts5Index(lambda: opened)
        index.add([chunk("报销 NEAR body", id="a"), chunk("another text", id="b")])
        assert all(hit.score >= 0.0 for hit in index.search(question, 5, SCOPE))
    opened.close()


@pytest.mark.parametrize(
    "question",
    ['" OR body:*', "NEAR(报销 发票)", "body:报销", "报销*", '-"', "^报销 AND", "a\x00b", "{body}: x"],
)
def test_hostile_questions_are_plain_text(index: Fts5Index, question: str) -> None:
    index.add([chunk("报销流程", id="a"), chunk("unrelated", id="b")])
    assert found(index, question) in ([], ["a"])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_the_vocabulary_holds_every_term_unchanged(texts: list[str]) -> None:
    from retrieval.analysis import terms

    with sqlite3.connect(":memory:") as opened:
        fts5.create_tables(opened)
        index = Fts5Index(lambda: opened)
        index.add([chunk(text, id=str(i)) for i, text in enumerate(texts)])
        wanted = sorted({term for text in texts for term in terms(text)})
        _, frequencies = index.document_frequencies(wanted)
        assert all(frequencies[term] >= 1 for term in wanted)
    opened.close()
