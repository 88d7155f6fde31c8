"""What every ``LexicalIndex`` promises."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.inverted import InvertedIndex
from retrieval.postings_store import create_tables
from retrieval.protocols import LexicalIndex
from retrieval.types import Chunk, Scope
from tests.fakes.retrieval import chunk

SCOPE = Scope(frozenset({"kb"}))


@pytest.fixture
def index() -> Iterator[LexicalIndex]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(opened)
    yield InvertedIndex(lambda: opened)
    opened.close()


def test_added_chunk_is_found_by_its_words(index: LexicalIndex) -> None:
    index.add([chunk("报销发票需要盖章", id="a"), chunk("annual leave", id="b")])
    (hit,) = index.search("发票", 10, SCOPE)
    assert (hit.chunk_id, hit.rank, hit.channel) == ("a", 1, "lexical")
    assert hit.score >= 0.0


def test_best_hit_comes_first_and_ranks_count_from_one(index: LexicalIndex) -> None:
    others = [chunk("别的", id=f"x{i}") for i in range(9)]
    index.add([chunk("报销", id="a"), chunk("报销 发票 盖章", id="b"), *others])
    hits = index.search("发票盖章报销", 10, SCOPE)
    assert [(hit.chunk_id, hit.rank) for hit in hits] == [("b", 1), ("a", 2)]
    assert hits[0].score > hits[1].score


def test_equal_chunks_are_ordered_by_id(index: LexicalIndex) -> None:
    index.add([chunk("发票", id=name) for name in ("c", "a", "b")])
    assert [hit.chunk_id for hit in index.search("发票", 2, SCOPE)] == ["a", "b"]


def test_no_more_than_k_hits(index: LexicalIndex) -> None:
    index.add([chunk("发票", id=str(i)) for i in range(5)])
    assert len(index.search("发票", 3, SCOPE)) == 3
    assert index.search("发票", 0, SCOPE) == []


def test_removed_chunk_is_not_found_and_not_counted(index: LexicalIndex) -> None:
    index.add([chunk("发票", id="a"), chunk("发票", id="b")])
    index.remove(["a", "never there"])
    assert [hit.chunk_id for hit in index.search("发票", 10, SCOPE)] == ["b"]
    assert index.count() == 1


def test_adding_an_id_again_keeps_one(index: LexicalIndex) -> None:
    index.add([chunk("发票", id="a")])
    index.add([chunk("发票", id="a")])
    assert [hit.chunk_id for hit in index.search("发票", 10, SCOPE)] == ["a"]
    assert index.count() == 1


@pytest.mark.parametrize("question", ["", "？？？", "怎么办", "zzz 龘"])
def test_question_without_a_shared_term_finds_nothing(index: LexicalIndex, question: str) -> None:
    index.add([chunk("报销发票", id="a")])
    assert index.search(question, 10, SCOPE) == []


def test_scope_filters_before_the_cut_at_k(index: LexicalIndex) -> None:
    index.add([chunk("发票", id=f"a{i}", collection="other") for i in range(50)])
    index.add([chunk("发票 别的 内容", id="z")])
    assert [hit.chunk_id for hit in index.search("发票", 1, SCOPE)] == ["z"]


COLLECTIONS = st.sampled_from(["kb", "hr", "it"])
TEXTS = st.sampled_from(["发票", "报销 发票", "refund"])
DOCUMENTS = st.sampled_from(["d1", "d2", "d3"])


@given(
    st.lists(st.tuples(COLLECTIONS, DOCUMENTS, TEXTS), max_size=20),
    st.frozensets(COLLECTIONS),
    st.none() | st.frozensets(DOCUMENTS),
    st.integers(1, 30),
)
def test_no_hit_lies_outside_its_scope(
    rows: list[tuple[str, str, str]], collections: frozenset[str], documents: frozenset[str] | None, k: int
) -> None:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(opened)
    index: LexicalIndex = InvertedIndex(lambda: opened)
    kept: dict[str, Chunk] = {
        str(i): chunk(text, id=str(i), collection=collection, document_id=document)
        for i, (collection, document, text) in enumerate(rows)
    }
    index.add(list(kept.values()))
    scope = Scope(collections, documents)
    hits = index.search("发票 refund", k, scope)
    opened.close()
    allowed = [c.id for c in kept.values() if scope.allows(c.collection, c.document_id)]
    assert {hit.chunk_id for hit in hits} <= set(allowed)
    assert len(hits) == min(k, len(allowed))
