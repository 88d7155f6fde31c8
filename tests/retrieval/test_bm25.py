"""Our BM25 gives what SQLite's FTS5 gives."""

import sqlite3

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.settings import shipped
from ingest.chunk import chunk as cut
from ingest.load import to_source
from ingest.parse import parse
from ingest.settings import IngestSettings
from retrieval.bm25 import best, inverse_frequencies
from retrieval.inverted import InvertedIndex
from retrieval.postings_store import create_tables
from retrieval.types import Chunk, Scope
from tests.fakes.fts5 import Fts5Peer
from tests.fakes.retrieval import chunk

SCOPE = Scope(frozenset({"kb"}))
QUESTIONS = [
    "报销发票需要盖章吗？", "年假有多少天？", "如何申请退款", "接口返回签名错误怎么办", "税", "單點登錄",
    "服务器 CPU 占用高", "Python 列表和元组有什么区别", "maxTokenCount", "how do I apply for annual leave",
    "refund after seven days", "API signature error", "sysctl net.core.somaxconn", "the", "怎么办",
    "微信支付回调 notify_url", "SAML2.0 sso", "Linux kernel tuning", "投诉升级流程", "新员工入职第一天做什么",
]  # fmt: skip


@pytest.fixture(scope="module")
def corpus() -> list[Chunk]:
    """The Markdown files of the demo, and a few passages of our own in English."""
    settings = IngestSettings()
    chunks: list[Chunk] = []
    for number, path in enumerate(sorted((shipped("demo") / "documents").glob("*.md"))):
        document = f"d{number:02}"
        source = to_source(
            path.read_bytes(), name=path.name, collection="kb", document_id=document, settings=settings
        )
        chunks += cut(parse(source, settings), 1, settings)
    english = [
        "Employees apply for annual leave in the HR portal.",
        "Refunds arrive within seven days of approval.",
        "The API answers with a signature error when the clock is wrong.",
        "Tune the Linux kernel with sysctl.",
    ]  # fmt: skip
    return chunks + [chunk(text, id=f"en:{i}", title="Handbook") for i, text in enumerate(english)]


def index_of(chunks: list[Chunk]) -> tuple[InvertedIndex, sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    index = InvertedIndex(lambda: connection)
    index.add(chunks)
    return index, connection


def same(chunks: list[Chunk], questions: list[str], k: int) -> None:
    index, connection = index_of(chunks)
    peer = Fts5Peer(chunks)
    for question in questions:
        ours = [(hit.chunk_id, hit.score) for hit in index.search(question, k, SCOPE)]
        theirs = peer.search(question, k)
        assert [score for _, score in ours] == pytest.approx([score for _, score in theirs], abs=1e-4)
        assert ranked(ours) == ranked(theirs), question
    peer.close()
    connection.close()


def ranked(found: list[tuple[str, float]]) -> list[str]:
    """The ids in order; scores that differ in the seventh digit only are a tie, and ties go by id."""
    return [chunk_id for chunk_id, _ in sorted(found, key=lambda hit: (-float(f"{hit[1]:.6g}"), hit[0]))]


def test_ten_best_and_their_scores_are_those_of_fts5(corpus: list[Chunk]) -> None:
    assert len(corpus) > 80
    same(corpus, QUESTIONS, 10)


WORDS = st.sampled_from(
    ["发票", "报销发票", "税", "refund", "maxTokenCount", "退款 refund", "server log", "日志日志日志"]
)


@given(
    st.lists(st.lists(WORDS, max_size=6).map(" ".join), min_size=1, max_size=12),
    st.lists(WORDS, min_size=1, max_size=4),
)
def test_scores_are_those_of_fts5_for_any_texts(texts: list[str], question: list[str]) -> None:
    chunks = [chunk(text, id=f"{i:02}", title="日志" if i % 3 else "") for i, text in enumerate(texts)]
    same(chunks, [" ".join(question)], 20)


def test_term_that_stands_everywhere_still_counts_a_little() -> None:
    found = inverse_frequencies(10, np.array([10, 5, 1]))
    assert found.tolist() == [1e-6, 1e-6, pytest.approx(1.845826690498331)]


def test_common_character_is_counted_in_the_collections_asked_only() -> None:
    here = [chunk("税率", id="a"), *(chunk("别的内容", id=f"x{i}") for i in range(19))]
    there = [chunk("增值税", id=f"y{i}", collection="other") for i in range(50)]
    index, connection = index_of([*here, *there])
    assert [hit.chunk_id for hit in index.search("税收", 5, SCOPE)] == ["a"]
    alone, alone_connection = index_of(here)
    assert index.search("税收", 5, SCOPE) == alone.search("税收", 5, SCOPE)
    connection.close()
    alone_connection.close()


def test_best_of_no_collection_is_nothing() -> None:
    assert best([], [], 5) == []
