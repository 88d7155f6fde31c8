"""The lexical channel: our own inverted index, its truth in SQLite, its posting lists in memory."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TypeVar

import numpy as np

from retrieval.analysis import ANALYSIS_VERSION, characters, content_terms, terms
from retrieval.bm25 import best, bm25, document_frequencies
from retrieval.concepts import concepts
from retrieval.postings import Postings
from retrieval.postings_store import NewRow, PostingsStore
from retrieval.protocols import SoftTokens
from retrieval.snapshots import Outrun, Snapshots
from retrieval.soft import SoftQuestion, soft_scores
from retrieval.starter_table import StarterTable
from retrieval.types import Chunk, Hit, Scope

COMMON_CHARACTER = 0.1
"""Characters in a larger share of the chunks are not searched: they cost time and decide nothing."""
BATCH = 500  # chunks whose terms are in memory at once while they are added or removed

T = TypeVar("T")


class InvertedIndex:
    """``LexicalIndex`` and ``TermStatistics`` by BM25 (``retrieval.bm25``) over ``Postings``.

    ``connection`` gives the calling thread's connection. What is added or removed becomes visible with the
    caller's transaction, to others when it is committed; outside one, each call is its own. A search sees
    exactly what its connection sees. ``postings_store.create_tables`` must have run.
    """

    def __init__(
        self,
        connection: Callable[[], sqlite3.Connection],
        *,
        table: StarterTable | None = None,
        soft: SoftTokens | None = None,
    ) -> None:
        """With a ``table`` the search is that of ``retrieval.soft``, else plain BM25.

        ``soft`` gives the tokens of the field of that name (the table's by default), which stays empty
        without.
        """
        self._table = table
        if table is not None:
            soft = table.tokens
        self._soft = soft
        analysis = f"{ANALYSIS_VERSION}+{soft.identity}" if soft else str(ANALYSIS_VERSION)
        self._store = PostingsStore(connection, analysis)
        self._snapshots = Snapshots(self._store)

    def start(self) -> None:
        """Load everything in the background, and go on following it until ``close``."""
        self._snapshots.start()

    def close(self) -> None:
        """End what ``start`` began."""
        self._snapshots.close()

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Make chunks findable by text, title and headings; an id that is there already is replaced."""
        self.remove([chunk.id for chunk in chunks])
        with self._store.writing():
            for batch in _batches({chunk.id: chunk for chunk in chunks}.values()):
                self._store.put([self._row(chunk) for chunk in batch])
            self._written()

    def remove(self, chunk_ids: Sequence[str]) -> None:
        """Forget these ids; unknown ids are no error."""
        with self._store.writing():
            for batch in _batches(chunk_ids):
                self._store.delete(batch)
            self._written()

    def search(self, text: str, k: int, scope: Scope) -> list[Hit]:
        """At most k chunks of the scope that share a term or concept with the text, best first, ties by id.

        With a table, terms that are translated or related count as shared. The text is searched by its
        content terms, or by all its terms where it has no others. How rare a
        term is and how long a chunk usually is are counted in the scope's collections. Scores are ≥ 0.
        Raises ``RetrievalError`` where the index cannot be read.
        """
        wanted = content_terms(text) or terms(text)
        words = list(dict.fromkeys([*wanted, *concepts(text)]))
        single = [each for each in dict.fromkeys(characters("\n".join(wanted))) if each not in set(words)]
        if not words or not scope.collections or k < 1:
            return []
        if self._table is not None:
            return self._soft_search(SoftQuestion.of(text, self._table), k, scope, self._table)
        ids, postings = self.postings([*words, *single], scope)
        found = np.array([ids[each] for each in words if each in ids], dtype=np.uint32)
        letters = np.array([ids[each] for each in single if each in ids], dtype=np.uint32)
        count, frequencies = document_frequencies(postings, "words", letters)
        rare = letters[frequencies <= COMMON_CHARACTER * count]
        scores = bm25(postings, np.concatenate([found, rare]))
        ranked = best(postings, scores, k, scope.document_ids)
        return [Hit(chunk_id, score, rank, "lexical") for rank, (chunk_id, score) in enumerate(ranked, 1)]

    def _soft_search(
        self, question: SoftQuestion, k: int, scope: Scope, table: StarterTable
    ) -> list[Hit]:
        ids, postings = self.postings(question.exact, scope)
        exact = np.array(sorted(ids.values()), dtype=np.uint32)
        ranked = best(postings, soft_scores(postings, question, exact, table), k, scope.document_ids)
        return [Hit(chunk_id, score, rank, "lexical") for rank, (chunk_id, score) in enumerate(ranked, 1)]

    def postings(self, words: Iterable[str], scope: Scope) -> tuple[dict[str, int], list[Postings]]:
        """The ids of those of these terms that are known, and the scope's collections, as of one moment.

        Raises ``RetrievalError`` where the index cannot be read.
        """
        collections = sorted(scope.collections)
        while True:
            try:
                with self._store.reading() as committed:
                    known = self._store.terms(words)
                    postings = self._snapshots.of(collections, committed=committed)
                    return {term: number for term, (number, _) in known.items()}, postings
            except Outrun:
                continue

    def count(self) -> int:
        """How many chunks the index holds."""
        with self._store.reading():
            return self._store.count()

    def ids(self, collection: str | None = None) -> set[str]:
        """The chunks of a collection, or of all, that the index holds."""
        with self._store.reading():
            return self._store.ids(collection)

    def outdated(self, collection: str) -> set[str]:
        """The chunks of a collection that another analysis than the present one has indexed."""
        with self._store.reading():
            return self._store.outdated(collection)

    def differing(self, chunks: Sequence[Chunk]) -> list[str]:
        """Ids of those of these chunks that the index holds with other words than theirs.

        Those that another version of the analysis has indexed are among them.
        """
        differing: list[str] = []
        for batch in _batches(chunks):
            with self._store.reading():
                differing += self._store.differing([self._row(chunk) for chunk in batch])
        return differing

    def damage(self) -> str:
        """What contradicts itself in the index; "" where nothing does. Inside a transaction."""
        return self._store.damage()

    def mend(self) -> None:
        """Take out what contradicts itself.

        Inside a transaction. Chunks that the index lacks afterwards have to be added again.
        """
        self._store.mend()

    def document_frequencies(self, terms: Sequence[str]) -> tuple[int, Mapping[str, int]]:
        """Chunks in all, and for each term (``analysis.terms``, a concept) in how many of them it stands."""
        with self._store.reading():
            known = self._store.terms(terms)
            return self._store.count(), {term: known[term][1] if term in known else 0 for term in terms}

    def token_frequencies(self, tokens: Sequence[int]) -> tuple[int, Sequence[int]]:
        """Chunks in all, and for each starter token in how many of them it stands."""
        with self._store.reading():
            everything = Scope(frozenset(self._store.collections()))
        _, postings = self.postings([], everything)
        count, found = document_frequencies(postings, "soft", np.array(tokens, dtype=np.uint32))
        return count, found.tolist()

    def _row(self, chunk: Chunk) -> NewRow:
        text, context = chunk.contextual_text, f"{chunk.context}\n{chunk.lead}"
        parts = (chunk.text, context)  # no token spans a line, so those of the whole are those of its parts
        return NewRow(
            chunk_id=chunk.id,
            collection=chunk.collection,
            document_id=chunk.document_id,
            words=(
                Counter(terms(chunk.text)),
                Counter(terms(context)),
                Counter(concepts(text)),
                Counter(chain.from_iterable(map(characters, parts))),
            ),
            soft=Counter(chain.from_iterable(map(self._soft.ids, parts))) if self._soft else {},
        )

    def _written(self) -> None:
        version, followed = self._store.version(), self._snapshots.followed()
        self._store.forget_changes(version if followed is None else followed)
        self._snapshots.behind(version)


def _batches(values: Iterable[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while batch := list(islice(rest, BATCH)):
        yield batch
