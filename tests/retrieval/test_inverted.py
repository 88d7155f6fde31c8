import sqlite3
from collections.abc import Callable, Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import terms
from retrieval.errors import RetrievalError
from retrieval.inverted import InvertedIndex
from retrieval.postings_store import TABLES, create_tables
from retrieval.types import Scope
from tests.fakes.retrieval import chunk

SCOPE = Scope(frozenset({"kb"}))
TRACES = ("lexical_row", "lexical_term")


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(opened)
    yield opened
    opened.close()


@pytest.fixture
def index(connection: sqlite3.Connection) -> InvertedIndex:
    return InvertedIndex(lambda: connection)


def found(index: InvertedIndex, text: str, k: int = 10) -> list[str]:
    return [hit.chunk_id for hit in index.search(text, k, SCOPE)]


class Letters:
    """``SoftTokens``: each letter is a token."""

    def __init__(self, identity: str = "letters/1") -> None:
        self.identity = identity

    def ids(self, text: str) -> Sequence[int]:
        return [ord(letter) for letter in text if ord(letter) < 65_536]


def test_creating_tables_again_keeps_what_is_there(
    index: InvertedIndex, connection: sqlite3.Connection
) -> None:
    index.add([chunk("报销发票")])
    create_tables(connection)
    assert found(index, "报销") == ["d:1:0"]


def test_same_id_twice_in_one_call_is_one_chunk(index: InvertedIndex) -> None:
    index.add([chunk("报销", id="a"), chunk("发票", id="a")])
    assert (index.count(), found(index, "报销"), found(index, "发票")) == (1, [], ["a"])


def test_one_character_question_finds_it_inside_words(index: InvertedIndex) -> None:
    index.add([chunk("增值税的税率", id="a"), chunk("年假制度", id="b")])
    assert found(index, "什么是税？") == ["a"]


def test_title_and_headings_are_searched(index: InvertedIndex) -> None:
    index.add([chunk("见下表", id="a", title="费用报销制度", headings=("盖章",)), chunk("别的", id="b")])
    assert found(index, "报销盖章") == ["a"]


def test_identifier_is_found_by_its_parts_and_in_another_style(index: InvertedIndex) -> None:
    index.add([chunk("set `max_token_count` first", id="a"), chunk("nothing of it", id="b")])
    assert found(index, "maxTokenCount") == ["a"]
    assert found(index, "token") == ["a"]


def test_concept_crosses_languages(index: InvertedIndex) -> None:
    index.add([chunk("Refunds arrive within seven days.", id="a"), chunk("Shipping is free.", id="b")])
    assert found(index, "退款多久到账") == ["a"]


def test_traditional_question_finds_simplified_text(index: InvertedIndex) -> None:
    index.add([chunk("报销发票需要盖章", id="a")])
    assert found(index, "報銷發票") == ["a"]


def test_rarer_term_weighs_more(index: InvertedIndex) -> None:
    common = [chunk("服务器 日志", id=f"common{i}") for i in range(8)]
    index.add([*common, chunk("服务器 验签", id="rare")])
    assert found(index, "服务器验签", 1) == ["rare"]


def test_document_frequencies_count_chunks_and_know_concepts(index: InvertedIndex) -> None:
    index.add([chunk("发票 发票 SAML2.0", id="a"), chunk("发票", id="b"), chunk("invoice", id="c")])
    assert index.document_frequencies(["发票", "saml2.0", "©invoice", "没有"]) == (
        3,
        {"发票": 2, "saml2.0": 1, "©invoice": 3, "没有": 0},
    )
    index.remove(["a"])
    assert index.document_frequencies(["发票", "saml2.0"]) == (2, {"发票": 1, "saml2.0": 0})


def test_question_of_thousands_of_terms_is_searched_whole(index: InvertedIndex) -> None:
    index.add([chunk("needle", id="a")])
    question = " ".join(f"word{i}" for i in range(5_000)) + " needle"
    assert found(index, question) == ["a"]


def test_missing_tables_are_reported_with_the_remedy() -> None:
    empty = sqlite3.connect(":memory:", isolation_level=None)
    told = r"lexical index cannot be read \(no such table.*run `touchstone doctor --repair`"
    with pytest.raises(RetrievalError, match=told):
        InvertedIndex(lambda: empty).search("报销", 5, SCOPE)
    assert not empty.in_transaction
    empty.close()


@pytest.mark.parametrize(
    "question",
    ['" OR body:*', "NEAR(报销 发票)", "body:报销", "报销*", '-"', "^报销 AND", "a\x00b", "{body}: x"],
)
def test_hostile_questions_are_plain_text(index: InvertedIndex, question: str) -> None:
    index.add([chunk("报销流程", id="a"), chunk("unrelated", id="b")])
    assert found(index, question) in ([], ["a"])


