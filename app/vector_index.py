"""Care of the vector index: a copy of what SQLite holds, checked on opening and refilled when it differs."""

import logging

from app.storage.chunks import Chunks
from app.storage.collections import Collection, Collections
from app.storage.documents import Documents
from retrieval.errors import IndexDamaged
from retrieval.manifest import IndexManifest, check
from retrieval.protocols import Embedder, LexicalIndex, VectorStore
from retrieval.types import Notice

REFILL_BATCH = 2_000  # adds of 1,000 to 5,000 are Chroma's fastest (design notes, infra section 1)

log = logging.getLogger(__name__)


class VectorIndex:
    """Keeps the vector store equal to SQLite: refills it where it differs, sweeps what is not shown."""

    def __init__(
        self,
        store: VectorStore,
        *,
        collections: Collections,
        documents: Documents,
        chunks: Chunks,
        lexical: LexicalIndex,
    ) -> None:
        self._store = store
        self._collections = collections
        self._documents = documents
        self._chunks = chunks
        self._lexical = lexical

    def require(self, collection: Collection, embedder: Embedder) -> None:
        """Raise ``IndexMismatch`` where another embedder made the vectors; record a new one."""
        if collection.manifest is None:
            self._collections.set_manifest(collection.id, IndexManifest(embedder.identity, embedder.dim))
        else:
            check(collection.manifest, embedder, collection.name)

    def reconcile(self) -> list[Notice]:
        """Sweep leftovers, then refill every collection whose count of vectors differs from SQLite's."""
        self.sweep()
        notices = []
        for collection in self._collections.all():
            try:
                found = self._store.count(collection.id)
            except IndexDamaged:
                log.exception("vector index of collection %s is damaged", collection.id)
                found = -1
            if found != collection.chunks:
                self.refill(collection)
                notices.append(
                    Notice.of("index_rebuilt", collection=collection.name, chunks=collection.chunks)
                )
        return notices

    def refill(self, collection: Collection) -> None:
        """Throw the collection's vectors away and write them again from SQLite; nothing is embedded."""
        self._store.drop(collection.id)
        for chunk_ids, document_ids, vectors in self._chunks.vectors(collection.id, batch=REFILL_BATCH):
            self._store.add(collection.id, chunk_ids, document_ids, vectors)

    def sweep(self) -> int:
        """Remove versions that are not shown from indexes and SQLite; gives back how many."""
        leftovers = self._documents.leftovers()
        for leftover in leftovers:
            self._store.remove(leftover.collection_id, leftover.chunk_ids)
            self._lexical.remove(leftover.chunk_ids)
            self._documents.forget(leftover)
        self._documents.forget_unversioned()
        return len(leftovers)
