"""The inverted index in SQLite, beside the chunks and in their transactions: one row of term ids a chunk."""

import json
import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from retrieval.errors import RetrievalError
from retrieval.postings_care import damage, mend
from retrieval.segments import LARGEST_ID, StoredRow
from retrieval.term_rows import FORMAT, RowDamaged, holds, pack, unpack_readable, word_ids

# Ids are never used twice (AUTOINCREMENT), so what a reader has in memory can lag behind but not lie.
# ``chunks`` counts the rows that hold a term: a term that nobody needs any more goes at once, and with it the
# last trace of a deleted text. ``lexical_change`` names rows that came (1) and went (0), until every reader
# has followed; its sequence is the version of the index.
TABLES = (
    """CREATE TABLE IF NOT EXISTS lexical_term (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    term TEXT NOT NULL UNIQUE,
    chunks INTEGER NOT NULL
) STRICT""",
    """CREATE TABLE IF NOT EXISTS lexical_row (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    chunk_id TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    document_id TEXT NOT NULL,
    analysis TEXT NOT NULL,
    terms BLOB NOT NULL
) STRICT""",
    "CREATE INDEX IF NOT EXISTS lexical_row_of ON lexical_row (collection, analysis)",
    """CREATE TABLE IF NOT EXISTS lexical_change (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    row INTEGER NOT NULL,
    collection TEXT NOT NULL,
    added INTEGER NOT NULL
) STRICT""",
)
REMEDY = "run `touchstone doctor --repair`"

log = logging.getLogger(__name__)


def create_tables(connection: sqlite3.Connection) -> None:
    """Create what is missing, inside the transaction the connection is in."""
    for statement in TABLES:
        connection.execute(statement)


@dataclass(frozen=True, slots=True)
class NewRow:
    """A chunk with its terms: for each word column how often each term occurs, and the soft tokens."""

    chunk_id: str
    collection: str
    document_id: str
    words: tuple[Mapping[str, int], ...]
    soft: Mapping[int, int]


