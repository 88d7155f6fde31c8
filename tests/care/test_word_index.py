"""Opening a data directory makes the word index equal to the chunks, whatever version left it."""

import sqlite3
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest

from app.care.care import Care
from app.failpoints import Injected, arm
from app.services import Services
from app.storage.database import MIGRATIONS
from retrieval.types import Notice
from tests.care.conftest import COLLECTION, Open, fill, found
from tests.care.test_doctor import codes

# The tables of version 8, which held the words in FTS5.
OLD_TABLES = """
DROP TABLE lexical_row;
DROP TABLE lexical_term;
DROP TABLE lexical_change;
CREATE TABLE lexical_row (
    row INTEGER PRIMARY KEY,
    chunk_id TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    document_id TEXT NOT NULL
) STRICT;
CREATE VIRTUAL TABLE lexical USING fts5(
    body, context, concepts, characters, tokenize = "ascii tokenchars '.+#'"
);
CREATE VIRTUAL TABLE lexical_term USING fts5vocab(lexical, 'row');
INSERT INTO lexical_row (chunk_id, collection, document_id) SELECT id, collection_id, document_id FROM chunk;
INSERT INTO lexical (rowid, body) SELECT row, 'words' FROM lexical_row;
PRAGMA user_version = 8;
"""


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm("")


def made_old(services: Services) -> Path:
    """The data directory as version 8 would have left it, closed."""
    data_dir = services.settings.data_dir
    services.close()
    connection = sqlite3.connect(data_dir / "touchstone.sqlite3")
    _undo_later_migrations(connection)
    connection.executescript(OLD_TABLES)
    connection.close()
    return data_dir


def _undo_later_migrations(connection: sqlite3.Connection) -> None:
    """Drop every table, index, trigger and column that version 9 did not have."""
    nine = sqlite3.connect(":memory:")
    for name in MIGRATIONS[:9]:
        nine.executescript(
            resources.files("app.storage").joinpath("migrations", name).read_text(encoding="utf-8")
        )
    listing = "SELECT type, name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
    known = set(nine.execute(listing))
    for kind in ("trigger", "index", "table"):
        for what, later in set(connection.execute(listing)) - known:
            if what == kind and not later.startswith("lexical"):  # those are made by their reader
                connection.execute(f'DROP {kind} "{later}"')
    for kind, table in known:
        if kind == "table":
            columns = f"SELECT name FROM pragma_table_info('{table}')"  # noqa: S608 - a name of our schema
            for (column,) in set(connection.execute(columns)) - set(nine.execute(columns)):
                connection.execute(f'ALTER TABLE "{table}" DROP COLUMN "{column}"')
    nine.close()


def test_database_of_before_the_index_is_filled_at_its_first_start(kept: Services, reopen: Open) -> None:
    before = found(kept)
    data_dir = made_old(kept)
    services = reopen(data_dir)
    assert codes(services) == ["words_missing"]
    services.load()
    assert services.notices == (Notice.of("words_rebuilt", collection=COLLECTION, chunks=3),)
    assert found(services) == before
    assert codes(services) == []
    connection = services.database.connection()
    tables = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'lexical%'")
    assert {row[0] for row in tables} == {"lexical_row", "lexical_row_of", "lexical_term", "lexical_change"}
    services.close()
    again = reopen(data_dir)
    again.load()
    assert again.notices == ()
    assert found(again) == before


def test_filling_that_was_stopped_goes_on_where_it_was(kept: Services, reopen: Open) -> None:
    rule = "A permit has to be asked for in writing, a month ahead, and is given by the office named. " * 10
    text = "\n\n".join(f"# Rule {number}\n\n{rule}" for number in range(110))
    fill(kept, {"a.md": text, "b.md": text})
    before, chunks = found(kept), kept.collections.named(COLLECTION).chunks
    assert chunks > 200, "more than one transaction"
    data_dir = made_old(kept)
    services = reopen(data_dir)
    arm("refill.words:1=raise")
    with pytest.raises(Injected):
        services.load()
    services.close()
    arm("")
    again = reopen(data_dir)
    done = again.lexical.count()
    assert 0 < done < chunks
    again.load()
    assert again.notices == (Notice.of("words_rebuilt", collection=COLLECTION, chunks=chunks - done),)
    assert found(again) == before
    assert not [code for code in codes(again) if code.startswith("words")]


def test_chunks_that_another_version_has_indexed_are_indexed_again(kept: Services, reopen: Open) -> None:
    before = found(kept)
    with kept.database.transaction() as connection:
        connection.execute("UPDATE lexical_row SET analysis = 'older' WHERE row > 1")
    kept.close()
    services = reopen(kept.settings.data_dir)
    services.load()
    assert services.notices == (Notice.of("words_rebuilt", collection=COLLECTION, chunks=2),)
    assert found(services) == before


def test_rows_of_no_chunk_that_is_shown_are_taken_out(kept: Services, reopen: Open) -> None:
    with kept.database.transaction() as connection:
        connection.execute("UPDATE lexical_row SET chunk_id = 'ghost:1:0' WHERE row = 1")
    kept.close()
    services = reopen(kept.settings.data_dir)
    services.load()
    assert services.notices == (Notice.of("words_rebuilt", collection=COLLECTION, chunks=1),)
    assert codes(services) == []


def test_collection_that_is_rebuilt_by_hand_is_of_the_present_version(kept: Services) -> None:
    before = found(kept)
    with kept.database.transaction() as connection:
        connection.execute("UPDATE lexical_row SET analysis = 'older'")
    assert codes(kept) == ["words_outdated"]
    Care(kept).rebuild(COLLECTION)
    assert codes(kept) == []
    assert found(kept) == before
