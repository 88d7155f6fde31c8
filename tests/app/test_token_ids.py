"""Token ids in SQLite: beside their chunks, gone with them, filled in behind the scenes."""

import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path

import pytest

from app.chunk_tokens import ChunkTokens
from app.storage.chunks import Chunks
from app.storage.database import Database
from app.storage.token_ids import TokenIds, TokenRow
from rerank.protocols import HasTokenizer
from tests.app.rows import forget, publish
from tests.fakes.tokens import WordTokens


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path / "db.sqlite3")
    yield database
    database.close()


def _tokens(
    database: Database,
    tokenizer: HasTokenizer | None,
    *,
    stopping: threading.Event | None = None,
    batch: int = 2,
) -> ChunkTokens:
    return ChunkTokens(
        TokenIds(database),
        chunks=Chunks(database),
        tokenizer=tokenizer,
        stopping=stopping or threading.Event(),
        batch=batch,
    )


def _rows(database: Database) -> int:
    (count,) = database.connection().execute("SELECT count(*) FROM chunk_tokens").fetchone()
    return int(count)


def test_ids_are_of_the_text_the_reranker_reads(database: Database) -> None:
    words = WordTokens()
    tokens = _tokens(database, words)
    publish(database, "a.txt", ["one two", "three"], tokens=tokens.of)
    assert words.read == [("a.txt\none two", "a.txt\nthree")]
    assert TokenIds(database).get("words/1", [b"a.txt\none two"]) == {b"a.txt\none two": bytes([5, 3, 3])}
    assert tokens.stored() == 2


def test_reranker_is_told_where_ids_are_stored(database: Database) -> None:
    words = WordTokens()
    _tokens(database, words)
    assert isinstance(words.store, TokenIds)


def test_reranker_without_tokens_stores_nothing(database: Database) -> None:
    tokens = _tokens(database, None)
    publish(database, "a.txt", ["one"], tokens=tokens.of)
    assert (tokens.fill(), tokens.stored(), _rows(database)) == (0, None, 0)


def test_deleted_document_takes_its_ids_with_it(database: Database) -> None:
    tokens = _tokens(database, WordTokens())
    publish(database, "a.txt", ["one", "two"], tokens=tokens.of)
    publish(database, "b.txt", ["three"], tokens=tokens.of)
    forget(database, "a.txt")
    assert TokenIds(database).get("words/1", [b"a.txt\none", b"b.txt\nthree"]).keys() == {b"b.txt\nthree"}
    assert _rows(database) == 1


def test_chunks_without_ids_are_filled_in(database: Database) -> None:
    publish(database, "a.txt", ["1", "2", "3", "4", "5"])
    words = WordTokens()
    tokens = _tokens(database, words)
    assert (tokens.fill(), tokens.stored()) == (5, 5)
    assert sorted(len(batch) for batch in words.read) == [1, 2, 2]
    assert tokens.fill() == 0


def test_ids_of_another_tokenizer_are_replaced(database: Database) -> None:
    _tokens(database, WordTokens("old")).fill()
    publish(database, "a.txt", ["1", "2"], tokens=_tokens(database, WordTokens("old")).of)
    tokens = _tokens(database, WordTokens("new"))
    assert (tokens.fill(), tokens.stored(), _rows(database)) == (2, 2, 2)
    assert TokenIds(database).get("old", [b"a.txt\n1"]) == {}


def test_filling_stops_when_told_to(database: Database) -> None:
    publish(database, "a.txt", [str(i) for i in range(9)])
    stopping = threading.Event()
    tokens = _tokens(database, WordTokens(after=lambda _: stopping.set()), stopping=stopping)
    assert (tokens.fill(), tokens.stored()) == (2, 2)
    tokens.start()
    tokens.join()
    assert tokens.stored() == 2


def test_document_deleted_while_its_ids_are_made_leaves_none(database: Database) -> None:
    publish(database, "a.txt", ["1", "2"])
    publish(database, "b.txt", ["3"])
    gone: list[str] = []

    def delete(_: Sequence[str]) -> None:
        if not gone:
            gone.append("a.txt")
            forget(database, "a.txt")

    tokens = _tokens(database, WordTokens(after=delete), batch=3)
    tokens.fill()
    assert (tokens.stored(), _rows(database)) == (1, 1)


def test_filling_thread_that_fails_is_logged(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Sequence[str]) -> None:
        raise RuntimeError("no tokens today")

    publish(database, "a.txt", ["1"])
    tokens = _tokens(database, WordTokens(after=fail))
    tokens.start()
    tokens.join()
    assert "token ids of older chunks could not be stored; questions tokenise them" in caplog.text
    assert "no tokens today" in caplog.text


def test_database_that_cannot_be_read_leaves_it_to_the_tokenizer(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    store = TokenIds(database)
    database.connection().execute("DROP TABLE chunk_tokens")
    with caplog.at_level(logging.WARNING):
        assert store.get("words/1", [b"one"]) == {}
        store.replace("words/1", {b"one": b"1"})
    assert "stored token ids of 1 texts could not be read: no such table" in caplog.text
    assert "damaged token ids of 1 texts could not be replaced: no such table" in caplog.text


def test_look_up_goes_by_index(database: Database) -> None:
    plan = (
        database.connection()
        .execute(
            "EXPLAIN QUERY PLAN SELECT digest, ids FROM chunk_tokens WHERE tokenizer = ? AND digest IN (?,?)",
            ("a", b"1", b"2"),
        )
        .fetchall()
    )
    assert [row["detail"] for row in plan] == [
        "SEARCH chunk_tokens USING INDEX chunk_tokens_text (tokenizer=? AND digest=?)"
    ]


def test_rows_cannot_outlive_or_precede_their_chunk(database: Database) -> None:
    TokenIds(database).put([TokenRow("d:1:0", "words/1", b"key", b"ids")])
    assert _rows(database) == 0


def test_database_of_version_2_keeps_its_chunks_and_gets_their_ids(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    migrations = resources.files("app.storage").joinpath("migrations")
    with sqlite3.connect(path) as connection:
        for name in ("001_initial.sql", "002_instructions.sql"):
            connection.executescript(migrations.joinpath(name).read_text("utf-8"))
        connection.execute("PRAGMA user_version=2")
        connection.execute("INSERT INTO collection (id, name, created_at) VALUES ('c', 'books', '2026')")
        connection.execute("INSERT INTO document VALUES ('d', 'c', 'a.txt', 1, '2026')")
        connection.execute(
            "INSERT INTO version VALUES ('d', 1, 'current', 'ab', 3, 'text/plain', 'A', 0, 'text', '2026')"
        )
        connection.execute(
            "INSERT INTO chunk VALUES ('d:1:0', 'd', 1, 'c', 0, 'old', 0, 3, 2, '[]', '[]', '[]', x'003c')"
        )
    connection.close()
    database = Database(path)
    words = WordTokens()
    assert _tokens(database, words).fill() == 1
    assert words.read == [("A\nold",)]
    assert TokenIds(database).get("words/1", [b"A\nold"]) == {b"A\nold": bytes([1, 3])}
    assert database.connection().execute("PRAGMA user_version").fetchone()[0] >= 3
    database.close()
