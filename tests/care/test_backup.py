"""A backup made under load, restored elsewhere, gives the same answers; a changed one is refused."""

import hashlib
import io
import itertools
import os
import shutil
import tarfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.care.archive import BackupDamaged, Manifest, Member, from_tar, to_tar, unpack_manifest
from app.care.backup import BackupFailed
from app.care.care import Care
from app.care.questions import ask_again
from app.care.restore import restore
from app.care.writing import beside, take_out, write_file, write_folder
from app.errors import BadRequest, DataDirectoryDamaged, DiskFull
from app.services import Services
from tests.care.conftest import COLLECTION, QUESTIONS, Open, fill, found


def back_up(services: Services, target: Path) -> Manifest:
    with Care(services).backup() as archive:
        write(archive.members, target)
    return take_out(target)


def write(members: Iterable[Member], target: Path) -> None:
    with beside(target) as part:
        if target.suffix == ".tar":
            write_file(to_tar(members), part)
        else:
            write_folder(members, part)


@pytest.fixture(params=["backup.tar", "folder"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return tmp_path / str(request.param)


def test_restored_directory_gives_the_same_answers(
    kept: Services, reopen: Open, target: Path, tmp_path: Path
) -> None:
    before = found(kept)
    manifest = back_up(kept, target)
    assert (manifest.counts["document"], manifest.counts["chunk"], len(manifest.entries)) == (3, 3, 4)
    restored = restore(target, tmp_path / "elsewhere")
    assert restored == manifest
    services = reopen(tmp_path / "elsewhere")
    assert [each.code for each in services.build_index()] == ["index_rebuilt"]
    services.load()
    assert services.notices == ()
    assert found(services) == before
    assert Care(services).diagnose().findings == ()


def test_backup_under_load_is_whole(kept: Services, reopen: Open, tmp_path: Path) -> None:
    before = found(kept)
    ending, errors = threading.Event(), list[BaseException]()

    def ingest() -> None:
        for number in itertools.count():
            if ending.is_set():
                return
            fill(kept, {f"n{number}.md": f"# Note {number}\n\nParagraph {number} of the load.\n"}, "load")
            if number % 3 == 2:
                with kept.writing() as library:
                    library.delete("load", f"n{number - 1}.md")

    def ask() -> None:
        while not ending.is_set():
            if found(kept)[0][0] != before[0][0]:
                errors.append(AssertionError("answers changed"))

    def guarded(work: object) -> None:
        try:
            assert callable(work)
            work()
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(work,)) for work in (ingest, ask)]
    for thread in threads:
        thread.start()
    try:
        manifests = [back_up(kept, tmp_path / f"{number}.tar") for number in range(4)]
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert errors == []
    assert [each.lacking for each in manifests] == [()] * 4
    assert manifests[-1].counts["document"] > 3
    for number in (0, 3):
        data_dir = tmp_path / f"restored {number}"
        restore(tmp_path / f"{number}.tar", data_dir)
        services = reopen(data_dir)
        services.load()
        assert found(services)[0][0] == before[0][0]
        assert Care(services).diagnose().findings == ()


def test_doctor_finds_nothing_wrong_while_files_come_and_go(kept: Services) -> None:
    ending, errors = threading.Event(), list[BaseException]()

    def ingest() -> None:
        try:
            for number in itertools.count():
                if ending.is_set():
                    return
                fill(kept, {f"n{number % 4}.md": f"# Note\n\nParagraph {number} of the load.\n"}, "load")
                if number % 3 == 2:
                    with kept.writing() as library:
                        library.delete("load", f"n{number % 4}.md")
        except BaseException as error:  # noqa: BLE001 - shown by the test
            errors.append(error)

    thread = threading.Thread(target=ingest)
    thread.start()
    try:
        for _ in range(8):
            assert Care(kept).diagnose().findings == ()
        assert Care(kept).rebuild(COLLECTION) == [COLLECTION]
        if "load" in [each.name for each in kept.collections.all()]:
            assert Care(kept).rebuild("load") == ["load"]
    finally:
        ending.set()
        thread.join()
    assert errors == []
    assert Care(kept).diagnose().findings == ()


