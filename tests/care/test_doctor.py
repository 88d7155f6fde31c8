"""Every sort of damage is put in, found as what it is and nothing else, repaired, and gone."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import chromadb
import pytest
from chromadb.config import Settings

from app.care.care import Care
from app.care.inspection import usual_links
from app.services import Services
from app.storage.collections import Collection
from retrieval.chroma import ChromaStore
from retrieval.types import Scope
from tests.care.conftest import COLLECTION, FILES, Open, fill, found
from tests.fakes.retrieval import chunk


def codes(services: Services) -> list[str]:
    return [each.code for each in Care(services).diagnose().findings]


def collection_of(services: Services) -> Collection:
    return services.collections.named(COLLECTION)


def ids(services: Services) -> list[str]:
    return sorted(services.vectors.ids(collection_of(services).id))


def run(services: Services, sql: str, *values: object) -> None:
    with services.database.transaction() as connection:
        connection.execute(sql, values)


def vectors_missing(services: Services) -> None:
    services.vectors.remove(collection_of(services).id, ids(services)[1:3])


def vectors_unknown(services: Services) -> None:
    at = collection_of(services)
    dim = services.models.embedder.dim
    vector = services.models.embedder.embed_passages(["a ghost"]).reshape(1, dim)
    services.vectors.add(at.id, ["ghost:1:0"], ["ghost"], vector)


def vectors_lost(services: Services) -> None:
    at, names = collection_of(services), ids(services)
    vectors = services.models.embedder.embed_passages(["nothing of the kind", "something else entirely"])
    services.vectors.remove(at.id, names[:2])
    services.vectors.add(at.id, names[:2], [name.split(":")[0] for name in names[:2]], vectors)


def partitions_unknown(services: Services) -> None:
    vector = services.models.embedder.embed_passages(["a ghost"])
    services.vectors.add("0" * 32, ["ghost:1:0"], ["ghost"], vector)


def words_missing(services: Services) -> None:
    with services.database.transaction():
        services.lexical.remove(ids(services)[:2])


def words_unknown(services: Services) -> None:
    with services.database.transaction():
        services.lexical.add([chunk("a ghost", id="ghost:1:0", collection="x", document_id="ghost")])


def words_differ(services: Services) -> None:
    scope, name = Scope(frozenset({collection_of(services).id})), ids(services)[0]
    with services.database.transaction():
        services.lexical.add([replace(services.chunks.chunks([name], scope)[name], text="nonsense")])


def words_outdated(services: Services) -> None:
    run(services, "UPDATE lexical_row SET analysis = 'older' WHERE row = (SELECT min(row) FROM lexical_row)")


def words_damaged(services: Services) -> None:
    run(
        services,
        "UPDATE lexical_row SET terms = substr(terms, 1, 20) WHERE row = (SELECT min(row) FROM lexical_row)",
    )


def rows_orphaned(services: Services) -> None:
    connection = services.database.connection()
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute(
        "INSERT INTO chunk_tokens (chunk_id, tokenizer, digest, ids) VALUES ('ghost', 't', x'', x'')"
    )
    connection.execute("PRAGMA foreign_keys = ON")


def versions_left(services: Services) -> None:
    run(
        services,
        "INSERT INTO version (document_id, version, state, sha256, size_bytes, media_type, title, pages,"
        " text, created_at) SELECT document_id, 99, 'staged', sha256, size_bytes, media_type,"
        " title, pages, text, created_at FROM version ORDER BY document_id LIMIT 1",
    )


def jobs_stale(services: Services) -> None:
    services.ingestion.stop()
    run(
        services,
        "UPDATE job SET lease = 'another:1', lease_until = 1e12 WHERE seq = (SELECT max(seq) FROM job)",
    )


def files_unused(services: Services) -> None:
    path = services.blobs.path(hashlib.sha256(b"nobody's").hexdigest())
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nobody's")


def files_foreign(services: Services) -> None:
    (services.settings.data_dir / "blobs" / "notes.txt").write_text("mine", encoding="utf-8")


def tmp_left(services: Services) -> None:
    path = services.settings.data_dir / "tmp" / "upload"
    path.write_bytes(b"half")
    os.utime(path, (time.time() - 4_000,) * 2)


def segments_left(services: Services) -> None:
    folder = services.settings.data_dir / "chroma" / "00000000-0000-0000-0000-000000000000"
    folder.mkdir()
    (folder / "header.bin").write_bytes(b"left")


def index_oversized(services: Services) -> None:
    links = min((services.settings.data_dir / "chroma").glob("*/link_lists.bin"))
    os.truncate(links, usual_links(3) + 1)


REPAIRED: list[Callable[[Services], None]] = [
    vectors_missing, vectors_unknown, vectors_lost, partitions_unknown, words_missing, words_unknown,
    words_differ, words_outdated, words_damaged, rows_orphaned, versions_left, jobs_stale, files_unused,
    files_foreign, tmp_left, segments_left, index_oversized,
]  # fmt: skip


@pytest.mark.parametrize("damage", REPAIRED, ids=lambda damage: damage.__name__)
def test_damage_is_found_as_what_it_is_and_repaired(
    kept: Services, damage: Callable[[Services], None]
) -> None:
    before = found(kept)
    assert codes(kept) == []
    damage(kept)
    assert codes(kept) == [damage.__name__]
    assert codes(kept) == [damage.__name__], "looking changed something"
    diagnosis = Care(kept).diagnose(repair=True)
    assert [each.code for each in diagnosis.repaired] == [damage.__name__]
    assert diagnosis.findings == ()
    assert codes(kept) == []
    assert found(kept) == before


def test_damage_of_every_sort_at_once_is_repaired_in_one_go(kept: Services) -> None:
    before = found(kept)
    together = [each for each in REPAIRED if each not in (vectors_lost, words_differ)]
    for damage in together:
        damage(kept)
    assert set(codes(kept)) >= {each.__name__ for each in together}
    assert Care(kept).diagnose(repair=True).findings == ()
    assert found(kept) == before


def test_index_with_runaway_links_is_told(kept: Services) -> None:
    index_oversized(kept)
    (finding,) = Care(kept).diagnose().findings
    assert finding.code == "index_oversized"
    assert finding.found == (
        "the vector index takes 64,000,301 bytes for links between vectors; 64,000,300 would be usual"
    )


def test_dropped_indexes_leave_no_files(kept: Services) -> None:
    folder = kept.settings.data_dir / "chroma"
    for _ in range(3):
        Care(kept).rebuild(None)
        list(kept.reindex(COLLECTION, lambda _: lambda *_: None))
        assert len([each for each in folder.iterdir() if each.is_dir()]) == 1
    with kept.writing() as library:
        library.delete_collection(COLLECTION)
    assert [each.name for each in folder.iterdir() if each.is_dir()] == []


def test_missing_file_cannot_be_repaired_and_comes_back_with_an_upload(kept: Services) -> None:
    before = found(kept)
    row = kept.documents.shown(collection_of(kept).id)[0]
    kept.blobs.path(row.sha256).unlink()
    for repair in (False, True):
        (finding,) = Care(kept).diagnose(repair=repair).findings
        assert (finding.code, finding.repair) == ("files_missing", "")
        assert finding.examples == (f"{row.name} ({row.sha256[:12]})",)
        assert "upload the same file again" in finding.limit
    fill(kept, {row.name: FILES[row.name]})
    assert codes(kept) == []
    assert found(kept) == before


def test_damaged_file_is_moved_aside_so_that_an_upload_replaces_it(kept: Services) -> None:
    row = kept.documents.shown(collection_of(kept).id)[0]
    path = kept.blobs.path(row.sha256)
    flipped = bytearray(path.read_bytes())
    flipped[3] ^= 1
    path.write_bytes(bytes(flipped))
    assert codes(kept) == ["files_damaged"]
    diagnosis = Care(kept).diagnose(repair=True)
    assert [each.code for each in diagnosis.findings] == ["files_missing"]
    assert (kept.settings.data_dir / "aside" / row.sha256).read_bytes() == bytes(flipped)
    fill(kept, {row.name: FILES[row.name]})
    assert codes(kept) == []


def test_chunk_without_a_vector_needs_a_reindex(kept: Services) -> None:
    run(kept, "UPDATE chunk SET vector = x'' WHERE id = (SELECT min(id) FROM chunk)")
    (finding,) = Care(kept).diagnose(repair=True).findings
    assert (finding.code, finding.repair) == ("vectors_unstored", "")
    assert finding.limit == "vectors have to be made again: `touchstone reindex 'handbook'`"
    Care(kept).rebuild(COLLECTION)  # leaves that chunk out and keeps all others
    assert len(ids(kept)) == 2
    list(kept.reindex(COLLECTION, lambda _: lambda *_: None))
    assert codes(kept) == []


def test_damaged_database_is_told_and_nothing_else_is_touched(kept: Services, reopen: Open) -> None:
    (page,) = (
        kept.database.connection()
        .execute("SELECT rootpage FROM sqlite_master WHERE name = 'chunk_place'")
        .fetchone()
    )
    kept.close()
    with (kept.settings.data_dir / "touchstone.sqlite3").open("r+b") as file:
        file.seek(4096 * (page - 1))
        file.write(b"\xff" * 64)
    services = reopen(kept.settings.data_dir)
    diagnosis = Care(services).diagnose(repair=True)
    assert [each.code for each in diagnosis.findings] == ["database_damaged"]
    assert "touchstone restore BACKUP" in diagnosis.findings[0].limit


def test_index_that_cannot_be_read_is_repaired_before_anything_is_loaded(
    kept: Services, reopen: Open
) -> None:
    before = found(kept)
    at = collection_of(kept).id
    kept.close()
    client = chromadb.PersistentClient(
        path=str(kept.settings.data_dir / "chroma"), settings=Settings(anonymized_telemetry=False)
    )
    found_there = client.get_collection(f"touchstone-{at}", embedding_function=None)
    found_there.modify(metadata={"touchstone": 1, "dim": 7})
    client.close()  # type: ignore[attr-defined]  # ClientAPI lacks what every client has
    services = reopen(kept.settings.data_dir)
    assert codes(services) == ["index_damaged"]
    assert Care(services).diagnose(repair=True).findings == ()
    services.load()
    assert services.notices == ()
    assert found(services) == before


def _truncated(folder: Path) -> None:
    file = folder / "chroma.sqlite3"
    os.truncate(file, file.stat().st_size // 2)


def _garbage(folder: Path) -> None:
    (folder / "chroma.sqlite3").write_bytes(b"garbage" * 1_000)


@pytest.mark.parametrize("damage", [_truncated, _garbage], ids=lambda damage: damage.__name__)
def test_index_that_cannot_be_opened_is_moved_aside_and_filled_again(
    kept: Services, reopen: Open, damage: Callable[[Path], None]
) -> None:
    before = found(kept)
    kept.close()
    damage(kept.settings.data_dir / "chroma")
    services = reopen(kept.settings.data_dir)
    services.load()
    assert [each.code for each in services.notices] == ["index_moved_aside", "index_rebuilt"]
    (aside,) = kept.settings.data_dir.glob("chroma.aside-*")
    assert dict(services.notices[0].values)["folder"] == str(aside)
    assert (aside / "chroma.sqlite3").is_file()
    assert found(services) == before
    assert codes(services) == []


def test_rebuild_answers_from_the_old_index_until_the_new_one_is_there(kept: Services) -> None:
    before, at = found(kept), collection_of(kept)
    seen: list[object] = []

    def step(doing: str, done: int, total: int) -> None:
        seen.append(doing)
        assert found(kept) == before

    first = kept.ingestion.partitions.current(at.id)
    assert Care(kept).rebuild(None, step) == [COLLECTION]
    assert set(seen) == {"vectors handbook", "words handbook"}
    assert kept.ingestion.partitions.current(at.id) != first
    assert kept.vectors.partitions() == {kept.ingestion.partitions.current(at.id)}
    assert found(kept) == before


def test_rebuild_that_is_stopped_leaves_the_old_index(kept: Services) -> None:
    before, at = found(kept), collection_of(kept)
    assert Care(kept).rebuild(COLLECTION, stopped=lambda: True) == []
    assert kept.ingestion.partitions.current(at.id) == at.id
    kept.library.sweep()
    assert kept.vectors.partitions() == {at.id}
    assert found(kept) == before


def test_index_of_another_rebuild_is_not_swept_while_it_is_built(kept: Services) -> None:
    kept_places: list[set[str]] = []

    def step(doing: str, done: int, total: int) -> None:
        kept.library.sweep()
        kept_places.append(kept.vectors.partitions())

    Care(kept).rebuild(COLLECTION, step)
    assert len(kept_places[0]) == 2
    assert codes(kept) == []


def test_reopened_index_is_the_rebuilt_one(kept: Services, reopen: Open) -> None:
    before = found(kept)
    Care(kept).rebuild(COLLECTION)
    kept.close()
    services = reopen(kept.settings.data_dir)
    services.load()
    assert services.notices == ()
    assert found(services) == before
    services.vectors.close()
    store = ChromaStore.open(services.settings.data_dir / "chroma")
    assert len(store.partitions()) == 1
    store.close()
