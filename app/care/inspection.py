"""Look through a whole data directory and say what is wrong; nothing is changed."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext

from app.care.files import FileSurvey
from app.care.findings import EXAMPLES, Finding
from app.errors import NotReady
from app.services import Services
from app.storage.chunks import unpack_vector
from app.storage.collections import Collection
from app.storage.segments import unused_segments
from app.storage.survey import Survey
from retrieval.errors import IndexDamaged
from retrieval.types import Scope

SAMPLE = 200  # chunks of a collection whose words are compared and whose vectors are looked for
SELF_K = 10  # a vector finds itself when its chunk, or one as near, is among so many hits
AS_NEAR = 1e-3  # twice the largest error that float16 leaves in a cosine
Step = Callable[[str, int, int], None]
"""Called with what is looked at, how far, and out of how much."""


def quiet(services: Services) -> AbstractContextManager[object]:
    """While this is held nobody publishes, deletes or sweeps; nobody could where nothing is loaded."""
    try:
        return services.writing()
    except NotReady:
        return nullcontext()


class Inspection:
    """Compares database, indexes and files. Writers wait while one collection at a time is compared."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._survey = Survey(services.database)
        services.open_index()

    def findings(self, step: Step = lambda *_: None) -> list[Finding]:
        """Everything that is wrong, the database's own damage first.

        Where the database itself is damaged nothing else is looked at: nothing it says could be relied on.
        """
        step("database", 0, 1)
        problems = self._survey.problems()
        if problems:
            return [_finding("database_damaged", problems)]
        found = list(self._rows())
        collections = self._services.collections.all()
        for number, collection in enumerate(collections):
            step(f"collection {collection.name}", number, len(collections))
            with quiet(self._services):
                found += self._vectors(self._services.collections.by_id(collection.id))
                found += self._words(collection)
        with quiet(self._services):
            found += self._whole_indexes()
        found += FileSurvey(self._services).findings(step)
        return found

    def _rows(self) -> Iterator[Finding]:
        for table, rows in self._survey.orphans().items():
            yield _finding("rows_orphaned", [f"row {row}" for row in rows], where=table)
        with quiet(self._services):
            left = self._services.documents.leftovers()
        if left:
            yield _finding("versions_left", [f"{each.document_id}:{each.version}" for each in left])
        stale = self._services.ingestion.recovery.abandoned()
        if stale:
            yield _finding("jobs_stale", [job.id for job in stale])

    def _vectors(self, collection: Collection) -> Iterator[Finding]:
        services = self._services
        shown = self._survey.chunk_ids(collection.id)
        lacking: list[str] = []
        if collection.manifest is not None:
            lacking = self._survey.unusable(collection.id, collection.manifest.dim)
        if lacking:
            yield _finding("vectors_unstored", lacking, where=collection.name)
        try:
            indexed = services.vectors.ids(collection.id)
            coming = {
                name
                for version in services.ingestion.staging.in_flight()
                if version.collection_id == collection.id
                for name in services.ingestion.staging.chunk_ids(version)
            }
            if missing := sorted(shown - indexed - set(lacking)):
                yield _finding("vectors_missing", missing, where=collection.name)
            if unknown := sorted(indexed - shown - coming):
                yield _finding("vectors_unknown", unknown, where=collection.name)
            lost, looked_for = self._lost(collection, indexed, set(lacking))
            if lost:
                yield _finding("vectors_lost", lost, where=collection.name, of=looked_for)
        except IndexDamaged as error:
            yield _finding("index_damaged", [str(error)], where=collection.name)

    def _lost(self, collection: Collection, indexed: set[str], unusable: set[str]) -> tuple[list[str], int]:
        """Chunks of a sample that are in the index and that their own vectors do not find."""
        scope = Scope(frozenset({collection.id}))
        lost, looked_for = [], 0
        for chunk, stored in self._survey.sample(collection.id, SAMPLE):
            if chunk.id not in indexed or chunk.id in unusable:
                continue
            looked_for += 1
            vector = unpack_vector(stored)
            hits = self._services.vectors.search(vector, SELF_K, scope)
            crowd = len(hits) == SELF_K and hits[-1].score >= 1 - AS_NEAR  # equal texts have equal vectors
            if not crowd and not any(hit.chunk_id == chunk.id and hit.score >= 1 - AS_NEAR for hit in hits):
                lost.append(chunk.id)
        return lost, looked_for

    def _words(self, collection: Collection) -> Iterator[Finding]:
        shown = self._survey.chunk_ids(collection.id)
        indexed = self._services.lexical.ids(collection.id)
        if missing := sorted(shown - indexed):
            yield _finding("words_missing", missing, where=collection.name)
        outdated = self._services.lexical.outdated(collection.id)
        if outdated:
            yield _finding("words_outdated", sorted(outdated), where=collection.name)
        sample = [chunk for chunk, _ in self._survey.sample(collection.id, SAMPLE)]
        differing = [each for each in self._services.lexical.differing(sample) if each not in outdated]
        if differing:
            yield _finding("words_differ", differing, where=collection.name, of=len(sample))

    def _whole_indexes(self) -> Iterator[Finding]:
        services = self._services
        with services.database.transaction():
            if damage := services.lexical.damage():
                yield _finding("words_damaged", [damage])
        collections = services.collections.all()
        shown = {name for each in collections for name in self._survey.chunk_ids(each.id)}
        if unknown := sorted(services.lexical.ids() - shown):
            yield _finding("words_unknown", unknown)
        folder = services.vectors.folder
        if folder is None:  # a server may hold the parts of other data directories, too
            return
        if alien := sorted(services.vectors.partitions() - services.ingestion.partitions.known()):
            yield _finding("partitions_unknown", alien)
        if left := unused_segments(folder):
            yield _finding("segments_left", [path.name for path in left])
        size = sum(path.stat().st_size for path in folder.glob("*/link_lists.bin"))
        usual = usual_links(sum(each.chunks for each in collections))
        if size > usual:
            yield Finding("index_oversized", size, of=usual)


def usual_links(vectors: int) -> int:
    """Bytes of ``link_lists.bin`` beyond which something is wrong with so many vectors.

    hnswlib writes 4 bytes for each vector and, for one in 32, some 130 for its upper layers: 8.4 measured
    for each of 1,500 vectors. Reports of runaway growth (chroma issue 3012 of claude-mem) tell of gigabytes.
    """
    return 64_000_000 + 100 * vectors


def _finding(code: str, names: Iterable[str], *, where: str = "", of: int = 0) -> Finding:
    listed = tuple(names)
    return Finding(code, len(listed), where, of, listed[:EXAMPLES])
