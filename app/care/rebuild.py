"""Build the indexes of a collection again from SQLite, beside the old ones, which answer until the switch."""

from collections.abc import Callable, Iterator

from app.care.inspection import quiet
from app.errors import DataDirectoryDamaged
from app.failpoints import hit
from app.services import Services
from app.storage.collections import Collection
from app.storage.staging import VersionId
from app.storage.survey import Survey
from app.vector_index import REFILL_BATCH

WORD_BATCH = 200  # chunks whose words are replaced in one transaction: some 0.1 s, for which writers wait
Step = Callable[[str, int, int], None]


class Rebuild:
    """Nothing is embedded, no file is read: vectors and texts come from the database."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._survey = Survey(services.database)
        self._index = services.open_index()

    def collection(self, collection: Collection, step: Step, stopped: Callable[[], bool]) -> bool:
        """Rebuild both indexes of one collection; False where it was stopped, and the old ones stay."""
        return self.vectors(collection, step, stopped) and self.words(collection, step, stopped)

    def vectors(self, collection: Collection, step: Step, stopped: Callable[[], bool]) -> bool:
        """Build a partition beside the present one, check it, switch to it, drop the old one."""
        partitions, vectors = self._services.ingestion.partitions, self._services.vectors
        with partitions.beside(collection.id) as place:
            hit("rebuild.before")
            added: set[VersionId] = set()
            count = 0
            for batch in self._batches(collection, REFILL_BATCH):
                if stopped():
                    return False
                count += self._add(collection, place, batch)
                added.update(batch)
                step("vectors", min(count, collection.chunks), max(collection.chunks, 1))
            with quiet(self._services):
                wanted = set(self._survey.current(collection.id))
                wanted |= {
                    each
                    for each in self._services.ingestion.staging.in_flight()
                    if each.collection_id == collection.id
                }
                late = sorted(wanted - added, key=lambda each: (each.document_id, each.version))
                self._add(collection, place, late)
                self._check(collection, place, wanted)
                hit("rebuild.built")
                partitions.switch(collection.id, place)
                hit("rebuild.after")
        with quiet(self._services):
            for name in partitions.retired():
                vectors.drop_partition(name)
                partitions.forget(name)
        return True

    def words(self, collection: Collection, step: Step, stopped: Callable[[], bool]) -> bool:
        """Write the rows of the word index again, a few documents at a time; each is found throughout."""
        lexical, database = self._services.lexical, self._services.database
        done = 0
        for batch in self._batches(collection, WORD_BATCH):
            if stopped():
                return False
            with quiet(self._services), database.transaction():
                shown = set(self._survey.current(collection.id))
                chunks = [
                    chunk
                    for version in batch
                    if version in shown
                    for chunk in self._services.ingestion.staging.chunks(version)
                ]
                lexical.add(chunks)
            hit("rebuild.words")
            done += len(chunks)
            step("words", min(done, collection.chunks), max(collection.chunks, 1))
        with quiet(self._services), database.transaction():
            lexical.remove(sorted(lexical.ids(collection.id) - self._survey.chunk_ids(collection.id)))
        return True

    def _add(self, collection: Collection, place: str, versions: list[VersionId]) -> int:
        count = 0
        for ids, documents, rows in self._survey.vectors(versions, dim=_dim(collection), batch=REFILL_BATCH):
            self._services.vectors.add(place, ids, documents, rows)
            count += len(ids)
        return count

    def _check(self, collection: Collection, place: str, wanted: set[VersionId]) -> None:
        """Take out what is not shown any more, and make sure that all the rest is there."""
        staging, vectors = self._services.ingestion.staging, self._services.vectors
        ids = {name for version in wanted for name in staging.chunk_ids(version)}
        built = vectors.ids(place)
        vectors.remove(place, sorted(built - ids))
        lacking = ids - built - set(self._survey.unusable(collection.id, _dim(collection)))
        if lacking:
            raise DataDirectoryDamaged(
                f"the vector index that was built lacks {len(lacking)} chunks (as {min(lacking)}); the old "
                "one stays; `touchstone doctor` says what is wrong"
            )

    def _batches(self, collection: Collection, size: int) -> Iterator[list[VersionId]]:
        batch: list[VersionId] = []
        chunks = 0
        for version in self._survey.current(collection.id):
            batch.append(version)
            chunks += len(self._services.ingestion.staging.chunk_ids(version))
            if chunks >= size:
                yield batch
                batch, chunks = [], 0
        if batch:
            yield batch


def _dim(collection: Collection) -> int:
    """The length of the collection's vectors; 0 where it has none yet."""
    return collection.manifest.dim if collection.manifest is not None else 0
