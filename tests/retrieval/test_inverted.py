import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.analysis import terms
from retrieval.errors import RetrievalError
from retrieval.inverted import InvertedIndex
from retrieval.postings_store import TABLES, create_tables
from retrieval.types import Chunk, Hit, Scope
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


def test_what_is_added_disappears_with_the_transaction_that_added_it(
    index: InvertedIndex, connection: sqlite3.Connection
) -> None:
    index.add([chunk("年假", id="before")])
    connection.execute("BEGIN")
    index.add([chunk("报销发票", id="a")])
    assert found(index, "报销") == ["a"], "the transaction sees its own change"
    connection.execute("ROLLBACK")
    assert index.count() == 1
    assert found(index, "报销") == []
    assert found(index, "年假") == ["before"]


def test_row_added_after_a_rollback_is_not_taken_for_the_one_rolled_back(
    index: InvertedIndex, connection: sqlite3.Connection
) -> None:
    assert found(index, "报销") == []
    connection.execute("BEGIN")
    index.add([chunk("报销发票", id="a")])
    assert found(index, "报销") == ["a"]
    connection.execute("ROLLBACK")
    index.add([chunk("年假", id="b")])
    assert found(index, "报销") == []
    assert found(index, "年假") == ["b"]


def test_what_is_removed_is_back_after_a_rollback(
    index: InvertedIndex, connection: sqlite3.Connection
) -> None:
    index.add([chunk("报销发票", id="a")])
    connection.execute("BEGIN")
    index.remove(["a"])
    assert found(index, "报销") == []
    connection.execute("ROLLBACK")
    assert found(index, "报销") == ["a"]


def test_addition_that_fails_leaves_nothing_behind(
    index: InvertedIndex, connection: sqlite3.Connection
) -> None:
    class Broken(Letters):
        def ids(self, text: str) -> Sequence[int]:
            raise RuntimeError("no tokens")

    with pytest.raises(RuntimeError, match="no tokens"):
        InvertedIndex(lambda: connection, soft=Broken()).add([chunk("报销", id="a")])
    assert not connection.in_transaction
    assert index.count() == 0


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


TEXTS = st.sampled_from(["发票", "报销 发票", "refund", "refund 报销 税", "server log", "税"])
COLLECTIONS = st.sampled_from(["kb", "hr"])
NEW = st.builds(
    lambda number, collection, text: chunk(
        text, id=str(number), collection=collection, document_id=f"d{number % 2}"
    ),
    st.integers(0, 5), COLLECTIONS, TEXTS,
)  # fmt: skip
STEP: st.SearchStrategy[tuple[str, list[Chunk]]] = st.one_of(
    st.tuples(st.just("add"), st.lists(NEW, min_size=1, max_size=4)),
    st.tuples(st.just("remove"), st.lists(NEW, max_size=3)),
    st.tuples(st.sampled_from(["begin", "commit", "rollback", "reopen", "search"]), st.just([])),
)
SCOPES = [
    SCOPE, Scope(frozenset({"hr"})), Scope(frozenset({"kb", "hr"})),
    Scope(SCOPE.collections, frozenset({"d1"})),
]  # fmt: skip


@given(st.lists(STEP, max_size=14))
def test_any_history_finds_what_an_index_built_afresh_finds(steps: list[tuple[str, list[Chunk]]]) -> None:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    index = InvertedIndex(lambda: connection)
    now: dict[str, Chunk] = {}
    committed: dict[str, Chunk] = {}
    for what, chunks in steps:
        if what == "add":
            index.add(chunks)
            now = {**now, **{each.id: each for each in chunks}}
        elif what == "remove":
            gone = [each.id for each in chunks]
            index.remove(gone)
            now = {name: each for name, each in now.items() if name not in gone}
        elif what == "begin" and not connection.in_transaction:
            connection.execute("BEGIN")
        elif what == "commit" and connection.in_transaction:
            connection.execute("COMMIT")
        elif what == "rollback" and connection.in_transaction:
            connection.execute("ROLLBACK")
            now = committed
        elif what == "reopen":
            index = InvertedIndex(lambda: connection)
        if not connection.in_transaction:
            committed = now
        if what in ("search", "rollback", "commit"):
            assert searched(index) == afresh(now.values())
    assert searched(index) == afresh(now.values())
    assert (index.ids(), index.damage()) == (set(now), "")
    connection.close()


def searched(index: InvertedIndex) -> list[list[Hit]]:
    questions = ("发票 refund", "报销税", "log")
    return [index.search(question, 10, scope) for question in questions for scope in SCOPES]