class PostingsStore:
    """Reads and writes rows of the index by the calling thread's connection.

    What is written becomes visible with the caller's transaction; outside one, each call is its own.
    """

    def __init__(self, connection: Callable[[], sqlite3.Connection], analysis: str) -> None:
        """``analysis`` names how texts become terms: rows written by another one are never read as equal."""
        self._connection = connection
        self.analysis = f"{FORMAT}.{analysis}"

    @contextmanager
    def reading(self) -> Iterator[bool]:
        """One view of the index for all reads of the block.

        True where the view is what is committed, False inside a transaction of the caller, who may have
        changed something. Raises ``RetrievalError`` where the index cannot be read.
        """
        try:
            connection = self._connection()
            if connection.in_transaction:
                yield False
                return
            connection.execute("BEGIN")
            try:
                yield True
            finally:
                _end(connection, "COMMIT")
        except sqlite3.DatabaseError as error:
            raise RetrievalError(f"the lexical index cannot be read ({error}); {REMEDY}") from error

    @contextmanager
    def writing(self) -> Iterator[None]:
        """All or nothing, within the caller's transaction where there is one."""
        connection = self._connection()
        if connection.in_transaction:
            yield
            return
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            _end(connection, "ROLLBACK")
            raise

    def version(self) -> int:
        """How many changes there have ever been."""
        row = self._one("SELECT seq FROM sqlite_sequence WHERE name = 'lexical_change'")
        if row is None:
            self._one("SELECT 1 FROM lexical_change")  # raises where the tables are missing
            return 0
        return int(row[0])

    def changes(self, after: int) -> list[tuple[int, str, int]]:
        """Row, collection and 1 (came) or 0 (went) of every change after that version, in order."""
        return self._all("SELECT row, collection, added FROM lexical_change WHERE id > ? ORDER BY id", after)

    def forget_changes(self, until: int) -> None:
        """Let go of changes up to that version."""
        self._connection().execute("DELETE FROM lexical_change WHERE id <= ?", (until,))

    def rows(self, collection: str) -> Iterator[StoredRow]:
        """All rows of a collection in the order they were written. Raises ``RetrievalError``."""
        return self._stored("collection = ?", collection)

    def numbered(self, rows: Iterable[int]) -> Iterator[StoredRow]:
        """Those of these rows that are there, in the order they were written. Raises ``RetrievalError``."""
        return self._stored("row IN (SELECT value FROM json_each(?))", json.dumps(list(rows)))

    def collections(self) -> list[str]:
        """The collections that have rows."""
        found = self._all("SELECT DISTINCT collection FROM lexical_row ORDER BY collection")
        return [row[0] for row in found]

    def count(self) -> int:
        """How many rows there are."""
        return int(self._all("SELECT count(*) FROM lexical_row")[0][0])

    def ids(self, collection: str | None) -> set[str]:
        """The chunks of a collection, or of all."""
        if collection is None:
            return {row[0] for row in self._all("SELECT chunk_id FROM lexical_row")}
        found = self._all("SELECT chunk_id FROM lexical_row WHERE collection = ?", collection)
        return {row[0] for row in found}

    def outdated(self, collection: str) -> set[str]:
        """The chunks of a collection whose rows were written by another analysis."""
        found = self._all(
            "SELECT chunk_id FROM lexical_row WHERE collection = ? AND analysis <> ?",
            collection,
            self.analysis,
        )
        return {row[0] for row in found}

    def terms(self, terms: Iterable[str]) -> dict[str, tuple[int, int]]:
        """Id and number of chunks of each of these terms that the dictionary holds."""
        found = self._all(
            "SELECT t.term, t.id, t.chunks FROM json_each(?) j JOIN lexical_term t ON t.term = j.value",
            json.dumps(sorted(set(terms)), ensure_ascii=False),
        )
        return {term: (number, chunks) for term, number, chunks in found}

    def differing(self, rows: Sequence[NewRow]) -> list[str]:
        """Those of these chunks whose row was written by another analysis or has other terms."""
        found = self._all(
            "SELECT chunk_id, analysis, terms FROM lexical_row"
            " WHERE chunk_id IN (SELECT value FROM json_each(?))",
            json.dumps([row.chunk_id for row in rows]),
        )
        held = {chunk_id: (analysis, terms) for chunk_id, analysis, terms in found}
        known = self.terms(term for row in rows for column in row.words for term in column)
        ids = {term: number for term, (number, _) in known.items()}
        differing = []
        for row in rows:
            if row.chunk_id in held:
                analysis, terms = held[row.chunk_id]
                known_all = all(column.keys() <= ids.keys() for column in row.words)
                with suppress(RowDamaged):  # which `damage` finds
                    if analysis != self.analysis or not (known_all and holds(terms, _columns(row, ids))):
                        differing.append(row.chunk_id)
        return differing

    def put(self, rows: Sequence[NewRow]) -> None:
        """Write rows of chunks that have none. Call inside ``writing``."""
        connection = self._connection()
        chunks = Counter(term for row in rows for term in set().union(*row.words))
        known = self.terms(chunks)
        connection.executemany(
            "UPDATE lexical_term SET chunks = chunks + ? WHERE id = ?",
            [(chunks[term], number) for term, (number, _) in known.items()],
        )
        ids = {term: number for term, (number, _) in known.items()}
        for term, count in chunks.items():
            if term not in ids:
                added = connection.execute(
                    "INSERT INTO lexical_term (term, chunks) VALUES (?, ?)", (term, count)
                ).lastrowid
                assert added is not None  # noqa: S101 - an INSERT that succeeded has one
                ids[term] = added
        if ids and max(ids.values()) > LARGEST_ID:
            raise RetrievalError(f"the lexical index cannot number more than {LARGEST_ID:,} terms; {REMEDY}")
        for row in rows:
            written = connection.execute(
                "INSERT INTO lexical_row (chunk_id, collection, document_id, analysis, terms)"
                " VALUES (?, ?, ?, ?, ?)",
                (row.chunk_id, row.collection, row.document_id, self.analysis, pack(_columns(row, ids))),
            ).lastrowid
            connection.execute(
                "INSERT INTO lexical_change (row, collection, added) VALUES (?, ?, 1)",
                (written, row.collection),
            )

    def delete(self, chunk_ids: Iterable[str]) -> None:
        """Delete the rows of these chunks, and the terms that no other row holds. Call inside ``writing``."""
        connection = self._connection()
        found = self._all(
            "SELECT row, collection, terms FROM lexical_row"
            " WHERE chunk_id IN (SELECT value FROM json_each(?)) ORDER BY row",
            json.dumps(list(chunk_ids)),
        )
        if not found:
            return
        readable, damaged = unpack_readable([terms for _, _, terms in found])
        for place in damaged:  # what counts its terms is now too high, which `damage` finds
            log.warning("row %d of the lexical index is damaged", found[place][0])
        held = Counter(word_ids(readable)[1].tolist())
        connection.executemany(
            "UPDATE lexical_term SET chunks = chunks - ? WHERE id = ?",
            [(count, number) for number, count in held.items()],
        )
        connection.execute(
            "DELETE FROM lexical_term WHERE chunks <= 0 AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(held)),),
        )
        connection.executemany("DELETE FROM lexical_row WHERE row = ?", [(number,) for number, _, _ in found])
        connection.executemany(
            "INSERT INTO lexical_change (row, collection, added) VALUES (?, ?, 0)",
            [(number, collection) for number, collection, _ in found],
        )

    def damage(self) -> str:
        """What contradicts itself; see ``postings_care``."""
        return damage(self._connection())

    def mend(self) -> None:
        """Take out what contradicts itself; see ``postings_care``. Call inside ``writing``."""
        mend(self._connection())

    def _stored(self, where: str, value: str) -> Iterator[StoredRow]:
        cursor = self._cursor()
        cursor.execute(
            "SELECT row, chunk_id, document_id, terms, analysis, collection FROM lexical_row "  # noqa: S608
            f"WHERE {where} ORDER BY row",  # one of two conditions above
            (value,),
        )
        for number, chunk_id, document_id, terms, analysis, collection in cursor:
            if analysis != self.analysis:
                raise RetrievalError(
                    f"words of collection {collection!r} were indexed by another version of the analysis "
                    f"({analysis}, now {self.analysis}); run `touchstone index rebuild`"
                )
            yield StoredRow(number, chunk_id, document_id, terms)

    def _cursor(self) -> sqlite3.Cursor:
        cursor = self._connection().cursor()
        cursor.row_factory = None  # plain tuples, whatever the connection's owner prefers
        return cursor

    def _all(self, sql: str, *values: str | int) -> list[Any]:
        return self._cursor().execute(sql, values).fetchall()

    def _one(self, sql: str, *values: str | int) -> Any:  # noqa: ANN401 - a row of any columns
        return self._cursor().execute(sql, values).fetchone()


def _end(connection: sqlite3.Connection, how: str) -> None:
    if connection.in_transaction:  # SQLite has rolled back by itself after some errors
        connection.execute(how)


def _columns(row: NewRow, ids: Mapping[str, int]) -> list[Mapping[int, int]]:
    """The terms of a row by their ids in the dictionary."""
    return [*({ids[term]: n for term, n in column.items()} for column in row.words), row.soft]

