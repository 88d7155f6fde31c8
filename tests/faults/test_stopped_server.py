"""``touchstone serve`` is told to stop while it ingests and a page is open."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.faults.killed import check_whole, finish, opened

pytestmark = pytest.mark.fault
TOUCHSTONE = Path(sys.executable).parent / "touchstone"
DOCUMENTS = "/api/collections/handbook/documents"


def _environment(data_dir: Path, failpoints: str = "") -> dict[str, str]:
    return {
        **os.environ,
        "TOUCHSTONE_DATA_DIR": str(data_dir),
        "TOUCHSTONE_PROFILE": "starter",
        "TOUCHSTONE_DEMO": "false",
        "TOUCHSTONE_FAILPOINTS": failpoints,
    }


@contextmanager
def _serving(data_dir: Path, failpoints: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    server = subprocess.Popen(
        [TOUCHSTONE, "serve", "--port", "0"],
        env=_environment(data_dir, failpoints),
        cwd="/",
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        url = server.stdout.readline().removeprefix("Touchstone serves ").split()[0]
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and httpx.get(f"{url}/readyz").status_code != 200:
            time.sleep(0.1)
        yield server, url
    finally:
        server.kill()
        server.wait(10)
        server.stdout.close()


def _touchstone(data_dir: Path, *arguments: str) -> str:
    done = subprocess.run(
        [TOUCHSTONE, *arguments],
        capture_output=True,
        text=True,
        env=_environment(data_dir),
        cwd="/",
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _leases(data_dir: Path) -> list[str | None]:
    connection = sqlite3.connect(data_dir / "touchstone.sqlite3")
    try:
        return [row[0] for row in connection.execute("SELECT lease FROM job ORDER BY seq")]
    finally:
        connection.close()


def test_stopped_server_gives_its_jobs_back_at_once_though_a_page_follows_them(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    with _serving(data_dir, "embed.before=sleep:2") as (server, url):
        for number in range(3):
            text = f"# Leave {number}\n\nEmployees have {number} days of annual leave.\n"
            httpx.post(url + DOCUMENTS, params={"name": f"{number}.md"}, content=text.encode())
        listed = _touchstone(data_dir, "jobs")
        assert "2.md" in listed
        assert "handbook" in listed
        with httpx.stream("GET", f"{url}/api/jobs/events") as events:
            lines = events.iter_lines()
            next(lines)  # the page is following
            while None in _leases(data_dir) and not any(_leases(data_dir)):
                time.sleep(0.02)
            began = time.monotonic()
            server.send_signal(signal.SIGTERM)
            while any(_leases(data_dir)):
                assert time.monotonic() - began < 1
                time.sleep(0.01)
            assert server.wait(10) in (0, -signal.SIGTERM)
            assert time.monotonic() - began < 5
    with opened(data_dir) as services:
        assert all(job.attempt == 0 for job in services.ingestion.jobs.open())
        assert set(finish(services)) == {"ready"}
        check_whole(services)
