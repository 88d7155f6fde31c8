"""The lexical channel in SQLite FTS5, inside the application's own database and transactions."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retrieval.analysis import characters, content_terms, terms
from retrieval.concepts import concepts
from retrieval.errors import RetrievalError
from retrieval.types import Chunk, Hit, Scope

# The ascii tokenizer takes every character beyond ASCII as part of a token and folds only A-Z. Terms hold
# lower case, digits, ".", "+", "#" and non-ASCII letters, so it gives each term back exactly as it is.
STATEMENTS = (
    """CREATE TABLE IF NOT EXISTS lexical_row (
    row INTEGER PRIMARY KEY,
    chunk_id TEXT NOT NULL UNIQUE,
    collection TEXT NOT NULL,
    document_id TEXT NOT NULL
) STRICT""",
    """CREATE VIRTUAL TABLE IF NOT EXISTS lexical USING fts5(
    body, context, concepts, characters, tokenize = "ascii tokenchars '.+#'"
)""",
    "CREATE VIRTUAL TABLE IF NOT EXISTS lexical_term USING fts5vocab(lexical, 'row')",
)
SCHEMA = ";\n".join(STATEMENTS) + ";\n"
"""The same as one script. ``sqlite3.Connection.executescript`` commits first: see ``create_tables``."""

# Chosen on shared/eval/dev; neighbouring values differ by less than 0.02 nDCG@10. Single characters bring
# back what pairs miss (a word typed with a wrong character, a name in another order).
WEIGHTS = (1.0, 1.0, 0.5, 0.5)
"""BM25 weights of body, context, concepts and characters."""
COMMON_CHARACTER = 0.1
"""Characters in a larger share of the chunks are not searched: they cost time and decide nothing."""

_SEARCH = """
SELECT r.chunk_id, -bm25(lexical, ?, ?, ?, ?) AS score FROM lexical
JOIN lexical_row r ON r.row = lexical.rowid
WHERE lexical MATCH ? AND r.collection IN (SELECT value FROM json_each(?)){documents}
ORDER BY score DESC, r.chunk_id LIMIT ?
"""
_ROW_OF = "SELECT row FROM lexical_row WHERE chunk_id = ?"
_ALL = _SEARCH.format(documents="")
_NARROWED = _SEARCH.format(documents=" AND r.document_id IN (SELECT value FROM json_each(?))")


def create_tables(connection: sqlite3.Connection) -> None:
    """Create what is missing, inside the transaction the connection is in."""
    for statement in STATEMENTS:
        connection.execute(statement)


class Fts5Index:
    """``LexicalIndex`` and ``TermStatistics`` over FTS5's BM25 (k1 1.2, b 0.75; SQLite's documentation).

    ``connection`` gives the calling thread's connection. Nothing here begins or commits: what is added or
    removed becomes visible with the caller's transaction. ``create_tables`` must have run.
    """

    def __init__(self, connection: Callable[[], sqlite3.Connection]) -> None:
        self._connection = connection

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Make chunks findable by text, title and headings; an id that is there already is replaced."""
        self.remove([chunk.id for chunk in chunks])
        connection = self._connection()
        for chunk in chunks:
            row = connection.execute(
                "INSERT INTO lexical_row (chunk_id, collection, document_id) VALUES (?, ?, ?)",
                (chunk.id, chunk.collection, chunk.document_id),
            ).lastrowid
            connection.execute(
                "INSERT INTO lexical (rowid, body, context, concepts, characters) VALUES (?, ?, ?, ?, ?)",
                (row, *(" ".join(column) for column in _columns(chunk))),
            )

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Forget these ids; unknown ids are no error."""
        connection = self._connection()
        for chunk_id in chunk_ids:
            found = connection.execute(_ROW_OF, (chunk_id,)).fetchone()
            if found is not None:
                connection.execute("DELETE FROM lexical WHERE rowid = ?", (found[0],))
                connection.execute("DELETE FROM lexical_row WHERE row = ?", (found[0],))

    def search(self, text: str, k: int, scope: Scope) -> list[Hit]:
        """At most k chunks of the scope that share a term or concept with the text, best first, ties by id.

        The text is searched by its content terms, or by all its terms where it has no others. Scores are ≥ 0.
        Raises ``RetrievalError`` where the index cannot be read.
        """
        expression = self._match_expression(text)
        if not expression or not scope.collections or k < 1:
            return []
        collections = json.dumps(sorted(scope.collections))
        if scope.document_ids is None:
            found = self._read(_ALL, (*WEIGHTS, expression, collections, k))
        else:
            documents = json.dumps(sorted(scope.document_ids))
            found = self._read(_NARROWED, (*WEIGHTS, expression, collections, documents, k))
        return [
            Hit(chunk_id, max(0.0, score), rank, "lexical") for rank, (chunk_id, score) in enumerate(found, 1)
        ]

    def count(self) -> int:
        """How many chunks the index holds."""
        return int(self._read("SELECT count(*) FROM lexical_row", ())[0][0])

    def ids(self, collection: str | None = None) -> set[str]:
        """The chunks of a collection, or of all, that the index holds."""
        if collection is None:
            return {row[0] for row in self._read("SELECT chunk_id FROM lexical_row", ())}
        found = self._read("SELECT chunk_id FROM lexical_row WHERE collection = ?", (collection,))
        return {row[0] for row in found}

    def differing(self, chunks: Sequence[Chunk]) -> list[str]:
        """Ids of those of these chunks that the index holds with other words than theirs."""
        differing = []
        for chunk in chunks:
            found = self._read(
                "SELECT body, context, concepts, characters FROM lexical"
                " WHERE rowid = (SELECT row FROM lexical_row WHERE chunk_id = ?)",
                (chunk.id,),
            )
            if found and tuple(found[0]) != tuple(" ".join(column) for column in _columns(chunk)):
                differing.append(chunk.id)
        return differing

    def damage(self) -> str:
        """What contradicts itself in the index; "" where nothing does. Inside a transaction."""
        connection = self._connection()
        unpaired = (
            "SELECT (SELECT count(*) FROM lexical_row WHERE row NOT IN (SELECT id FROM lexical_docsize))"
            " + (SELECT count(*) FROM lexical_docsize WHERE id NOT IN (SELECT row FROM lexical_row))"
        )
        try:
            connection.execute("INSERT INTO lexical (lexical) VALUES ('integrity-check')")
            (count,) = connection.execute(unpaired).fetchone()
        except sqlite3.DatabaseError as error:
            return str(error)
        return f"{count} rows without their counterpart" if count else ""

    def mend(self) -> None:
        """Build the inverted index again from the rows of terms, and drop rows without a counterpart.

        Inside a transaction. Rows that lack afterwards have to be added again.
        """
        connection = self._connection()
        connection.execute("DELETE FROM lexical_row WHERE row NOT IN (SELECT id FROM lexical_content)")
        connection.execute("DELETE FROM lexical_content WHERE id NOT IN (SELECT row FROM lexical_row)")
        connection.execute("INSERT INTO lexical (lexical) VALUES ('rebuild')")

    def document_frequencies(self, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """Chunks in all, and for each term (``analysis.terms``, a concept) in how many of them it stands."""
        wanted = json.dumps(sorted(set(terms)))
        found = self._read(
            "SELECT v.term, v.doc FROM json_each(?) j JOIN lexical_term v ON v.term = j.value", (wanted,)
        )
        return self.count(), {**dict.fromkeys(terms, 0), **{term: int(count) for term, count in found}}

    def _match_expression(self, text: str) -> str:
        """Quoted terms joined by OR: nothing of the text can be read as FTS5 syntax."""
        wanted = content_terms(text) or terms(text)
        single = list(dict.fromkeys(characters("\n".join(wanted))))
        count, frequencies = self.document_frequencies(single)
        rare = [character for character in single if frequencies[character] <= COMMON_CHARACTER * count]
        return " OR ".join(map(_quoted, dict.fromkeys([*wanted, *rare, *concepts(text)])))

    def _read(self, sql: str, values: tuple[object, ...]) -> list[Any]:
        try:
            return self._connection().execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise RetrievalError(
                f"the lexical index cannot be read ({error}); run `touchstone reindex`"
            ) from error


def _columns(chunk: Chunk) -> tuple[list[str], ...]:
    text = chunk.contextual_text
    return terms(chunk.text), terms(f"{chunk.context}\n{chunk.lead}"), concepts(text), characters(text)


def _quoted(term: str) -> str:
    return '"' + term.replace('"', '""') + '"'