def test_file_deleted_during_a_backup_is_in_it_and_gone_afterwards(kept: Services, tmp_path: Path) -> None:
    row = kept.documents.shown(kept.collections.named(COLLECTION).id)[0]
    with Care(kept).backup() as archive:
        kept.blobs.discard(row.sha256, lambda _: False)
        write_folder(archive.members, tmp_path / "folder")
    assert (tmp_path / "folder" / "blobs" / row.sha256[:2] / row.sha256).is_file()
    assert take_out(tmp_path / "folder").lacking == ()
    assert not kept.blobs.path(row.sha256).exists()


def test_every_flipped_bit_of_an_archive_is_refused(kept: Services, tmp_path: Path) -> None:
    back_up(kept, tmp_path / "backup.tar")
    whole = (tmp_path / "backup.tar").read_bytes()
    changed, other = tmp_path / "changed.tar", tmp_path / "other"
    # every header, start and end of every member, its padding, the end of the archive, samples between
    places = {0, len(whole) - 1, *range(0, len(whole), 9_973)}
    with tarfile.open(tmp_path / "backup.tar") as archive:
        for info in archive:
            after = info.offset_data + info.size
            places |= {
                info.offset,
                info.offset + 100,
                info.offset + 130,
                info.offset + 148,
                info.offset + 154,
            }
            places |= {info.offset + 156, info.offset + 265, info.offset + 300, info.offset + 511}
            places |= {info.offset_data, after - 1, after + -after % 512 - 1}
    for place in sorted(places):
        data = bytearray(whole)
        data[place] ^= 1 << (place % 8)
        changed.write_bytes(bytes(data))
        with pytest.raises(BackupDamaged):
            take_out(changed)
    for length in (0, 100, 512, len(whole) // 2, len(whole) - 10_240, len(whole) - 1):
        changed.write_bytes(whole[:length])
        with pytest.raises(BackupDamaged):
            restore(changed, other)
        assert not other.exists()
    changed.write_bytes(whole + b"\0" * 512)
    with pytest.raises(BackupDamaged, match="does not end as it should"):
        take_out(changed)


def test_changed_member_is_named_and_nothing_is_restored(kept: Services, tmp_path: Path) -> None:
    back_up(kept, tmp_path / "folder")
    (blob, *_) = sorted((tmp_path / "folder" / "blobs").glob("*/*"))
    blob.write_bytes(blob.read_bytes().replace(b"a", b"b", 1))
    data_dir = tmp_path / "elsewhere"
    data_dir.mkdir()
    with pytest.raises(
        BackupDamaged, match=f"blobs/{blob.parent.name}/{blob.name} is damaged: its SHA-256 is"
    ):
        restore(tmp_path / "folder", data_dir)
    assert list(data_dir.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "blobs/ab/evil", "touchstone.sqlite3/x", "chroma/x"]
)
def test_names_that_are_no_part_of_a_backup_are_refused(tmp_path: Path, name: str) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = 1, 0o600
    file = io.BytesIO(info.tobuf(tarfile.USTAR_FORMAT) + b"x" + b"\0" * 511 + b"\0" * 9_216)
    with pytest.raises(BackupDamaged, match="which is no part of a backup"):
        list(from_tar(file))


def test_link_in_an_archive_is_refused() -> None:
    info = tarfile.TarInfo("touchstone.sqlite3")
    info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
    file = io.BytesIO(info.tobuf(tarfile.USTAR_FORMAT) + b"\0" * 9_728)
    with pytest.raises(BackupDamaged, match="it is not as Touchstone writes it"):
        list(from_tar(file))


def test_archive_is_one_that_tar_reads(kept: Services, tmp_path: Path) -> None:
    manifest = back_up(kept, tmp_path / "backup.tar")
    with tarfile.open(tmp_path / "backup.tar") as archive:
        archive.extractall(tmp_path / "by tar", filter="data")
    assert take_out(tmp_path / "by tar") == manifest
    assert unpack_manifest((tmp_path / "by tar" / "manifest.json").read_bytes()) == manifest


