"""Whether what a fault leaves behind is whole, and what it takes to go on from there."""

import random
import time
from collections import Counter
from pathlib import Path

from app.services import Services
from app.settings import JobSettings, Settings
from app.storage.chunks import unpack_vector
from app.storage.collections import Collection
from app.storage.segments import unused_segments
from app.wiring import build_models
from retrieval.types import Scope

COLLECTION = "handbook"
ALWAYS = 1_000  # tries that are forgiven where a test kills at random


def chance(seed: int) -> random.Random:
    """The same chances every time."""
    return random.Random(seed)  # noqa: S311 - no secret


def settings_of(data_dir: Path, *, trash_days: float = 0, attempts: int = ALWAYS) -> Settings:
    """Settings of the starter profile on a data directory; what is deleted or replaced is not kept."""
    return Settings(
        data_dir=data_dir,
        profile="starter",
        demo=False,
        trash_days=trash_days,
        jobs=JobSettings(max_attempts=attempts, disk_reserve_bytes=0, uploads_per_owner=50),
    )


def opened(data_dir: Path, *, trash_days: float = 0, attempts: int = ALWAYS) -> Services:
    """Services as a new process would open them, with nothing running yet."""
    settings = settings_of(data_dir, trash_days=trash_days, attempts=attempts)
    services = Services(settings, build_models=build_models)
    try:
        services.load()
    except BaseException:
        services.close()
        raise
    return services


def finish(services: Services) -> list[str]:
    """Let everything that was acknowledged come to its end; the states of the jobs."""
    services.ingestion.start()
    service = services.ingestion.service
    return [job.state for job in service.wait([job.id for job in service.jobs.open()])]


def contents(services: Services, collection: str = COLLECTION) -> dict[str, object]:
    """Everything a reader could find, without the ids that differ from run to run; {} for no collection."""
    shown: dict[str, object] = {}
    for found in services.collections.all():
        if found.name == collection:
            for row in services.documents.shown(found.id):
                chunks = services.chunks.of_document(row.id)
                shown[row.name] = (row.sha256, [(chunk.text, chunk.start, chunk.pages) for chunk in chunks])
    return shown


def check_whole(services: Services, *, within_s: float = 1.0) -> None:
    """SQLite, vectors, words, blobs and jobs agree; nothing is left over, soon after the last job ended."""
    deadline = time.monotonic() + within_s
    while True:
        services.library.settle()
        try:
            return _check(services)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.02)


def _check(services: Services) -> None:
    connection = services.database.connection()

    def found(sql: str) -> list[object]:
        return [tuple(row) for row in connection.execute(sql)]

    assert found("PRAGMA quick_check") == [("ok",)]
    assert found("PRAGMA foreign_key_check") == []
    kept_whole = "kept_until IS NOT NULL AND NOT in_vectors AND NOT in_words"
    assert found(f"SELECT * FROM version WHERE state <> 'current' AND NOT ({kept_whole})") == []  # noqa: S608
    assert found("SELECT * FROM document WHERE current_version = 0 AND deleted_version = 0") == []
    assert found("SELECT id, state, held, lease FROM job WHERE held = 1 OR lease IS NOT NULL") == []
    assert found("SELECT sha256 FROM parse_result") == []
    assert found("SELECT name FROM vector_partition WHERE state <> 'current'") == []
    assert found("SELECT id FROM chunk WHERE vector = x''") == []
    parts = "SELECT count(*), coalesce(max(k.ordinal) + 1, 0) FROM chunk k WHERE k.document_id ="
    assert found(f"SELECT v.document_id, v.version FROM version v WHERE (v.chunks, v.chunks) <>"  # noqa: S608
                 f" ({parts} v.document_id AND k.version = v.version)") == []  # fmt: skip
    shown = {name for each in services.collections.all() for name in _check_indexes(services, each)}
    assert services.lexical.ids() == shown
    with services.database.transaction():
        assert services.lexical.damage() == ""
    assert services.vectors.partitions() <= services.ingestion.partitions.known()
    assert services.vectors.folder is None or unused_segments(services.vectors.folder) == []
    blobs = services.settings.data_dir / "blobs"
    kept = {path.name for path in blobs.rglob("*") if path.is_file()}
    assert kept == {row[0] for row in connection.execute("SELECT sha256 FROM version")}
    tmp = services.settings.data_dir / "tmp"
    assert not tmp.exists() or not list(tmp.iterdir())


def _check_indexes(services: Services, collection: Collection) -> set[str]:
    """Both indexes hold what is shown of a collection and nothing else, each chunk as it is; the ids."""
    rows = services.database.connection().execute(
        "SELECT k.id, k.vector FROM chunk k JOIN document d ON d.id = k.document_id"
        " AND d.current_version = k.version WHERE k.collection_id = ?",
        (collection.id,),
    )
    stored = {row["id"]: row["vector"] for row in rows}
    scope = Scope(frozenset({collection.id}))
    assert services.vectors.ids(collection.id) == set(stored)
    assert services.vectors.count(collection.id) == len(stored) == collection.chunks
    assert services.lexical.ids(collection.id) == set(stored)
    chunks = list(services.chunks.chunks(list(stored), scope).values())
    assert len(chunks) == len(stored)
    assert services.lexical.differing(chunks) == []
    lost = 0
    for vector, alike in Counter(stored.values()).items():
        hits = services.vectors.search(unpack_vector(vector), alike + 9, scope)
        lost += vector not in {stored[hit.chunk_id] for hit in hits}
    assert lost <= len(stored) // 100, "vectors do not find themselves"  # a graph of thousands loses some
    return set(stored)
