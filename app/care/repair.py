"""Put right what an inspection found, as far as the data to do so is there."""

from collections.abc import Callable, Iterable

from app.care.files import FileSurvey
from app.care.findings import Finding
from app.care.inspection import quiet
from app.care.rebuild import Rebuild
from app.services import Services
from app.storage.collections import Collection
from app.storage.segments import remove_unused_segments
from app.storage.staging import VersionId
from app.storage.survey import Survey
from app.vector_index import REFILL_BATCH

Step = Callable[[str, int, int], None]
_REBUILT = frozenset({"index_damaged", "vectors_lost", "index_oversized"})
_REWRITTEN = frozenset({"words_missing", "words_outdated", "words_differ"})
_FILES = frozenset({"files_damaged", "files_unused", "files_foreign", "tmp_left"})


class Repair:
    """Repairs by kind of damage. What has no remedy here (``Finding.repair`` is empty) is left as it is."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._survey = Survey(services.database)
        self._index = services.open_index()

    def repair(self, findings: Iterable[Finding], step: Step = lambda *_: None) -> None:
        """Repair what was found, the database's rows first, because indexes are made from them."""
        found = list(findings)
        codes = {each.code for each in found}
        if "database_damaged" in codes:
            return
        if "rows_orphaned" in codes:
            self._survey.delete_orphans(self._survey.orphans())
        if "jobs_stale" in codes:
            self._services.ingestion.recovery.reclaim_abandoned()
            self._services.ingestion.board.ring()
        if "versions_left" in codes:
            with quiet(self._services):
                shas = self._index.sweep()
            for sha256 in shas:
                self._services.blobs.discard(sha256, self._services.documents.uses)
        self._words(found, step)
        self._vectors(found, step)
        if codes & _FILES:
            FileSurvey(self._services).repair()

    def _words(self, found: list[Finding], step: Step) -> None:
        lexical, database = self._services.lexical, self._services.database
        codes = {each.code for each in found}
        if "words_damaged" in codes:
            with quiet(self._services), database.transaction():
                lexical.mend()
        if "words_unknown" in codes:
            with quiet(self._services), database.transaction():
                collections = self._services.collections.all()
                shown = {name for each in collections for name in self._survey.chunk_ids(each.id)}
                lexical.remove(sorted(lexical.ids() - shown))
        rewritten = {each.where for each in found if each.code in _REWRITTEN}
        for collection in self._services.collections.all():
            if collection.name in rewritten or "words_damaged" in codes:
                Rebuild(self._services).words(collection, step, lambda: False)

    def _vectors(self, found: list[Finding], step: Step) -> None:
        services = self._services
        rebuilt = {each.where for each in found if each.code in _REBUILT}
        for collection in services.collections.all():
            codes = {each.code for each in found if each.where == collection.name}
            if collection.name in rebuilt or "" in rebuilt:
                Rebuild(services).vectors(collection, step, lambda: False)
                continue
            with quiet(services):
                if "vectors_unknown" in codes:
                    self._take_out(collection)
                if "vectors_missing" in codes:
                    self._put_in(collection)
        if services.vectors.folder is not None:
            remove_unused_segments(services.vectors.folder)
        if any(each.code == "partitions_unknown" for each in found):
            with quiet(services):
                for name in services.vectors.partitions() - services.ingestion.partitions.known():
                    services.vectors.drop_partition(name)

    def _take_out(self, collection: Collection) -> None:
        services = self._services
        staging = services.ingestion.staging
        wanted = self._survey.chunk_ids(collection.id)
        for version in staging.in_flight():
            wanted.update(staging.chunk_ids(version))
        services.vectors.remove(collection.id, sorted(services.vectors.ids(collection.id) - wanted))

    def _put_in(self, collection: Collection) -> None:
        services = self._services
        missing = self._survey.chunk_ids(collection.id) - services.vectors.ids(collection.id)
        documents = {name.rsplit(":", 2)[0] for name in missing}
        versions: list[VersionId] = [
            each for each in self._survey.current(collection.id) if each.document_id in documents
        ]
        dim = collection.manifest.dim if collection.manifest is not None else 0
        for ids, names, rows in self._survey.vectors(versions, dim=dim, batch=REFILL_BATCH):
            services.vectors.add(collection.id, ids, names, rows)
