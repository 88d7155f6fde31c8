"""Files become searchable: read, prepare, stage, index, publish, sweep. A version shows whole or not."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from app.errors import NotFound
from app.reports import FileReport
from app.storage.blobs import BlobStore
from app.storage.chunks import pack_vector, unpack_vector
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.documents import DocumentRow, Documents
from app.vector_index import VectorIndex
from ingest.errors import IngestError
from ingest.load import load, to_source
from ingest.pipeline import Progress, prepare
from ingest.settings import IngestSettings
from ingest.types import Prepared, Source
from retrieval.protocols import Embedder, LexicalIndex, Vectors, VectorStore

REINDEXING, REPLACED = "~reindexing", "~replaced"  # names a person cannot give a collection
log = logging.getLogger(__name__)


class Library:
    """The writer's side of the knowledge bases. One call at a time; readers go on meanwhile."""

    def __init__(
        self,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        blobs: BlobStore,
        vectors: VectorStore,
        lexical: LexicalIndex,
        index: VectorIndex,
        embedder: Embedder,
        settings: IngestSettings,
    ) -> None:
        self._database = database
        self._collections = collections
        self._documents = documents
        self._blobs = blobs
        self._vectors = vectors
        self._lexical = lexical
        self._index = index
        self._embedder = embedder
        self._settings = settings

    def ingest(
        self, files: Sequence[tuple[Path, str]], collection_name: str, progress: Callable[[str], Progress]
    ) -> Iterable[FileReport]:
        """Ingest (path, name) pairs one after another, yielding a report each; a failed file stops no other.

        ``progress`` makes the progress callback of one file from its name. Raises ``IndexMismatch`` before
        anything is read when the collection belongs to another embedder.
        """
        collection = self._collections.create(collection_name)
        self._index.require(collection, self._embedder)
        for path, name in files:
            yield self._ingest_one(self._reader(path, name, collection), name, collection, progress(name))

    def add(self, data: bytes, name: str, collection_name: str, progress: Progress) -> FileReport:
        """Ingest bytes that came under a name, as ``ingest`` does with a file."""
        collection = self._collections.create(collection_name)
        self._index.require(collection, self._embedder)

        def read() -> Source:
            return to_source(
                data, name=name, collection=collection.id, document_id="", settings=self._settings
            )

        return self._ingest_one(read, name, collection, progress)

    def delete(self, collection_name: str, document_name: str) -> DocumentRow:
        """Remove a document from its collection: rows, vectors, terms, and bytes nothing else uses."""
        collection = self._collections.named(collection_name)
        row = self._documents.find(collection.id, document_name)
        if row is None or row.version == 0:
            raise NotFound(
                f"document {document_name!r} is not in collection {collection_name!r}; `touchstone documents "
                f"--collection {collection_name}` lists what is"
            )
        self._documents.retire(row.id)
        self._index.sweep()
        if not self._documents.uses(row.sha256):
            self._blobs.remove(row.sha256)
        return row

    def delete_collection(self, name: str) -> Collection:
        """Remove a knowledge base with everything in it."""
        collection = self._collections.named(name)
        rows = self._documents.shown(collection.id)
        for row in rows:
            self._documents.retire(row.id)
        self._index.sweep()
        self._vectors.drop(collection.id)
        self._collections.delete(collection.id)
        for sha256 in {row.sha256 for row in rows}:
            if not self._documents.uses(sha256):
                self._blobs.remove(sha256)
        return collection

    def reindex(self, name: str, progress: Callable[[str], Progress]) -> Iterable[FileReport]:
        """Read every document again from its kept bytes, with the present chunker and embedder.

        The new index is built beside the old one, which goes on answering, and takes its place at the end.
        When a file fails the old one stays, and ``IngestError`` is raised after the last report.
        """
        old = self._collections.named(name)
        self.discard_unfinished()
        new = self._collections.create(name + REINDEXING, reserved=True)
        self._index.require(new, self._embedder)
        failed = []
        for row in self._documents.shown(old.id):
            read = self._reader(self._blobs.path(row.sha256), row.name, new)
            report = self._ingest_one(read, row.name, new, progress(row.name))
            if report.error is not None:
                failed.append(report)
            yield report
        if failed and failed[0].error is not None:
            self.delete_collection(new.name)
            code, message = failed[0].error
            raise IngestError(
                code, f"collection {name!r} keeps its old index, because {len(failed)} failed: {message}"
            )
        self._collections.swap(old, new, retired=name + REPLACED)
        self.delete_collection(name + REPLACED)

    def discard_unfinished(self) -> None:
        """Delete what an interrupted ``reindex`` left behind."""
        for collection in self._collections.all():
            if collection.name.endswith((REINDEXING, REPLACED)):
                self.delete_collection(collection.name)

    def _reader(self, path: Path, name: str, collection: Collection) -> Callable[[], Source]:
        return lambda: load(
            path, name=name, collection=collection.id, document_id="", settings=self._settings
        )

    def _ingest_one(
        self, read: Callable[[], Source], name: str, collection: Collection, progress: Progress
    ) -> FileReport:
        before = self._documents.find(collection.id, name)
        try:
            source = read()
            if before is not None and before.version and before.sha256 == source.sha256:
                return FileReport(name, "unchanged", before.pages, before.chunks)
            document_id, version = self._documents.claim(collection.id, name)
            source = replace(source, document_id=document_id)
            prepared = prepare(
                source, version, settings=self._settings, embedder=self._embedder, progress=progress
            )
            self._blobs.put(source.sha256, source.data)
            self._show(_as_stored(prepared), version)
        except IngestError as error:
            self._index.sweep()
            return FileReport(name, "failed", error=(error.code, str(error)))
        finally:
            progress("done", 1, 1)
        if before is not None and before.sha256 and not self._documents.uses(before.sha256):
            self._blobs.remove(before.sha256)
        return FileReport(
            name,
            "replaced" if before is not None and before.version else "added",
            pages=len(prepared.document.pages),
            chunks=len(prepared.chunks),
            tokens=sum(chunk.tokens for chunk in prepared.chunks),
            seconds=prepared.seconds,
            notices=prepared.notices,
        )

    def _show(self, prepared: Prepared, version: int) -> None:
        """Stage, index, publish, sweep: a stop at any point leaves one whole version."""
        source = prepared.document.source
        self._documents.stage(prepared, version)
        self._vectors.add(
            source.collection,
            [chunk.id for chunk in prepared.chunks],
            [source.document_id] * len(prepared.chunks),
            prepared.vectors,
        )
        with self._database.transaction():
            self._lexical.add(prepared.chunks)
            self._documents.publish(source.document_id, version)
        self._index.sweep()


def _as_stored(prepared: Prepared) -> Prepared:
    """With the vectors as SQLite keeps them, so that a refilled index equals the first one bit for bit."""
    stored: list[Vectors] = [unpack_vector(pack_vector(vector)) for vector in prepared.vectors]
    return replace(prepared, vectors=np.stack(stored) if stored else prepared.vectors)
