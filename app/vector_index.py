"""Care of the vector index, a copy of what SQLite holds: compared with it, filled again where it differs."""

import logging
from collections.abc import Callable, Sequence

from app.failpoints import hit
from app.partitions import CurrentPartitions
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.staging import Staging
from app.storage.survey import Survey
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
        staging: Staging,
        lexical: LexicalIndex,
        tell: Callable[[Sequence[Notice]], None] = lambda _: None,
    ) -> None:
        """``tell`` hears what had to be done to an index in use."""
        self._store = store
        self._database = database
        self._staging = staging
        self._collections = collections
        self._documents = documents
        self._lexical = lexical
        self._survey = Survey(database)
        self._tell = tell

    def require(self, collection: Collection, embedder: Embedder) -> None:
        """Raise ``IndexMismatch`` where another embedder made the vectors; record the one of an empty one."""
        if collection.manifest is None or collection.chunks == 0:
            self._collections.set_manifest(collection.id, IndexManifest(embedder.identity, embedder.dim))
        else:
            check(collection.manifest, embedder, collection.name)

    def reconcile(self) -> list[Notice]:
        """Sweep leftovers, then refill every collection whose vectors are not those that are shown.

        Vectors of versions whose indexing was stopped half-way are taken out first: how many are in is not
        known. A store in which not even that can be done is moved aside, and all of it filled again. While
        nobody else uses it. Raises ``IndexFull`` where the disk is.
        """
        try:
            return self._reconcile()
        except IndexDamaged:
            log.exception("the vector index cannot be used: it is moved aside")
            return [self._store.start_over(), *self._reconcile()]

    def heal(self, suspect: str = "") -> list[Notice]:
        """Fill again what is damaged while the index is in use; what had to be done.

        For the one writer, who holds the library's lock. Where nothing is found to be wrong, at least the
        collection ``suspect`` is filled again. Raises ``IndexFull`` where there is no room for it, and the
        index is as it was then.
        """
        try:
            self._store.check()
            collections = [each for each in self._collections.all() if self._lacks(each)]
            if not collections and suspect:
                collections = [self._collections.by_id(suspect)]
            notices = [self._refilled(each) for each in collections]
        except IndexDamaged:
            log.exception("the vector index cannot be used any longer: it is moved aside")
            notices = [self._store.start_over()]
            notices += [self._refilled(each) for each in self._collections.all()]
        self._store.trust()
        self._tell(notices)
        return notices

    @property
    def suspect(self) -> bool:
        """Whether somebody met damage since the index was last looked through."""
        return self._store.suspect

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
                differ = self._store.ids(collection.id) ^ self._survey.chunk_ids(collection.id)
                damaged = bool(differ) and not differ <= self._unusable(collection)
            except IndexDamaged:
                log.exception("vector index of collection %s is damaged", collection.id)
                damaged = True
            if damaged:
                notices.append(self._refilled(collection))
        self._store.trust()
        return notices

    def _lacks(self, collection: Collection) -> bool:
        """Whether a vector that is shown, or about to be, is not there."""
        wanted = self._survey.chunk_ids(collection.id)
        for version in self._staging.about_to_show():
            if version.collection_id == collection.id:
                wanted.update(self._staging.chunk_ids(version))
        try:
            lacking = wanted - self._store.ids(collection.id)
            lost = bool(lacking) and not lacking <= self._unusable(collection)
            return lost or self._store.is_filling(collection.id)
        except IndexDamaged:
            log.exception("vector index of collection %s is damaged", collection.id)
            return True

    def _refilled(self, collection: Collection) -> Notice:
        """Throw the collection's vectors away and write them again from SQLite; nothing is embedded."""
        hit("refill.before")
        coming = [each for each in self._staging.in_flight() if each.collection_id == collection.id]
        versions = [*self._survey.current(collection.id), *coming]
        with self._store.filling(collection.id):
            self._store.drop(collection.id)
            for chunk_ids, document_ids, vectors in self._survey.vectors(
                versions, dim=_dim(collection), batch=REFILL_BATCH
            ):
                self._store.add(collection.id, chunk_ids, document_ids, vectors)
                hit("refill.half")
        return Notice.of("index_rebuilt", collection=collection.name, chunks=collection.chunks)

    def _unusable(self, collection: Collection) -> set[str]:
        """Chunks whose stored vector is none: ``doctor`` names them, and no index can hold them."""
        return set(self._survey.unusable(collection.id, _dim(collection)))

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


def _dim(collection: Collection) -> int:
    """The length of the collection's vectors; 0 where it has none yet."""
    return collection.manifest.dim if collection.manifest is not None else 0
