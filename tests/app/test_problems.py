"""What an error of storage or search becomes for whoever asked: status, code, and whether to try again."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from app.api.problems import install
from app.errors import Stopping
from app.jobs.trouble import trouble
from app.storage.database import Database
from retrieval.errors import IndexDamaged, IndexFull, ModelUnavailable


def _locked(path: Path) -> None:
    for connection in (sqlite3.connect(path, isolation_level=None), sqlite3.connect(path, timeout=0)):
        connection.execute("BEGIN EXCLUSIVE")


def _damaged(path: Path) -> None:
    path.write_bytes(b"garbage" * 1_000)
    sqlite3.connect(path).execute("SELECT * FROM sqlite_master")


def _not_there(path: Path) -> None:
    sqlite3.connect(path / "no" / "such" / "folder")


def _read_only(path: Path) -> None:
    sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close()
    sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True).execute("INSERT INTO t VALUES (1)")


def _nonsense(path: Path) -> None:
    sqlite3.connect(path).execute("SELECT nonsense")


def _raise(error: Exception) -> Callable[[Path], None]:
    def act(path: Path) -> None:
        raise error

    return act


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("act", "status", "code", "retryable", "job"),
    [
        (_locked, 503, "database_busy", True, ("wait", "database_busy")),
        (_damaged, 500, "damaged", False, ("wait", "database_damaged")),
        (_not_there, 507, "disk_full", True, ("wait", "disk_full")),
        (_read_only, 507, "disk_full", True, ("wait", "disk_full")),
        (_nonsense, 500, "internal", True, ("bug", "internal")),
        (_raise(IndexDamaged("gone")), 503, "index_unavailable", True, ("wait", "index_unavailable")),
        (_raise(IndexFull("full")), 503, "index_unavailable", True, ("wait", "disk_full")),
        (_raise(ModelUnavailable("-")), 503, "embedder_unavailable", True, ("wait", "embedder_unavailable")),
        (_raise(Stopping("it")), 503, "stopping", True, None),
        (_raise(OSError(27, "File too large")), 500, "internal", True, ("wait", "disk_full")),
    ],
)
def test_error_becomes_a_problem_for_people_and_a_verdict_on_a_job(
    act: Callable[[Path], None], status: int, code: str, retryable: bool, job: tuple[str, str] | None,
    tmp_path: Path,
) -> None:  # fmt: skip
    app = FastAPI()
    install(app)
    app.get("/")(lambda: act(tmp_path / "db"))
    answer = TestClient(app, raise_server_exceptions=False).get("/", headers={"Accept-Language": "en"})
    assert answer.headers["Content-Type"] == "application/problem+json"
    said = answer.json()
    assert (answer.status_code, said["code"], said["retryable"]) == (status, code, retryable)
    if job is not None:
        with pytest.raises(Exception, match=r".") as caught:
            act(tmp_path / "again")
        verdict = trouble(caught.value)
        assert (verdict.kind, verdict.code) == job


def test_database_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "db").mkdir()
    with pytest.raises(Exception, match="disk takes nothing more"):
        Database(tmp_path / "db")
