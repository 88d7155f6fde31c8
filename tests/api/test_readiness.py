"""``/readyz`` names what is in the way, on real storage."""

import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.services import Services
from app.starting import State
from rerank.types import Judgement
from tests.api.served import services_of


def _entered(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), base_url="http://localhost") as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        yield client


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_of(tmp_path / "data", database_busy_s=1.0)


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    yield from _entered(services)


def _failing(api: TestClient) -> tuple[int, list[str]]:
    answer = api.get("/readyz")
    checks = answer.json()["checks"]
    return answer.status_code, [each["name"] for each in checks if each["needed"] and not each["ok"]]


def test_instance_that_can_do_its_work_is_ready(api: TestClient) -> None:
    answer = api.get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["detail"]) == ("ready", "")
    names = [each["name"] for each in answer.json()["checks"]]
    assert names == ["started", "models", "index", "database", "disk", "reranker"]
    assert all(each["ok"] for each in answer.json()["checks"])


def test_database_that_another_process_locks_is_named_and_comes_back(
    api: TestClient, services: Services
) -> None:
    other = sqlite3.connect(services.settings.data_dir / "touchstone.sqlite3", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = time.perf_counter()
    assert _failing(api) == (503, ["database"])
    assert time.perf_counter() - began < 1.0
    assert api.get("/healthz").status_code == 200
    other.execute("ROLLBACK")
    other.close()
    assert _failing(api) == (200, [])


def test_own_transaction_does_not_make_it_unready(api: TestClient, services: Services) -> None:
    began, end = threading.Event(), threading.Event()

    def write() -> None:
        with services.database.transaction():
            began.set()
            end.wait(10)

    writer = threading.Thread(target=write)
    writer.start()
    assert began.wait(10)
    assert _failing(api) == (200, [])
    end.set()
    writer.join()


def test_disk_below_its_reserve_is_named(tmp_path: Path) -> None:
    services = services_of(tmp_path / "data", jobs={"disk_reserve_bytes": 2**60})
    for api in _entered(services):
        assert _failing(api) == (503, ["disk"])
        assert api.get("/readyz").json()["detail"] == "disk"


def test_instance_that_never_loaded_names_models_and_index(services: Services) -> None:
    app = create_app(services)
    assert _failing(TestClient(app, base_url="http://localhost")) == (503, ["started", "models", "index"])
    services.close()


def test_open_breaker_is_told_and_does_not_take_the_instance_away(
    api: TestClient, services: Services
) -> None:
    reranker = services.models.reranker
    for _ in range(services.settings.rerank.breaker_failures):
        judged: Judgement = reranker.judge("q", ["p"], "", timeout_s=0.0)
        assert judged.identity == ""
    assert _failing(api) == (200, [])
    told = api.get("/readyz").json()["checks"][-1]
    assert (told["name"], told["ok"], told["needed"], told["detail"]) == ("reranker", False, False, "open")


@pytest.mark.parametrize(("mode", "told"), [("single", True), ("accounts", False)])
def test_why_starting_failed_is_told_to_nobody_who_has_not_signed_in(
    tmp_path: Path, mode: str, told: bool
) -> None:
    services = services_of(tmp_path / "data", access={"mode": mode})

    def fail(*, demo: bool = False) -> None:
        services.state = State("failed", f"{tmp_path} cannot be read")

    services.load = fail  # type: ignore[method-assign]
    with TestClient(create_app(services), base_url="http://localhost") as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        answer = client.get("/readyz")
    assert answer.status_code == 503
    assert (str(tmp_path) in answer.text) == told
