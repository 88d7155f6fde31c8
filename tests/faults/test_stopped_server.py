"""``touchstone serve`` is told to stop while it works and a page is open: all goes on at the next start."""

import json
import sqlite3
import threading
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.faults.forked import serving
from tests.faults.whole import check_whole, contents, finish, opened

pytestmark = pytest.mark.fault
DOCUMENTS = "/api/collections/handbook/documents"
REINDEX = "/api/collections/handbook/reindex"


def _leases(data_dir: Path) -> list[str | None]:
    with closing(sqlite3.connect(data_dir / "touchstone.sqlite3")) as connection:
        return [row[0] for row in connection.execute("SELECT lease FROM job ORDER BY seq")]


def _upload(url: str, name: str, text: str, *, wait: bool = False) -> None:
    response = httpx.post(url + DOCUMENTS, params={"name": name, "wait": wait}, content=text.encode())
    assert response.is_success, response.text


def test_stopped_server_gives_its_jobs_back_at_once_though_a_page_follows_them(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serving(data_dir, "embed.before=sleep:1.5") as server:
        url = server.ready()
        for number in range(3):
            _upload(url, f"{number}.md", f"# Leave {number}\n\nEmployees have {number} days of leave.\n")
        with httpx.stream("GET", f"{url}/api/jobs/events") as events:
            next(events.iter_lines())  # the page is following
            while not any(_leases(data_dir)):
                time.sleep(0.02)
            began = time.monotonic()
            server.process.terminate()
            while any(_leases(data_dir)):
                assert time.monotonic() - began < 1
                time.sleep(0.01)
            server.stop()
            assert time.monotonic() - began < 5
    with opened(data_dir) as services:
        assert all(job.attempt == 0 for job in services.ingestion.jobs.open())
        assert set(finish(services)) == {"ready"}
        check_whole(services)


def test_reindex_that_somebody_watches_goes_on_after_a_stop(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    events: list[tuple[str, dict[str, object]]] = []
    begun = threading.Event()
    with serving(data_dir, "index.before:3=sleep:1") as server:  # the third: of the reindex
        url = server.ready()
        for number in range(2):
            _upload(url, f"{number}.md", f"# Leave {number}\n\nEmployees have {number} days.\n", wait=True)

        def watch() -> None:
            name = ""
            with httpx.stream("POST", url + REINDEX, timeout=30) as response:
                for line in response.iter_lines():
                    begun.set()
                    if line.startswith("event:"):
                        name = line.removeprefix("event:").strip()
                    elif line.startswith("data:"):
                        events.append((name, json.loads(line.removeprefix("data:"))))

        watcher = threading.Thread(target=watch)
        watcher.start()
        assert begun.wait(10)
        while not any(_leases(data_dir)[2:]):
            time.sleep(0.02)
        server.stop()
        watcher.join(10)
    last, said = events[-1]
    assert last == "error"
    assert "goes on when Touchstone starts again" in str(said["message"])
    with opened(data_dir) as services:
        (parent,) = services.ingestion.jobs.page(parent="")[:1]
        assert (parent.kind, parent.state) == ("reindex", "indexing")
        before = contents(services)
        assert "ready" in finish(services)
        assert services.ingestion.jobs.get(parent.id).outcome == "reindexed"
        assert contents(services) == before
        rows = services.documents.shown(services.collections.named("handbook").id)
        assert [row.version for row in rows] == [2, 2]
        check_whole(services)


def test_reindex_that_somebody_watched_and_left_is_cancelled(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with serving(data_dir, "index.before:2=sleep:1") as server:
        url = server.ready()
        _upload(url, "leave.md", "# Leave\n\nEmployees have 12 days.\n", wait=True)
        with httpx.stream("POST", url + REINDEX, timeout=30) as response:
            next(response.iter_lines())
        deadline = time.monotonic() + 10
        while not any(job["state"] == "cancelled" for job in httpx.get(f"{url}/api/jobs").json()["data"]):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        server.stop()
    with opened(data_dir) as services:
        assert finish(services) == []
        check_whole(services)
