import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from app.errors import BadRequest, DataDirectoryDamaged, DataDirectoryLocked, DiskFull, NotFound, StorageBusy
from app.failpoints import arm
from app.storage.blobs import BlobStore
from app.storage.chunks import pack_vector, unpack_vector
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.lock import DirectoryLock, read_owner

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def _collections(tmp_path: Path) -> Collections:
    return Collections(Database(tmp_path / "db.sqlite3"), now=lambda: NOW)


def test_second_owner_of_a_data_directory_is_told_who_holds_it(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    lock.announce("http://127.0.0.1:8400")
    code = (
        "from pathlib import Path; from app.storage.lock import DirectoryLock; "
        f"DirectoryLock(Path({str(tmp_path)!r}))"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert second.returncode != 0
    assert "is in use by process" in second.stderr
    assert "(http://127.0.0.1:8400); stop it first" in second.stderr
    lock.release()


def test_released_directory_can_be_taken_again(tmp_path: Path) -> None:
    DirectoryLock(tmp_path).release()
    second = DirectoryLock(tmp_path)
    owner = read_owner(tmp_path)
    assert owner is not None
    second.release()


def test_lock_is_refused_inside_one_process_too(tmp_path: Path) -> None:
    lock = DirectoryLock(tmp_path)
    with pytest.raises(DataDirectoryLocked, match="set TOUCHSTONE_DATA_DIR to another folder"):
        DirectoryLock(tmp_path)
    lock.release()


def test_damaged_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    path.write_bytes(b"this is not a database" * 100)
    with pytest.raises(DataDirectoryDamaged, match="cannot be read"):
        Database(path)
    assert path.read_bytes().startswith(b"this is not a database")


def test_database_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite3"
    database = Database(path)
    database.connection().execute("PRAGMA user_version=99")
    database.close()
    with pytest.raises(DataDirectoryDamaged, match="is of version 99, newer than this program knows"):
        Database(path)


def test_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    database = Database(tmp_path / "db.sqlite3")
    with pytest.raises(sqlite3.IntegrityError), database.transaction() as connection:
        connection.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", [("a", "b"), ("a", "b")])
    assert database.connection().execute("SELECT count(*) FROM meta").fetchone()[0] == 0
    database.close()


def test_inner_transaction_is_undone_with_the_outer_one(tmp_path: Path) -> None:
    database = Database(tmp_path / "db.sqlite3")
    with pytest.raises(RuntimeError), database.transaction():  # noqa: PT012 - the nesting is the point
        with database.transaction() as connection:
            connection.execute("INSERT INTO meta (name, value) VALUES ('a', 'b')")
        raise RuntimeError
    assert database.connection().execute("SELECT count(*) FROM meta").fetchone()[0] == 0
    database.close()


def _keep(blobs: BlobStore, data: bytes) -> str:
    with blobs.receive() as incoming:
        incoming.write(data[:2])
        incoming.write(data[2:])
        return blobs.adopt(incoming, lambda sha256, size_bytes: sha256)


def _files(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def test_same_bytes_are_kept_once_until_nobody_uses_them(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    sha = _keep(blobs, b"hello")
    assert sha == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert _keep(blobs, b"hello") == sha
    assert blobs.path(sha).read_bytes() == b"hello"
    assert len(_files(tmp_path)) == 1
    blobs.discard(sha, lambda _: True)
    assert blobs.path(sha).exists()
    blobs.discard(sha, lambda _: False)
    assert _files(tmp_path) == []


def test_bytes_that_stop_arriving_leave_nothing(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    with pytest.raises(ConnectionError), blobs.receive() as incoming:  # noqa: PT012 - the break is the point
        incoming.write(b"half")
        raise ConnectionError
    assert _files(tmp_path) == []


def test_bytes_whose_job_cannot_be_recorded_are_not_kept(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")

    def refuse(sha256: str, size_bytes: int) -> None:
        raise DiskFull("the disk is full")

    with blobs.receive() as incoming:
        incoming.write(b"hello")
        with pytest.raises(DiskFull):
            blobs.adopt(incoming, refuse)
    assert _files(tmp_path) == []


def test_full_disk_while_bytes_arrive_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    arm("receive.half:2=enospc")
    try:
        with blobs.receive() as incoming:
            incoming.write(b"half")
            said = r"no space is left for uploaded files \(No space left on device\); free some"
            with pytest.raises(DiskFull, match=said):
                incoming.write(b"half")
    finally:
        arm("")
    assert _files(tmp_path) == []


def test_locked_database_is_said_to_be_locked_and_works_again_afterwards(tmp_path: Path) -> None:
    database = Database(tmp_path / "db.sqlite3", busy_s=0.05)
    other = sqlite3.connect(tmp_path / "db.sqlite3", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    locked = "another process keeps the database locked"
    with pytest.raises(StorageBusy, match=locked), database.transaction():
        pass
    other.execute("COMMIT")
    other.close()
    with database.transaction() as connection:
        connection.execute("INSERT INTO meta (name, value) VALUES ('a', 'b')")
    database.close()


def test_bytes_nobody_knows_of_and_broken_uploads_are_swept_at_the_start(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    orphan, used = _keep(blobs, b"orphan"), _keep(blobs, b"used")
    (tmp_path / "tmp" / "half").write_bytes(b"half")
    again = BlobStore(tmp_path / "blobs")
    again.sweep_tmp()
    again.sweep(lambda sha256: sha256 == used)
    assert [file.name for file in _files(tmp_path)] == [used]
    assert not again.path(orphan).exists()


@pytest.mark.parametrize("name", ["../../etc/passwd", "AB" * 32, "ab", ""])
def test_blob_path_takes_nothing_but_a_hash(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="not a SHA-256 in hex"):
        BlobStore(tmp_path).path(name)


def test_stored_vector_stays_within_half_precision() -> None:
    vector = np.random.default_rng(3).normal(size=768).astype(np.float32)
    vector /= np.linalg.norm(vector)
    again = unpack_vector(pack_vector(vector))
    assert again.dtype == np.float32
    assert float(np.abs(again - vector).max()) < 1e-3
    assert float(np.linalg.norm(again)) == pytest.approx(1, abs=1e-6)


def test_creating_a_collection_twice_gives_the_same_one(tmp_path: Path) -> None:
    collections = _collections(tmp_path)
    assert collections.create("handbooks").id == collections.create("handbooks").id


@pytest.mark.parametrize("name", ["", " a", "a~b", "x" * 101, "a\nb"])
def test_unusable_collection_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot be used; choose 1 to 100 printable characters"):
        _collections(tmp_path).create(name)


def test_unknown_collection_names_those_that_exist(tmp_path: Path) -> None:
    collections = _collections(tmp_path)
    collections.create("handbooks")
    with pytest.raises(NotFound, match="collection 'handbook' does not exist \\(there is: 'handbooks'\\)"):
        collections.named("handbook")
