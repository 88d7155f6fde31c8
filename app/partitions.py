"""The vector store as the rest sees it: by collection, whichever partition holds its vectors now."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from app.settings import ChromaSettings
from app.storage.segments import remove_unused_segments
from retrieval.errors import IndexDamaged, RetrievalError
from retrieval.protocols import Vectors, VectorStore
from retrieval.types import Hit, Notice, Scope

log = logging.getLogger(__name__)


class CurrentPartitions:
    """``VectorStore`` that looks up which partition is a collection's before each call.

    The name of a partition, where it is no collection's id, stands for itself.
    """

    def __init__(
        self,
        store: VectorStore,
        current: Callable[[str], str],
        *,
        folder: Path | None = None,
        reopen: Callable[[], tuple[VectorStore, Notice]] | None = None,
    ) -> None:
        """``folder`` holds an embedded store; ``reopen`` moves it aside and opens an empty one there."""
        self._store = store
        self._current = current
        self._reopen = reopen
        self.folder = folder

    def add(
        self, collection: str, chunk_ids: Sequence[str], document_ids: Sequence[str], vectors: Vectors
    ) -> None:
        """See ``VectorStore``, as for all that follow."""
        self._store.add(self._current(collection), chunk_ids, document_ids, vectors)

    def remove(self, collection: str, chunk_ids: Sequence[str]) -> None:
        """Forget these ids."""
        self._store.remove(self._current(collection), chunk_ids)

    def search(self, vector: Vectors, k: int, scope: Scope) -> list[Hit]:
        """At most k hits of the scope."""
        partitions = self._partitions_of(scope)
        try:
            return self._store.search(vector, k, replace(scope, collections=partitions))
        except RetrievalError:
            switched = self._partitions_of(scope)
            if switched == partitions:
                raise
            return self._store.search(vector, k, replace(scope, collections=switched))

    def count(self, collection: str) -> int:
        """How many vectors the collection holds."""
        return self._store.count(self._current(collection))

    def ids(self, collection: str) -> set[str]:
        """Every id the collection holds."""
        return self._store.ids(self._current(collection))

    def partitions(self) -> set[str]:
        """The names of all partitions there are."""
        return self._store.partitions()

    def drop(self, collection: str) -> None:
        """Delete the whole partition."""
        self.drop_partition(self._current(collection))

    def drop_partition(self, name: str) -> None:
        """Delete the partition of exactly this name, a collection's own first one included."""
        self._store.drop(name)
        if self.folder is not None:
            remove_unused_segments(self.folder)

    def start_over(self) -> Notice:
        """Move a store that cannot be used aside and go on with an empty one. Raises ``IndexDamaged``.

        While nobody else uses it.
        """
        if self._reopen is None:
            raise IndexDamaged("the vector index is on a server and cannot be moved aside; look there")
        self.close()
        self._store, notice = self._reopen()
        return notice

    def _partitions_of(self, scope: Scope) -> frozenset[str]:
        return frozenset(self._current(each) for each in scope.collections)

    def close(self) -> None:
        """Release what the store holds."""
        closing = getattr(self._store, "close", None)
        if closing is not None:
            closing()


def open_partitions(
    chroma: ChromaSettings, folder: Path, current: Callable[[str], str], now: Callable[[], datetime]
) -> tuple[CurrentPartitions, list[Notice]]:
    """The vector store of the settings, embedded in ``folder`` or on a server, and what was done for it.

    An embedded one that cannot be opened is moved aside, never deleted, and an empty one takes its place.
    """
    from retrieval.chroma import ChromaStore  # chromadb takes over a second to import

    if chroma.host:
        return CurrentPartitions(ChromaStore.connect(chroma.host, chroma.port), current), []

    def reopen() -> tuple[VectorStore, Notice]:
        aside = folder.with_name(f"{folder.name}.aside-{now():%Y%m%dT%H%M%S%f}")
        folder.rename(aside)
        return ChromaStore.open(folder), Notice.of("index_moved_aside", folder=str(aside))

    try:
        return CurrentPartitions(ChromaStore.open(folder), current, folder=folder, reopen=reopen), []
    except IndexDamaged:
        log.exception("the vector index in %s cannot be opened: it is moved aside", folder)
        store, notice = reopen()
        return CurrentPartitions(store, current, folder=folder, reopen=reopen), [notice]
