"""What a search sees is exactly what its connection sees: own changes, rollbacks, other threads."""

import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.inverted import InvertedIndex
from retrieval.postings_store import create_tables
from retrieval.types import Chunk, Hit, Scope
from tests.fakes.retrieval import chunk

SCOPE = Scope(frozenset({"kb"}))


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
    class Broken:
        identity = "broken/1"

        def ids(self, text: str) -> Sequence[int]:
            raise RuntimeError("no tokens")

    with pytest.raises(RuntimeError, match="no tokens"):
        InvertedIndex(lambda: connection, soft=Broken()).add([chunk("报销", id="a")])
    assert not connection.in_transaction
    assert index.count() == 0


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
