"""Care of the vector index: a copy of what SQLite holds, checked on opening and refilled when it differs."""

import logging

from app.partitions import CurrentPartitions
from app.storage.chunks import Chunks
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.staging import Staging
from retrieval.errors import IndexDamaged
from retrieval.manifest import IndexManifest, check
from retrieval.protocols import Embedder, LexicalIndex
from retrieval.types import Notice

REFILL_BATCH = 2_000  # adds of 1,000 to 5,000 are Chroma's fastest (design notes, infra section 1)

log = logging.getLogger(__name__)


class VectorIndex:
    """Keeps the vector store equal to SQLite: refills it where it differs, sweeps what is not shown."""

    def __init__(
        self,
        store: CurrentPartitions,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        chunks: Chunks,
        staging: Staging,
        lexical: LexicalIndex,
    ) -> None:
        self._store = store
        self._database = database
        self._staging = staging
        self._collections = collections
        self._documents = documents
        self._chunks = chunks
        self._lexical = lexical

    def require(self, collection: Collection, embedder: Embedder) -> None:
        """Raise ``IndexMismatch`` where another embedder made the vectors; record the one of an empty one."""
        if collection.manifest is None or collection.chunks == 0:
            self._collections.set_manifest(collection.id, IndexManifest(embedder.identity, embedder.dim))
        else:
            check(collection.manifest, embedder, collection.name)

    def reconcile(self) -> list[Notice]:
        """Sweep leftovers, then refill every collection whose count of vectors differs from SQLite's.

        Vectors of versions whose indexing was stopped half-way are taken out first: how many are in is not
        known. A store in which not even that can be done is moved aside, and all of it filled again.
        """
        try:
            return self._reconcile()
        except IndexDamaged:
            log.exception("the vector index cannot be used: it is moved aside")
            return [self._store.start_over(), *self._reconcile()]

    def _reconcile(self) -> list[Notice]:
        self.sweep()
        for version in self._staging.in_flight():
            try:
                self._store.remove(version.collection_id, self._staging.chunk_ids(version))
            except IndexDamaged:
                log.exception("vector index of collection %s is damaged", version.collection_id)
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

    def sweep(self) -> set[str]:
        """Remove versions nobody is shown from the indexes and, but for those kept, from SQLite.

        Gives back the hashes of their bytes.
        """
        leftovers = self._documents.leftovers()
        for leftover in leftovers:
            if leftover.indexed:
                self._store.remove(leftover.collection_id, leftover.chunk_ids)
            with self._database.transaction():
                self._lexical.remove(leftover.chunk_ids)
                self._documents.forget(leftover)
        self._documents.forget_unversioned()
        return {leftover.sha256 for leftover in leftovers}
