"""The disk is full while bytes, rows or vectors are written: it is said, nothing is lost, it goes on."""

import os
import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from app.access.principal import LOCAL
from app.errors import DiskFull
from app.services import Services
from app.storage.job_types import Job
from app.wiring import build_models
from tests.faults.forked import ended, serving, start
from tests.faults.small_disk import small_disk
from tests.faults.test_damaged_index import rules
from tests.faults.whole import COLLECTION, check_whole, contents, finish, opened, settings_of

pytestmark = pytest.mark.fault
LEAVE = b"# Leave\n\nEmployees have 12 days of annual leave.\n"
DOCUMENTS = f"/api/collections/{COLLECTION}/documents"


def _until(true: Callable[[], bool], within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _job(services: Services, data: bytes, name: str) -> Job:
    services.ingestion.start()
    collection = services.collections.create(COLLECTION)
    return services.ingestion.service.submit_bytes(data, name, collection.id)


def _waits_for_room(services: Services, job: Job) -> bool:
    now = services.ingestion.jobs.get(job.id)
    assert now.state != "failed", now.message
    return now.code == "disk_full" and "free some" in now.message


def test_upload_into_a_full_disk_is_refused_and_taken_once_there_is_room(tmp_path: Path) -> None:
    data_dir = tmp_path / "disk" / "data"
    with small_disk(tmp_path / "disk", 48) as disk, serving(data_dir, JOBS__DISK_RESERVE_BYTES="0") as server:
        url = server.ready()
        taken = httpx.post(url + DOCUMENTS, params={"name": "leave.md", "wait": True}, content=LEAVE)
        assert taken.json()["status"] == "added"
        disk.fill(but=300_000)
        large = LEAVE.replace(b"12", b"15") + b"\n" * 1_000_000
        refused = httpx.post(url + DOCUMENTS, params={"name": "large.md"}, content=large)
        assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
        assert refused.json()["retryable"]
        assert "free some" in refused.json()["detail"]
        disk.fill()
        refused = httpx.post(url + DOCUMENTS, params={"name": "small.md"}, content=LEAVE)
        assert (refused.status_code, refused.json()["code"]) == (507, "disk_full")
        assert httpx.get(f"{url}/readyz").status_code == 200
        assert not list((data_dir / "tmp").iterdir())
        disk.empty()
        again: dict[str, str | bool] = {"name": "large.md", "wait": True}
        taken = httpx.post(url + DOCUMENTS, params=again, content=large, timeout=60)
        assert taken.json()["status"] == "added"
        server.stop()
        with opened(data_dir) as services:
            assert set(contents(services)) == {"leave.md", "large.md"}
            check_whole(services)


def test_job_waits_for_room_in_the_database_and_goes_on_by_itself(tmp_path: Path) -> None:
    data_dir = tmp_path / "disk" / "data"
    with small_disk(tmp_path / "disk", 48) as disk, opened(data_dir) as services:
        assert services.add(LEAVE, "leave.md", COLLECTION).status == "added"
        disk.fill(but=400_000)
        job = _job(services, rules(), "rules.md")
        _until(lambda: _waits_for_room(services, job))
        assert set(contents(services)) == {"leave.md"}
        assert services.answer(services.ask("How many days of leave?", principal=LOCAL)).answer.passages
        disk.empty()
        assert finish(services) == ["ready"]
        assert set(contents(services)) == {"leave.md", "rules.md"}
        check_whole(services)


def test_nothing_is_lost_where_not_even_the_trouble_can_be_written_down(tmp_path: Path) -> None:
    data_dir = tmp_path / "disk" / "data"
    with small_disk(tmp_path / "disk", 48) as disk:
        with opened(data_dir) as services:
            job = _job(services, rules(), "rules.md")
            disk.fill()
            time.sleep(0.5)
            disk.fill()
            assert not services.ingestion.jobs.get(job.id).ended
        disk.empty()
        with opened(data_dir) as services:
            assert finish(services) == ["ready"]
            assert set(contents(services)) == {"rules.md"}
            check_whole(services)
        disk.fill()
        with pytest.raises(DiskFull, match="free some"):
            Services(settings_of(data_dir), build_models=build_models)


def test_job_waits_for_room_in_the_vector_index_which_is_whole_again_afterwards(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with small_disk(data_dir / "chroma", 3) as disk:
        with opened(data_dir) as services:
            assert services.add(LEAVE, "leave.md", COLLECTION).status == "added"
            services.collections.set_chunking(services.collections.named(COLLECTION).id, 32, 0)
            job = _job(services, rules(), "rules.md")
            _until(lambda: _waits_for_room(services, job))
            result = services.answer(services.ask("How many days of annual leave?", principal=LOCAL))
            told = [notice for notice in result.notices if notice.code == "vector_channel_failed"]
            assert all("free some space" in str(notice.values) for notice in told)  # Chroma may refuse
            assert result.answer.passages
            disk.grow(200)
            assert finish(services) == ["ready"]
            check_whole(services)
        with opened(data_dir) as services:  # whatever Chroma could not write, and never noticed
            check_whole(services)
            assert set(contents(services)) == {"leave.md", "rules.md"}


def test_start_waits_for_room_to_fill_the_vector_index_again(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with opened(data_dir) as services:
        services.collections.set_chunking(services.collections.create(COLLECTION).id, 32, 0)
        assert services.add(rules(), "rules.md", COLLECTION).status == "added"
    shutil.rmtree(data_dir / "chroma")
    with small_disk(data_dir / "chroma", 1) as disk, serving(data_dir) as server:
        url = server.listen()
        _until(lambda: httpx.get(f"{url}/readyz").json()["detail"] == "room")
        assert "room on the disk" in httpx.get(f"{url}/api/status").json()["detail"]
        disk.grow(200)
        server.ready()
        server.stop()
        with opened(data_dir) as services:
            check_whole(services)


def test_limit_on_the_size_of_files_is_as_a_full_disk(tmp_path: Path) -> None:
    """Where no disk can be mounted this shows the same: the system refuses to write."""
    log = tmp_path / "log"
    assert ended(start(_limited, tmp_path / "data", log=log), log=log) == 0


def _limited(data_dir: Path) -> None:
    with opened(data_dir) as services:
        services.collections.set_chunking(services.collections.create(COLLECTION).id, 32, 0)
        assert services.add(LEAVE, "leave.md", COLLECTION).status == "added"
        most = max(path.stat().st_size for path in data_dir.rglob("*")) + 200_000
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        with pytest.raises(DiskFull, match=r"no space is left for uploaded files \(File too large\)"):
            services.add(b" " * (most + 1), "large.md", COLLECTION)
        job = _job(services, rules(), "rules.md")
        _until(lambda: _waits_for_room(services, job))
        assert set(contents(services)) == {"leave.md"}
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        assert finish(services) == ["ready"]
        check_whole(services)
    with opened(data_dir) as services:
        check_whole(services)
    os._exit(0)
