"""What a person does with knowledge bases besides asking: for the API and the command line alike."""

from collections.abc import Callable, Iterator

from app.access.audit import Action
from app.access.principal import Level, Principal
from app.access.visible import Visible
from app.chunking import ChunkingView, chunk_settings, chunking_view
from app.duplicates.report import DuplicatesView
from app.errors import BadRequest, NotFound
from app.kept_answers import PAGE, AnswerDetail, AnswerList
from app.listings import (
    BackView,
    CollectionView,
    DeletedView,
    DocumentView,
    InstructionView,
    TrashedView,
    VersionView,
    collection_view,
    document_view,
    instruction_view,
    trashed_view,
    version_views,
)
from app.reports import FileReport
from app.services import Services
from app.storage.collections import Chunking, Collection
from app.storage.documents import DocumentRow
from app.trash import Back
from ingest.pipeline import Progress
from retrieval.types import Audience


class Curator:
    """Lists, makes, changes and deletes knowledge bases and their documents.

    Names of what is unknown, or not visible to the principal, raise ``NotFound``; what he may not do with
    what he sees ``Forbidden``. What deletes or reindexes needs loaded services (``NotReady``) and waits for
    other writers.
    """

    def __init__(self, services: Services, principal: Principal) -> None:
        self._services = services
        self._visible = Visible(services.collections, principal)

    def collections(self) -> list[CollectionView]:
        """Every knowledge base he may see, by name."""
        return [collection_view(each) for each in self._visible.all()]

    def collection(self, name: str) -> CollectionView:
        """One knowledge base."""
        return collection_view(self._named(name))

    def require(self, name: str, level: Level) -> None:
        """Raise unless he may do that much with a knowledge base: ``NotFound`` or ``Forbidden``."""
        self._named(name, level)

    def create(self, name: str, instruction: str | None = None) -> CollectionView:
        """The knowledge base of that name, made where it did not exist. Raises ``BadRequest``."""
        with self._services.database.transaction():
            level: Level = "manage" if instruction is not None else "read"
            made = self._visible.created(name, level, self._services.accounts.granted_on_creation)
            if instruction is not None:
                self._services.collections.set_instruction(made.id, instruction)
        return self.collection(name)

    def delete_collection(self, name: str) -> CollectionView:
        """Remove a knowledge base with everything in it; given back as it was."""
        found = self._named(name, "manage")
        with self._services.writing() as library:
            gone = collection_view(library.delete_collection(name))
            self._note("collection_delete", found.id)
        return gone

    def documents(self, collection: str) -> list[DocumentView]:
        """The documents of a knowledge base, by name."""
        found = self._named(collection)
        return [self._view(row, found.name) for row in self._services.documents.shown(found.id)]

    def documents_page(self, collection: str, *, after: str, limit: int) -> tuple[list[DocumentView], str]:
        """Documents behind a name ("" for the first), by name; and the last of them where more follow."""
        found = self._named(collection)
        rows = self._services.documents.page(found.id, after=after, limit=limit + 1)
        views = [self._view(row, found.name) for row in rows[:limit]]
        return views, views[-1].name if len(rows) > limit else ""

    def delete_document(self, collection: str, name: str) -> DeletedView:
        """Move a document to the trash; given back as it was, with the time until it can be restored."""
        found = self._named(collection, "write")
        with self._services.writing() as library:
            row = document_view(library.delete(collection, name), collection)
            kept = self._services.caretaker.shelf.trash(found.id, name)
            self._note("delete", row.id)
        until = kept[0].kept_until if kept else None
        return DeletedView(**row.model_dump(), restorable_until=until)

    def trash(self, collection: str) -> list[TrashedView]:
        """The deleted documents of a knowledge base that can be restored, deleted last first."""
        found = self._named(collection, "write")
        return [trashed_view(row, found.name) for row in self._services.caretaker.shelf.trash(found.id)]

    def restore(self, collection: str, name: str) -> BackView:
        """Show a deleted document again. Raises ``Conflict`` where one of its name came meanwhile."""
        found = self._named(collection, "write")
        back = self._back(collection, name, self._services.caretaker.trash.restore(collection, name))
        self._note("restore_document", found.id)
        return back

    def versions(self, collection: str, name: str) -> list[VersionView]:
        """The versions of a document that are shown or kept, newest first."""
        found = self._named(collection, "write")
        row = self._services.documents.find(found.id, name)
        versions = self._services.caretaker.shelf.versions(row.id) if row is not None else []
        if not versions:
            raise NotFound(
                f"document {name!r} is not in collection {collection!r}, nor is anything of it kept"
            )
        return list(version_views(versions))

    def rollback(self, collection: str, name: str, version: int) -> BackView:
        """Publish an old version of a document again, as a new one."""
        found = self._named(collection, "write")
        back = self._services.caretaker.trash.rollback(collection, name, version)
        self._note("rollback", found.id, version=str(version))
        return self._back(collection, name, back)

    def purge(self, collection: str, name: str | None = None) -> list[str]:
        """Delete for good what is in the trash, or all that is kept of one document; the names."""
        found = self._named(collection, "manage")
        gone = self._services.caretaker.trash.purge(collection, name)
        self._note("purge", found.id, documents=str(len(gone)))
        return gone

    def duplicates(self, collection: str) -> DuplicatesView:
        """Near-duplicates and contradicting versions in a knowledge base."""
        self._named(collection, "write")
        return self._services.caretaker.duplicates(collection)

    def answers(self, *, cursor: str = "", limit: int = PAGE, document_id: str = "") -> AnswerList:
        """What he was answered, newest first; with a document's id what quotes it."""
        return self._services.caretaker.answers.page(
            self._visible.principal, cursor=cursor, limit=limit, document_id=document_id
        )

    def answer(self, answer_id: str) -> AnswerDetail:
        """An answer he was given, with the state of each of its quotes."""
        care, asker = self._services.caretaker, self._visible.principal
        found = care.answers.get(answer_id, asker)
        result = None if found.result is None else care.offered.in_result(found.result, asker)
        return found.model_copy(update={"result": result})

    def set_audience(self, collection: str, audience: Audience) -> CollectionView:
        """Say whom its documents are fit for, where they do not say so themselves."""
        with self._services.database.transaction():
            found = self._named(collection, "manage")
            self._services.collections.set_audience(found.id, audience)
            self._note("settings", found.id, what="audience", audience=audience)
        return self.collection(collection)

    def set_document_audience(
        self, collection: str, name: str, audience: Audience | None
    ) -> DocumentView:
        """Say whom a document is fit for (None: as its knowledge base says)."""
        with self._services.database.transaction():
            found = self._named(collection, "write")
            row = self._services.documents.find(found.id, name)
            if row is None or not row.version:
                raise NotFound(f"document {name!r} is not in collection {collection!r}")
            self._services.audiences.set_audience(row.id, audience)
            self._note("settings", row.id, what="audience", audience=audience or "as its collection")
            changed = self._services.documents.find(found.id, name)
        return self._view(changed or row, found.name)

    def chunking(self, collection: str) -> ChunkingView:
        """The size of its chunks, and which documents were cut otherwise."""
        services, found = self._services, self._named(collection)
        return chunking_view(found, services.documents.shown(found.id), services.settings.ingest)

    def set_chunking(self, collection: str, tokens: int | None, overlap: int | None) -> ChunkingView:
        """Cut what comes from now on to this size (None: as the settings say). Raises ``BadRequest``."""
        chunk_settings(self._services.settings.ingest, Chunking(tokens, overlap))
        found = self._named(collection, "manage")
        self._services.collections.set_chunking(found.id, tokens, overlap)
        self._note("settings", found.id, what="chunking")
        return self.chunking(collection)

    def instructions(self, collection: str) -> list[InstructionView]:
        """Every wording of a knowledge base's rerank instruction, oldest first."""
        found = self._services.collections.instructions(self._named(collection).id)
        return [instruction_view(each) for each in found]

    def set_instruction(self, collection: str, instruction: str, note: str = "") -> int:
        """What its reranker should prefer ("" for the default); gives back the version in force."""
        with self._services.database.transaction():
            found = self._named(collection, "manage")
            version = self._services.collections.set_instruction(found.id, instruction, note=note)
            self._note("settings", found.id, what="instruction", version=str(version))
        return version

    def restore_instruction(self, collection: str, version: int) -> int:
        """Put an earlier wording into force as a new version, whose number is given back."""
        with self._services.database.transaction():
            found = self._named(collection, "manage")
            put = self._services.collections.restore_instruction(found.id, version)
            self._note("settings", found.id, what="instruction", version=str(put))
        return put

    def reindex(
        self, name: str, progress: Callable[[str], Progress], stopped: Callable[[], bool] = lambda: False
    ) -> Iterator[FileReport]:
        """See ``Services.reindex``."""
        self._note("reindex", self._named(name, "manage").id)
        return self._services.reindex(name, progress, stopped)

    def _back(self, collection: str, name: str, back: Back) -> BackView:
        """What is shown again, once the job that reads its bytes (if any) has ended."""
        if back.job is None:
            return BackView(collection=collection, name=name, version=back.version, read_again=False)
        self._services.ingestion.start()
        ended = next(self._services.ingestion.service.wait([back.job.id]))
        if ended.state != "ready":
            raise BadRequest(
                f"{name!r} could not be read again ({ended.code or ended.state}): {ended.message}; what was "
                f"kept stays, and `touchstone jobs retry {ended.id}` tries again"
            )
        shown = self._services.documents.find(back.job.collection_id, name)
        version = shown.version if shown is not None else 0
        return BackView(collection=collection, name=name, version=version, read_again=True)

    def _view(self, row: DocumentRow, collection: str) -> DocumentView:
        marked = self._services.audiences.begins_marked(row.id, row.version)
        return document_view(row, collection, marked=marked)

    def _note(self, action: Action, target: str, **details: str) -> None:
        self._services.accounts.audit.note(self._visible.principal, action, target, details=details)

    def _named(self, name: str, level: Level = "read") -> Collection:
        return self._visible.named(name, level)