def test_backup_overwrites_nothing(kept: Services, target: Path) -> None:
    target.write_text("mine", encoding="utf-8")
    with pytest.raises(BadRequest, match="exists already and is not overwritten"):
        back_up(kept, target)
    assert target.read_text(encoding="utf-8") == "mine"


def test_backup_that_fails_leaves_nothing(kept: Services, target: Path) -> None:
    def stops() -> Iterator[Member]:
        yield Member("touchstone.sqlite3", 3, iter([b"abc"]))
        raise BackupFailed("changed")

    with pytest.raises(BackupFailed):
        write(stops(), target)
    assert sorted(path.name for path in target.parent.iterdir()) == ["data"]


def test_backup_without_the_room_for_it_is_refused(
    kept: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(DiskFull, match="100 bytes are free"):
        back_up(kept, tmp_path / "backup.tar")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DiskFull, match="has 100 bytes free"):
        restore(tmp_path / "folder", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()


def test_files_that_were_missing_or_damaged_before_are_named(kept: Services, tmp_path: Path) -> None:
    gone, flipped, _ = kept.documents.shown(kept.collections.named(COLLECTION).id)
    kept.blobs.path(gone.sha256).unlink()
    kept.blobs.path(flipped.sha256).write_bytes(b"else")
    manifest = back_up(kept, tmp_path / "backup.tar")
    assert manifest.lacking == tuple(sorted((gone.sha256, flipped.sha256)))
    assert len(manifest.entries) == 2


def test_restore_refuses_a_directory_that_is_not_empty(kept: Services, tmp_path: Path) -> None:
    back_up(kept, tmp_path / "backup.tar")
    with pytest.raises(BadRequest, match="is not empty; give --to a directory that is new or empty"):
        restore(tmp_path / "backup.tar", kept.settings.data_dir)
    with pytest.raises(BadRequest, match="does not exist; name the file"):
        restore(tmp_path / "none.tar", tmp_path / "elsewhere")


def test_saved_questions_are_asked_again(kept: Services, reopen: Open, tmp_path: Path) -> None:
    for question in QUESTIONS[:2]:
        kept.caretaker.answers.keep(kept.answer(
            kept.ask(question, collections=(COLLECTION,), principal=LOCAL)), owner=LOCAL.id
        )
    back_up(kept, tmp_path / "backup.tar")
    restore(tmp_path / "backup.tar", tmp_path / "elsewhere")
    services = reopen(tmp_path / "elsewhere")
    services.load()
    verified = ask_again(services)
    assert (verified.asked, verified.different, verified.skipped) == (2, (), 0)
    with services.database.transaction() as connection:
        connection.execute(
            "UPDATE answer_citation SET quote = 'Employees' WHERE place = 0 AND answer_id ="
            " (SELECT id FROM answer WHERE question = ?)",
            (QUESTIONS[0],),
        )
    verified = ask_again(services)
    assert [(each.question, each.then) for each in verified.different] == [
        (QUESTIONS[0], (("leave.md", "Employees"),))
    ]


@pytest.mark.parametrize("emptied", [True, False], ids=["empty", "missing"])
def test_database_that_is_gone_is_never_replaced_by_a_new_one(
    kept: Services, reopen: Open, emptied: bool
) -> None:
    data_dir = kept.settings.data_dir
    kept.close()
    os.truncate(data_dir / "touchstone.sqlite3", 0)
    if not emptied:
        (data_dir / "touchstone.sqlite3").unlink()
    blobs = sorted(path.name for path in (data_dir / "blobs").glob("*/*"))
    said = (
        rf"is {'empty' if emptied else 'missing'}, but uploaded files are there; .*touchstone restore BACKUP"
    )
    for _ in range(2):
        with pytest.raises(DataDirectoryDamaged, match=said):
            reopen(data_dir)
    assert sorted(path.name for path in (data_dir / "blobs").glob("*/*")) == blobs
    assert all(hashlib.sha256(p.read_bytes()).hexdigest() == p.name for p in (data_dir / "blobs").glob("*/*"))
