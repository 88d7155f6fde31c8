"""Files come, change, fail and go; the indexes always agree with SQLite."""

import shutil
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.errors import NotFound
from app.reports import FileReport
from app.services import Services
from retrieval.errors import IndexMismatch
from retrieval.manifest import IndexManifest
from tests.flows.conftest import Open

HOLIDAYS = (
    "# Leave\n\nEmployees have 12 days of annual leave.\n\n"
    "## Sick leave\n\nSick leave needs a doctor's note.\n"
)


def _write(folder: Path, name: str, text: str) -> tuple[Path, str]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path, name


def _ingest(services: Services, *files: tuple[Path, str]) -> list[FileReport]:
    return services.ingest(list(files), "handbook")


def _counts(services: Services) -> tuple[int, int, int]:
    """Chunks in SQLite, vectors in Chroma, rows in the lexical index."""
    collection = services.collections.named("handbook")
    return collection.chunks, services.vectors.count(collection.id), services.lexical.count()


def _documents_found(services: Services, question: str) -> set[str]:
    result = services.answer(services.ask(question, collections=("handbook",), principal=LOCAL))
    return {ranked.chunk.document for ranked in result.candidates}


def test_same_bytes_again_are_skipped(open_services: Open, tmp_path: Path) -> None:
    services, file = open_services(tmp_path / "data"), _write(tmp_path, "leave.md", HOLIDAYS)
    assert [report.status for report in _ingest(services, file)] == ["added"]
    assert [report.status for report in _ingest(services, file)] == ["unchanged"]
    assert len(set(_counts(services))) == 1


