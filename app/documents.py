"""The writer's side of the knowledge bases: index, publish, sweep, delete. A version shows whole or not."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from app.errors import NotFound
from app.failpoints import hit
from app.partitions import CurrentPartitions
from app.storage.blobs import BlobStore
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.documents import DocumentRow, Documents
from app.storage.job_recovery import JobRecovery
from app.storage.partitions import PartitionRows
from app.storage.staging import ParseResults, Staging, VersionId
from app.vector_index import REFILL_BATCH, VectorIndex
from retrieval.errors import IndexDamaged, RetrievalError
from retrieval.protocols import Embedder, LexicalIndex
from retrieval.types import Notice

log = logging.getLogger(__name__)


class Library:
    """Changes what is shown. One writer at a time holds ``lock``; readers go on meanwhile."""

    def __init__(
        self,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        staging: Staging,
        parsed: ParseResults,
        partitions: PartitionRows,
        jobs: JobRecovery,
        blobs: BlobStore,
        vectors: CurrentPartitions,
        lexical: LexicalIndex,
        index: VectorIndex,
        embedder: Embedder,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called after jobs were taken from their workers."""
        self.lock = threading.RLock()
        self._database = database
        self._collections = collections
        self._documents = documents
        self._staging = staging
        self._parsed = parsed
        self._partitions = partitions
        self._jobs = jobs
        self._blobs = blobs
        self._vectors = vectors
        self._lexical = lexical
        self._index = index
        self._embedder = embedder
        self._changed = changed

    def require(self, collection_id: str) -> None:
        """Raise ``IndexMismatch`` where another embedder made the collection's vectors; record a new one."""
        self._index.require(self._collections.by_id(collection_id), self._embedder)

    def index(self, place: str, versions: Sequence[VersionId], alive: Callable[[], None]) -> None:
        """Put the vectors of staged versions of one collection into the vector index, in large adds.

        ``place`` is the collection, or the partition a reindex builds. Nobody sees them yet. ``alive`` is
        called between adds. A damaged index is filled again first. Raises ``IndexFull`` where the disk is.
        """
        if not versions:
            return
        try:
            self._add(place, versions, alive)
        except IndexDamaged:
            log.exception("vector index %s is damaged: it is filled again", place)
            if place == versions[0].collection_id:
                self._index.heal(suspect=place)
            else:
                self._index.heal()
                self._vectors.drop_partition(place)  # ``complete`` brings back what was in it
            self._add(place, versions, alive)

    def complete(self, place: str, versions: Sequence[VersionId]) -> None:
        """Make sure that a partition that was built holds exactly these versions."""
        wanted = sum(len(self._staging.chunk_ids(version)) for version in versions)
        if self._vectors.count(place) != wanted:
            self._vectors.drop_partition(place)
            self._add(place, versions, lambda: None)

    def publish(self, version: VersionId) -> None:
        """Show a version whose vectors are indexed; call inside the transaction that ends its job."""
        self._lexical.add(self._staging.chunks(version))
        self._documents.publish(version.document_id, version.version)

    def retract(self, place: str, version: VersionId, chunks: int) -> None:
        """Take the vectors of a version that will not be shown out of the index again."""
        self._vectors.remove(place, [f"{version.document_id}:{version.version}:{n}" for n in range(chunks)])

    def retire_same_bytes(self, collection_id: str, sha256: str, *, but: str) -> None:
        """Stop showing what the collection holds of these bytes, but for the document of that name."""
        for row in self._documents.shown(collection_id):
            if row.sha256 == sha256 and row.name != but:
                self._documents.retire(row.id)

    def sweep(self) -> None:
        """Remove what is neither shown nor held by a job: versions, bytes, parse results, partitions."""
        hit("sweep.before")
        with self.lock:
            self.discard(self._index.sweep())
            for name in self._partitions.retired():
                self._vectors.drop_partition(name)
                self._partitions.forget(name)
        hit("sweep.after")

    def delete(self, collection_name: str, document_name: str) -> DocumentRow:
        """Remove a document from what is shown and searched, with the jobs that would bring it back.

        It waits in the trash (``app/trash.py``) where anything is kept; else rows and bytes go at once.
        """
        collection = self._collections.named(collection_name)
        with self.lock:
            hit("delete.before")
            with self._database.transaction():  # no job ends for a deletion that a stop breaks off
                row = self._documents.find(collection.id, document_name)
                cancelled = self._jobs.cancel_of(collection.id, document_name)
                if not cancelled and (row is None or row.version == 0):
                    raise NotFound(
                        f"document {document_name!r} is not in collection {collection_name!r}; "
                        f"`touchstone documents --collection {collection_name}` lists what is"
                    )
                if row is None:
                    row = DocumentRow("", collection.id, document_name, 0, cancelled[0].sha256, "", 0, 0)
                self._documents.retire(row.id)
            hit("delete.after")
            self._after_cancelling([job.sha256 for job in cancelled])
        return row

    def delete_collection(self, name: str) -> Collection:
        """Remove a knowledge base with everything in it, and the jobs that work on it."""
        collection = self._collections.named(name)
        with self.lock:
            hit("delete.before")
            with self._database.transaction():  # after a stop all of its documents are gone, or none
                cancelled = self._jobs.cancel_of(collection.id)
                rows = self._documents.shown(collection.id)
                for row in rows:
                    self._documents.retire(row.id)
                self._documents.let_go("collection_id = ?", (collection.id,))
            hit("delete.after")
            self._after_cancelling([job.sha256 for job in cancelled])
            hit("drop.before")
            for partition in self._partitions.of(collection.id):
                self._vectors.drop_partition(partition)
                self._partitions.forget(partition)
            self._collections.delete(collection.id)
            hit("drop.after")
            self.discard(row.sha256 for row in rows)
        return collection

    @property
    def suspect(self) -> bool:
        """Whether somebody has met a damaged vector index that was not looked through since."""
        return self._index.suspect

    def heal(self) -> list[Notice]:
        """Look through the vector index and fill again what is damaged, while questions are answered."""
        with self.lock:
            notices = self._index.heal()
            self.sweep()  # what damage had stopped
        return notices

    def end_cancelled(self, shas: Sequence[str]) -> None:
        """Remove what cancelled jobs left: staged versions, vectors, and bytes nothing else uses."""
        with self.lock:
            self._after_cancelling(shas)

    def tidy(self) -> None:
        """Remove everything that nobody is shown and no job holds, looking at every file that is kept."""
        self.sweep()
        self._parsed.forget_unheld()
        self._blobs.sweep(self._documents.uses)

    def discard(self, shas: Iterable[str]) -> None:
        """Throw bytes away, by their hashes, unless a version or a job uses them; and what was parsed."""
        self._parsed.forget_unheld()
        for sha256 in set(shas):
            self._blobs.discard(sha256, self._documents.uses)

    @contextmanager
    def writing(self) -> Iterator["Library"]:
        """This library, for one writer at a time."""
        with self.lock:
            yield self

    def settle(self) -> None:
        """Return when whoever is publishing or sweeping now has come to an end."""
        with self.lock:
            return

    def _after_cancelling(self, shas: Iterable[str]) -> None:
        """Sweep now, or where the vector index cannot be used, later: nobody is shown what is left."""
        self._changed()
        hit("cancel.after")
        try:
            self.sweep()
        except RetrievalError as error:
            log.warning("what is no longer shown cannot be swept yet: %s", error)
        self.discard(shas)

    def _add(self, place: str, versions: Sequence[VersionId], alive: Callable[[], None]) -> None:
        for chunk_ids, document_ids, vectors in self._staging.vectors(versions, batch=REFILL_BATCH):
            self._vectors.add(place, chunk_ids, document_ids, vectors)
            alive()
