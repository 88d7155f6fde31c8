"""The database is locked by another process, damaged or gone: nothing is lost, nothing takes its place."""

import hashlib
import os
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from app.errors import DataDirectoryDamaged, StorageBusy
from app.services import Services
from app.settings import Settings
from app.wiring import build_models
from tests.faults.forked import Server, serving
from tests.faults.whole import COLLECTION, chance, check_whole, contents, finish, opened, settings_of

pytestmark = pytest.mark.fault
BUSY_S = 0.4  # of the same setting that is 30 s
DOCUMENTS = f"/api/collections/{COLLECTION}/documents"
DATABASE = "touchstone.sqlite3"
Damage = Callable[[Path], None]


def _leave(days: int) -> bytes:
    return f"# Leave\n\nEmployees have {days} days of annual leave.\n".encode()


@contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """By this process, which is another one than the server."""
    other = sqlite3.connect(data_dir / DATABASE, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


def test_locked_database_refuses_uploads_for_now_and_loses_none(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    assert Settings(data_dir=data_dir).database_busy_s == 30
    with serving(data_dir, DATABASE_BUSY_S=str(BUSY_S), JOBS__UPLOADS_PER_OWNER="9") as server:
        url = server.ready()

        def upload(days: int, *, wait: bool = False) -> httpx.Response:
            return httpx.post(
                url + DOCUMENTS, params={"name": f"{days}.md", "wait": wait}, content=_leave(days), timeout=30
            )

        assert upload(12, wait=True).json()["status"] == "added"
        acknowledged = [upload(days) for days in (13, 14)]  # their jobs meet the lock
        with _locked(data_dir):
            answers: list[httpx.Response] = []
            threads = [threading.Thread(target=lambda n=n: answers.append(upload(n))) for n in range(20, 25)]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert BUSY_S <= time.monotonic() - began < 3 * BUSY_S + 3  # none waits for the turn of another
            assert {answer.status_code for answer in answers} == {503}
            assert {answer.json()["code"] for answer in answers} == {"database_busy"}
            assert all(answer.json()["retryable"] and answer.headers["Retry-After"] for answer in answers)
            assert httpx.get(f"{url}/api/status").json()["documents"] >= 1, "reading goes on"
        assert all(answer.status_code == 202 for answer in acknowledged)
        assert upload(20, wait=True).json()["status"] == "added"
        server.stop()
    with opened(data_dir) as services:
        assert set(finish(services)) <= {"ready"}
        assert set(contents(services)) == {"12.md", "13.md", "14.md", "20.md"}
        check_whole(services)


def test_writer_waits_for_a_lock_that_is_let_go_of_in_time(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as services:
        services.collections.create(COLLECTION)
        held = threading.Event()

        def hold() -> None:
            with _locked(tmp_path / "data"):
                held.set()
                time.sleep(BUSY_S)

        holder = threading.Thread(target=hold)
        holder.start()
        assert held.wait(10)
        assert services.add(_leave(12), "leave.md", COLLECTION).status == "added"
        holder.join()
        check_whole(services)


def test_start_says_that_the_database_is_locked_and_not_that_it_is_damaged(tmp_path: Path) -> None:
    with opened(tmp_path / "data") as services:
        services.add(_leave(12), "leave.md", COLLECTION)
    other = sqlite3.connect(tmp_path / "data" / DATABASE, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    settings = settings_of(tmp_path / "data").model_copy(update={"database_busy_s": BUSY_S})
    with pytest.raises(StorageBusy, match="another process keeps the database locked"):
        Services(settings, build_models=build_models)
    other.close()
    with opened(tmp_path / "data") as services:
        check_whole(services)


def _header(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(chance(1).randbytes(100))


def _middle(database: Path) -> None:
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(size // 2 // 4096 * 4096)
        file.write(chance(2).randbytes(4096))


def _first_table(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(4096)
        file.write(chance(3).randbytes(8192))


def _half(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def _stump(database: Path) -> None:
    os.truncate(database, 1_000)


def _empty(database: Path) -> None:
    os.truncate(database, 0)


def _missing(database: Path) -> None:
    database.unlink()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("kept") / "data"
    with opened(data_dir) as services:
        for days in range(12, 20):
            services.add(_leave(days) * 20, f"{days}.md", COLLECTION)
    return data_dir


def _bytes(data_dir: Path) -> dict[str, str]:
    """Every file but the lock, by what is in it."""
    return {
        str(path.relative_to(data_dir)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in data_dir.rglob("*")
        if path.is_file() and path.name != "lock"
    }


@pytest.mark.parametrize("damage", [_header, _middle, _first_table, _half, _stump, _empty, _missing])
def test_server_refuses_a_damaged_database_with_a_code_of_its_own_and_leaves_everything_as_it_is(
    damage: Damage, kept: Path, tmp_path: Path
) -> None:
    data_dir = Path(shutil.copytree(kept, tmp_path / "data"))
    damage(data_dir / DATABASE)
    before = _bytes(data_dir)
    server = Server(data_dir, {})
    server.process.join(60)
    said = server.log.read_text(encoding="utf-8")
    assert server.process.exitcode == DataDirectoryDamaged.exit_code == 4, said
    (line,) = said.splitlines()
    assert line.startswith("touchstone: database ")
    assert "`touchstone restore BACKUP --to DIRECTORY`" in line
    assert _bytes(data_dir) == before
    with pytest.raises(DataDirectoryDamaged), opened(data_dir):
        pass


def test_pages_of_words_that_differ_are_mended_and_no_reason_to_refuse(kept: Path, tmp_path: Path) -> None:
    data_dir = Path(shutil.copytree(kept, tmp_path / "data"))
    with opened(data_dir) as services, services.database.transaction():
        services.lexical.remove(sorted(services.lexical.ids())[:3])
    with opened(data_dir) as services:
        check_whole(services)