def test_changed_bytes_replace_the_document_whole(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    changed = _write(tmp_path, "leave.md", HOLIDAYS.replace("12 days", "15 days"))
    assert [report.status for report in _ingest(services, changed)] == ["replaced"]
    result = services.answer(
        services.ask("How many days of annual leave?", collections=("handbook",), principal=LOCAL)
    )
    assert "15 days" in result.answer.text
    assert all("12 days" not in ranked.chunk.text for ranked in result.candidates)
    assert len(set(_counts(services))) == 1


def test_bad_files_fail_with_a_reason_and_the_others_go_on(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    empty, html = tmp_path / "empty.pdf", tmp_path / "login.pdf"
    empty.write_bytes(b"")
    html.write_text("<html><body>Please log in</body></html>", encoding="utf-8")
    reports = _ingest(
        services, (empty, "empty.pdf"), (html, "login.pdf"), _write(tmp_path, "leave.md", HOLIDAYS)
    )
    assert [report.status for report in reports] == ["failed", "failed", "added"]
    assert [report.error[0] for report in reports if report.error] == ["empty", "unsupported_type"]
    assert all(report.name in report.error[1] for report in reports if report.error)
    collection = services.collections.named("handbook")
    assert [row.name for row in services.documents.shown(collection.id)] == ["leave.md"]
    assert services.database.connection().execute("SELECT count(*) FROM document").fetchone()[0] == 1


def test_failed_new_version_leaves_the_old_one(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    (tmp_path / "leave.md").write_bytes(b"\x00\x01\x02 binary")
    reports = _ingest(services, (tmp_path / "leave.md", "leave.md"))
    assert reports[0].status == "failed"
    assert _documents_found(services, "annual leave") == {"leave.md"}


def test_deleted_document_is_never_found_again(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    other = _write(tmp_path, "travel.md", "# Travel\n\nAnnual leave while travelling is possible.\n")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS), other)
    with services.writing() as library:
        row = library.delete("handbook", "leave.md")
    assert _documents_found(services, "annual leave") == {"travel.md"}
    assert len(set(_counts(services))) == 1
    assert services.blobs.path(row.sha256).exists()
    services.caretaker.trash.purge("handbook")
    assert not services.blobs.path(row.sha256).exists()


def test_deleting_what_is_not_there_names_it(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    with (
        services.writing() as library,
        pytest.raises(NotFound, match=r"document 'nothing\.md' is not in collection"),
    ):
        library.delete("handbook", "nothing.md")


def test_same_bytes_under_two_names_share_one_blob_until_both_are_gone(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "a.md", HOLIDAYS), _write(tmp_path, "b.md", HOLIDAYS))
    with services.writing() as library:
        row = library.delete("handbook", "a.md")
        services.caretaker.trash.purge("handbook")
        assert services.blobs.path(row.sha256).exists()
        library.delete("handbook", "b.md")
        services.caretaker.trash.purge("handbook")
    assert not services.blobs.path(row.sha256).exists()


def test_lost_vector_index_is_filled_again_from_sqlite(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    before = services.answer(services.ask("sick leave note", collections=("handbook",), principal=LOCAL))
    services.close()
    shutil.rmtree(tmp_path / "data" / "chroma")
    again = open_services(tmp_path / "data")
    assert [notice.code for notice in again.notices] == ["index_rebuilt"]
    after = again.answer(again.ask("sick leave note", collections=("handbook",), principal=LOCAL))
    assert [r.candidate.hits for r in after.candidates] == [r.candidate.hits for r in before.candidates]


def test_version_staged_by_a_stopped_process_is_swept_at_the_next_start(
    open_services: Open, tmp_path: Path
) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    # What a process leaves that stopped between staging and publishing: rows of a version nobody sees.
    with services.database.transaction() as connection:
        connection.execute(
            "INSERT INTO version (document_id, version, state, sha256, size_bytes, media_type, title, pages,"
            " text, created_at, embedder) SELECT document_id, 2, 'staged', sha256, size_bytes, media_type,"
            " title, pages, text, created_at, embedder FROM version"
        )
        connection.execute(
            "INSERT INTO chunk (id, document_id, version, collection_id, ordinal, text, start, end, tokens,"
            " pages, headings, boxes, vector) SELECT replace(id, ':1:', ':2:'), document_id, 2,"
            " collection_id, ordinal, text, start, end, tokens, pages, headings, boxes, vector FROM chunk"
        )
    ids = [row[0] for row in services.database.connection().execute("SELECT id FROM chunk WHERE version = 2")]
    collection = services.collections.named("handbook")
    services.vectors.add(
        collection.id, ids, ["x"] * len(ids), next(services.chunks.vectors(collection.id, batch=9))[2]
    )
    services.close()
    again = open_services(tmp_path / "data")
    assert len(set(_counts(again))) == 1
    assert again.database.connection().execute("SELECT count(*) FROM version").fetchone()[0] == 1


def test_collection_of_another_embedder_is_refused_with_the_remedy(
    open_services: Open, tmp_path: Path
) -> None:
    services, file = open_services(tmp_path / "data"), _write(tmp_path, "leave.md", HOLIDAYS)
    _ingest(services, file)
    services.collections.set_manifest(
        services.collections.named("handbook").id, IndexManifest("other-model", 1024)
    )
    with pytest.raises(
        IndexMismatch, match=r"indexed by other-model \(1024 dimensions\).*touchstone reindex handbook"
    ):
        services.ask("annual leave", collections=("handbook",), principal=LOCAL)
    with pytest.raises(IndexMismatch, match="touchstone reindex handbook"):
        _ingest(services, file)


def test_reindex_takes_the_place_of_the_old_index(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    old = services.collections.named("handbook")
    services.collections.set_instruction(old.id, "Prefer numbers")
    services.collections.set_manifest(old.id, IndexManifest("other-model", 1024))
    reports = list(services.reindex("handbook", lambda _: lambda *_: None))
    assert [report.status for report in reports] == ["reindexed"]
    new = services.collections.named("handbook")
    assert (new.instruction, new.documents) == ("Prefer numbers", 1)
    assert _documents_found(services, "annual leave") == {"leave.md"}
    assert [each.name for each in services.collections.all()] == ["handbook"]
    assert len(set(_counts(services))) == 1


def test_deleted_collection_leaves_nothing(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    _ingest(services, _write(tmp_path, "leave.md", HOLIDAYS))
    with services.writing() as library:
        library.delete_collection("handbook")
    connection = services.database.connection()
    for table in ("collection", "document", "version", "chunk"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] == 0, table  # noqa: S608
    assert services.lexical.count() == 0
    assert not [file for file in (tmp_path / "data" / "blobs").rglob("*") if file.is_file()]