@given(st.lists(st.text(max_size=30), min_size=1, max_size=6))
def test_dictionary_holds_every_term_unchanged_and_forgets_every_one(texts: list[str]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    index = InvertedIndex(lambda: connection)
    index.add([chunk(text, id=str(i)) for i, text in enumerate(texts)])
    wanted = sorted({term for text in texts for term in terms(text)})
    _, frequencies = index.document_frequencies(wanted)
    assert all(frequencies[term] >= 1 for term in wanted)
    assert index.damage() == ""
    index.remove([str(i) for i in range(len(texts))])
    for table in TRACES:
        assert connection.execute(f"SELECT * FROM {table}").fetchall() == []  # noqa: S608 - one of two names
    connection.close()


def test_soft_tokens_of_chunks_are_there_beside_their_words(connection: sqlite3.Connection) -> None:
    index = InvertedIndex(lambda: connection, soft=Letters())
    index.add([chunk("aab", id="x"), chunk("b", id="y")])
    _, (postings,) = index.postings([], SCOPE)
    rows, frequencies = postings.postings("soft", ord("a"))
    assert ([postings.chunk_id(row) for row in rows.tolist()], frequencies.tolist()) == (["x"], [2.0])
    assert postings.total_length("soft") == len("\naab") + len("\nb")
    assert found(index, "aab") == ["x"]


@pytest.mark.parametrize("soft", [None, Letters("letters/2")])
def test_rows_of_another_analysis_are_told_and_never_mixed_in(
    connection: sqlite3.Connection, soft: Letters | None
) -> None:
    chunks = [chunk("报销", id="a"), chunk("发票", id="b")]
    InvertedIndex(lambda: connection, soft=Letters("letters/1")).add(chunks)
    index = InvertedIndex(lambda: connection, soft=soft)
    assert index.outdated("kb") == {"a", "b"}
    assert index.differing(chunks) == ["a", "b"]
    told = r"'kb' were indexed by another version .*`touchstone index rebuild`"
    with pytest.raises(RetrievalError, match=told):
        index.search("报销", 5, SCOPE)
    index.add(chunks)
    assert (index.outdated("kb"), index.differing(chunks), found(index, "报销")) == (set(), [], ["a"])


def test_chunk_with_other_words_than_the_index_holds_is_named(index: InvertedIndex) -> None:
    index.add([chunk("报销", id="a"), chunk("发票", id="b")])
    now = [chunk("报销", id="a"), chunk("发票 盖章", id="b"), chunk("new", id="c")]
    assert index.differing(now) == ["b"]


def _cut(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE lexical_row SET terms = substr(terms, 1, 9) WHERE chunk_id = 'a'")


def _unknown(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM lexical_term WHERE term = '报销'")


def _miscounted(connection: sqlite3.Connection) -> None:
    connection.execute("UPDATE lexical_term SET chunks = chunks + 1 WHERE term = '发票'")


@pytest.mark.parametrize(
    ("harm", "told", "left"),
    [
        (_cut, "1 rows cannot be read (as 1)", {"b"}),
        (_unknown, "1 rows cannot be read (as 1)", {"b"}),
        (_miscounted, "1 terms stand in another number of rows than is told", {"a", "b"}),
    ],
)
def test_damage_is_found_and_mended_and_readers_begin_anew(
    index: InvertedIndex,
    connection: sqlite3.Connection,
    harm: Callable[[sqlite3.Connection], None],
    told: str,
    left: set[str],
) -> None:
    chunks = [chunk("报销 发票", id="a"), chunk("发票", id="b")]
    index.add(chunks)
    assert sorted(found(index, "发票")) == ["a", "b"]
    harm(connection)
    assert index.damage() == told
    assert index.differing([chunks[1]]) == []
    connection.execute("BEGIN")
    index.mend()
    connection.execute("COMMIT")
    assert index.damage() == ""
    assert index.ids() == left
    assert set(found(index, "发票")) == left
    index.add(chunks)
    assert (found(index, "报销"), sorted(found(index, "发票")), index.damage()) == (["a"], ["a", "b"], "")


def test_damaged_row_can_be_removed_and_the_wrong_counts_are_found(
    index: InvertedIndex, connection: sqlite3.Connection
) -> None:
    index.add([chunk("报销", id="a"), chunk("发票", id="b")])
    _cut(connection)
    index.remove(["a"])
    assert index.ids() == {"b"}
    assert "terms stand in another number of rows" in index.damage()
    index.mend()
    assert index.damage() == ""


def test_tables_are_what_the_index_needs_and_no_more(connection: sqlite3.Connection) -> None:
    found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'lexical%'").fetchall()
    names = {row[0] for row in found}
    assert names == {"lexical_row", "lexical_row_of", "lexical_term", "lexical_change"}
    assert len(TABLES) == len(names)