def afresh(chunks: Iterable[Chunk]) -> list[list[Hit]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_tables(connection)
    index = InvertedIndex(lambda: connection)
    index.add(sorted(chunks, key=lambda each: each.id))
    hits = searched(index)
    connection.close()
    return hits


class File:
    """A database file with a connection a thread, as the product has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self.opened: list[sqlite3.Connection] = []

    def connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            opened = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
            opened.execute("PRAGMA journal_mode = WAL")
            self._local.connection = opened
            self.opened.append(opened)
        connection: sqlite3.Connection = self._local.connection
        return connection


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    opened = File(tmp_path / "index.sqlite3")
    create_tables(opened.connection())
    yield opened
    for connection in opened.opened:
        connection.close()


@pytest.mark.parametrize("background", [False, True])
def test_readers_beside_a_writer_never_see_half_of_a_change(file: File, background: bool) -> None:
    """Each change replaces all ten chunks, under other ids and with another word beside the common one."""
    rounds, index = 60, InvertedIndex(file.connection)
    words = " ".join(f"word{turn}" for turn in range(rounds))
    index.add([chunk("发票 word0", id=f"0:{i}") for i in range(10)])
    if background:
        index.start()
    done = threading.Event()
    wrong: list[object] = []
    seen: set[int] = set()

    def write() -> None:
        connection = file.connection()
        for turn in range(1, rounds):
            for end in ("ROLLBACK", "COMMIT") if turn % 7 == 3 else ("COMMIT",):
                connection.execute("BEGIN IMMEDIATE")
                index.remove([f"{turn - 1}:{i}" for i in range(10)])
                index.add([chunk(f"发票 word{turn}", id=f"{turn}:{i}") for i in range(10)])
                if turn % 5 == 3:
                    index.search("发票", 50, SCOPE)
                connection.execute(end)
        done.set()

    def read() -> None:
        latest = 0
        while not done.is_set():
            for question in ("发票", words):
                found = [hit.chunk_id for hit in index.search(question, 50, SCOPE)]
                turns = {int(each.split(":")[0]) for each in found}
                if len(found) != 10 or len(turns) != 1 or min(turns) < latest:
                    wrong.append((latest, found))
                latest = max(turns, default=latest)
                seen.update(turns)

    def guarded(work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the test fails with whatever it is
            wrong.append(error)
            done.set()

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (write, read, read)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    index.close()
    assert wrong == []
    assert len(seen) > 5
    assert found(index, "发票", 50) == sorted(f"{rounds - 1}:{i}" for i in range(10))


def test_background_loads_follows_and_merges(file: File) -> None:
    index = InvertedIndex(file.connection)
    index.add([chunk("报销 发票", id=f"a{i}") for i in range(30)])
    index.start()
    index.start()
    for turn in range(12):
        index.add([chunk("年假", id=f"b{turn}:{i}", collection="hr") for i in range(200)])
        index.remove([f"b{turn}:{i}" for i in range(150)])
    index.close()
    index.close()
    assert len(found(index, "报销", 50)) == 30
    assert len(index.search("年假", 1000, Scope(frozenset({"hr"})))) == 600


def test_changes_are_forgotten_where_nobody_follows_them(file: File) -> None:
    index = InvertedIndex(file.connection)
    index.add([chunk("报销", id=f"{i}") for i in range(10)])
    assert file.connection().execute("SELECT * FROM lexical_change").fetchall() == []
    assert len(found(index, "报销", 100)) == 10


def test_changes_that_every_reader_has_followed_are_forgotten(file: File) -> None:
    index = InvertedIndex(file.connection)
    for turn in range(5):
        index.add([chunk("报销", id=f"{turn}:{i}") for i in range(10)])
        assert len(found(index, "报销", 100)) == 10 * (turn + 1)
    (left,) = file.connection().execute("SELECT count(*) FROM lexical_change").fetchone()
    assert left == 10, "those of the last addition, which nobody had read when it was written"


def test_reopened_index_finds_the_same(file: File) -> None:
    index = InvertedIndex(file.connection)
    index.add([chunk("报销 发票", id="a"), chunk("年假", id="b")])
    index.remove(["b"])
    again = InvertedIndex(file.connection)
    assert again.search("报销 年假", 5, SCOPE) == index.search("报销 年假", 5, SCOPE)
    assert found(again, "报销") == ["a"]


def test_reader_of_an_older_moment_sees_that_moment(file: File) -> None:
    index = InvertedIndex(file.connection)
    index.add([chunk("报销", id="a")])
    file.connection().execute("BEGIN")
    assert found(index, "报销") == ["a"]

    def write() -> None:
        index.add([chunk("报销", id="b")])
        assert found(index, "报销") == ["a", "b"]

    other = threading.Thread(target=write)
    other.start()
    other.join()
    assert found(index, "报销") == ["a"]
    file.connection().execute("COMMIT")
    assert found(index, "报销") == ["a", "b"]


def test_tables_are_what_the_index_needs_and_no_more(connection: sqlite3.Connection) -> None:
    found = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'lexical%'").fetchall()
    names = {row[0] for row in found}
    assert names == {"lexical_row", "lexical_row_of", "lexical_term", "lexical_change"}
    assert len(TABLES) == len(names)
