"""What was deleted or replaced comes back, or goes for good. Nothing is embedded again where vectors fit."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from app.documents import Library
from app.errors import BadRequest, Conflict, NotFound
from app.failpoints import hit
from app.jobs.service import JobService
from app.storage.collections import Collection, Collections
from app.storage.database import Database
from app.storage.documents import Documents
from app.storage.job_types import Job, NewJob
from app.storage.shelf import Shelf, VersionRow
from app.storage.staging import Staging, VersionId
from ingest.settings import IngestSettings
from retrieval.protocols import Embedder


@dataclass(frozen=True, slots=True)
class Back:
    """A document that is shown again; or ``job`` reads its kept bytes again: its chunks do not fit."""

    name: str
    version: int
    job: Job | None = None


class Trash:
    """Restores deleted documents, publishes old versions again, and purges. Whole or not at all, as ever."""

    def __init__(
        self,
        *,
        database: Database,
        collections: Collections,
        documents: Documents,
        shelf: Shelf,
        staging: Staging,
        library: Library,
        service: JobService,
        embedder: Embedder,
        settings_of: Callable[[str], IngestSettings],
    ) -> None:
        """``settings_of`` a collection say how it is cut."""
        self._database = database
        self._collections = collections
        self._documents = documents
        self._shelf = shelf
        self._staging = staging
        self._library = library
        self._service = service
        self._embedder = embedder
        self._settings_of = settings_of

    def restore(self, collection_name: str, name: str) -> Back:
        """Show a deleted document again. Raises ``NotFound``, or ``Conflict`` where its name is taken."""
        collection = self._collections.named(collection_name)
        with self._library.lock:
            present = self._documents.find(collection.id, name)
            if present is not None and present.version:
                raise Conflict(self._taken(collection, name, self._shelf.versions(present.id)))
            found = self._shelf.trash(collection.id, name)
            if not found:
                raise NotFound(
                    f"document {name!r} is not in the trash of collection {collection_name!r}; "
                    f"`touchstone documents trash --collection {collection_name}` lists what is"
                )
            kept = found[0]
            version = VersionId(collection.id, kept.id, kept.version)
            if not self._fits(version):
                return self._read_again(collection, name, kept.sha256, kept.size_bytes)
            self._show(version)
        return Back(name, kept.version)

    def rollback(self, collection_name: str, name: str, number: int) -> Back:
        """Publish an old version again, as a new one. Raises ``NotFound`` or ``BadRequest``."""
        collection = self._collections.named(collection_name)
        with self._library.lock:
            present = self._documents.find(collection.id, name)
            if present is None or not present.version:
                raise NotFound(
                    f"document {name!r} is not in collection {collection_name!r}; one that was deleted comes "
                    "back by `touchstone documents restore`"
                )
            if number == present.version:
                raise BadRequest(f"version {number} of {name!r} is the one that is shown")
            versions = {each.version: each for each in self._shelf.versions(present.id)}
            if number not in versions:
                there = ", ".join(str(each) for each in sorted(versions))
                raise NotFound(f"version {number} of {name!r} is not kept (there is: {there})")
            old = VersionId(collection.id, present.id, number)
            if not self._fits(old):
                return self._read_again(
                    collection, name, versions[number].sha256, versions[number].size_bytes
                )
            claimed = self._documents.claim_again(present.id)
            if claimed is None:
                raise NotFound(f"document {name!r} was deleted meanwhile")
            self._show(self._shelf.copy(old, claimed[1]))
        return Back(name, claimed[1])

    def purge(self, collection_name: str, name: str | None = None) -> list[str]:
        """Delete for good what is in the trash of a collection; the names of the documents.

        With a name, all that is kept of that document but not shown, old versions of one that is shown
        included. Raises ``NotFound`` where nothing is.
        """
        collection = self._collections.named(collection_name)
        with self._library.lock:
            found = {each.id: each.name for each in self._shelf.trash(collection.id, name)}
            present = self._documents.find(collection.id, name) if name is not None else None
            if present is not None and len(self._shelf.versions(present.id)) > 1:
                found[present.id] = present.name
            if name is not None and not found:
                raise NotFound(
                    f"nothing is kept of document {name!r} in collection {collection_name!r} but what is "
                    "shown; `touchstone documents delete` puts that into the trash"
                )
            with self._database.transaction():
                for document_id in found:
                    self._documents.let_go("id = ?", (document_id,))
            hit("purge.after")
            self._library.sweep()
        return sorted(found.values())

    def expire(self) -> int:
        """Delete for good what was kept long enough; how many versions."""
        with self._library.lock:
            expired = self._shelf.expire()
            if expired:
                self._library.sweep()
        return expired

    def _fits(self, version: VersionId) -> bool:
        """Whether what is kept is what the present embedder and chunker would make."""
        return (
            self._staging.embedder(version) == self._embedder.identity
            and self._staging.cut(version) == self._settings_of(version.collection_id).chunk_size
            and self._shelf.whole(version)
        )

    def _show(self, version: VersionId) -> None:
        """Vectors first, which nobody sees; then words and the version in one transaction."""
        self._library.require(version.collection_id)
        self._shelf.enter(version)
        self._library.index(version.collection_id, [version], lambda: None)
        hit("restore.indexed")
        with self._database.transaction():
            self._library.publish(version)
        hit("restore.after")
        self._library.sweep()

    def _read_again(self, collection: Collection, name: str, sha256: str, size_bytes: int) -> Back:
        job = self._service.jobs.add(
            NewJob(
                "ingest", collection.id, name, sha256=sha256, size_bytes=size_bytes, batch=uuid.uuid4().hex
            )
        )
        self._service.board.ring()
        return Back(name, 0, job)

    def _taken(self, collection: Collection, name: str, versions: list[VersionRow]) -> str:
        told = f"document {name!r} cannot be restored: one of that name is in collection {collection.name!r}"
        kept = [each.version for each in versions if each.kept_until is not None]
        if not kept:
            return f"{told}, and nothing older of it is kept"
        at = f"{name} --collection {collection.name}"
        return (
            f"{told}. Either put the old text in its place by `touchstone documents rollback {at} "
            f"--version {kept[0]}` (`touchstone documents versions {at}` lists what is kept), or leave it"
        )
