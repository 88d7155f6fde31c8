"""BM25 of SQLite's FTS5 over the same terms: the reference for ``retrieval.bm25``."""

import sqlite3
from collections.abc import Sequence

from retrieval.analysis import characters, content_terms, terms
from retrieval.concepts import concepts
from retrieval.inverted import COMMON_CHARACTER
from retrieval.types import Chunk

# The ascii tokenizer takes every character beyond ASCII as part of a token and folds only A-Z: terms of lower
# case, digits, ".", "+", "#" and non-ASCII letters come out as they went in.
TABLES = (
    """CREATE VIRTUAL TABLE lexical USING fts5(
    chunk_id UNINDEXED, body, context, concepts, characters, tokenize = "ascii tokenchars '.+#'"
)""",
    "CREATE VIRTUAL TABLE term USING fts5vocab(lexical, 'row')",
)


class Fts5Peer:
    """Chunks of one collection, searched as ``InvertedIndex`` promises to."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        for table in TABLES:
            self._connection.execute(table)
        for chunk in chunks:
            text = chunk.contextual_text
            columns = (
                terms(chunk.text), terms(f"{chunk.context}\n{chunk.lead}"), concepts(text), characters(text),
            )  # fmt: skip
            self._connection.execute(
                "INSERT INTO lexical VALUES (?, ?, ?, ?, ?)", (chunk.id, *map(" ".join, columns))
            )

    def close(self) -> None:
        self._connection.close()

    def search(self, text: str, k: int) -> list[tuple[str, float]]:
        """The k best chunks with their scores, ties by id."""
        wanted = content_terms(text) or terms(text)
        (count,) = self._connection.execute("SELECT count(*) FROM lexical").fetchone()
        rare = [
            each for each in dict.fromkeys(characters("\n".join(wanted)))
            if self._frequency(each) <= COMMON_CHARACTER * count
        ]  # fmt: skip
        searched = dict.fromkeys([*wanted, *rare, *concepts(text)])
        if not searched:
            return []
        return self._connection.execute(
            "SELECT chunk_id, -bm25(lexical, 0.0, 1.0, 1.0, 0.5, 0.5) AS score FROM lexical"
            " WHERE lexical MATCH ? ORDER BY score DESC, chunk_id LIMIT ?",
            (" OR ".join(f'"{term}"' for term in searched), k),
        ).fetchall()

    def _frequency(self, term: str) -> int:
        found = self._connection.execute("SELECT doc FROM term WHERE term = ?", (term,)).fetchone()
        return int(found[0]) if found else 0
