"""A request that is sent again with its Idempotency-Key does its work once, on real storage."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from app.access.rules import RULES
from app.api.idempotency import ROUTES, SECRETS
from app.main import create_app
from app.services import Services
from app.storage.database import Database
from app.storage.idempotency import Answered, IdempotencyKeys
from tests.api.served import HANDBOOK, PASSWORD, add_key, add_user, fill, served, services_of

FILE = HANDBOOK.encode()
UPLOAD = "/api/collections/new/documents"


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return services_of(tmp_path / "data")


@pytest.fixture
def api(services: Services) -> Iterator[TestClient]:
    with TestClient(create_app(services), base_url="http://localhost") as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        yield client


def _key(word: str) -> dict[str, str]:
    return {"Idempotency-Key": word}


def _jobs(services: Services) -> int:
    return sum(services.ingestion.service.jobs.counts().values())


def test_upload_sent_twice_is_one_job_with_one_answer(api: TestClient, services: Services) -> None:
    first = api.post(UPLOAD, params={"name": "a.md"}, content=FILE, headers=_key("k-1"))
    again = api.post(UPLOAD, params={"name": "a.md"}, content=FILE, headers=_key("k-1"))
    assert (first.status_code, again.status_code) == (202, 202)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert _jobs(services) == 1


def test_quoted_key_is_the_same_key(api: TestClient, services: Services) -> None:
    for given in ("k-2", '"k-2"'):
        api.post(UPLOAD, params={"name": "a.md"}, content=FILE, headers=_key(given))
    assert _jobs(services) == 1


@pytest.mark.parametrize(
    ("path", "name", "content"),
    [
        (UPLOAD, "a.md", FILE + b"more"),
        (UPLOAD, "b.md", FILE),
        ("/api/collections/other/documents", "a.md", FILE),
    ],
)
def test_key_of_another_request_is_refused(
    api: TestClient, services: Services, path: str, name: str, content: bytes
) -> None:
    api.post(UPLOAD, params={"name": "a.md"}, content=FILE, headers=_key("k"))
    other = api.post(path, params={"name": name}, content=content, headers=_key("k"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert _jobs(services) == 1


def test_refused_request_frees_its_key(api: TestClient, services: Services) -> None:
    body = {"name": "new", "instruction": "x" * 3_000}
    assert api.post("/api/collections", json=body, headers=_key("k")).status_code == 422
    made = api.post("/api/collections", json={"name": "new"}, headers=_key("k"))
    assert made.is_success
    assert "idempotent-replayed" not in made.headers
    again = api.post("/api/collections", json={"name": "new"}, headers=_key("k"))
    assert (again.headers["idempotent-replayed"], again.json()) == ("true", made.json())


def test_question_sent_twice_is_asked_once(api: TestClient, services: Services, tmp_path: Path) -> None:
    fill(services, tmp_path)
    made = [api.post("/api/conversations", json={}, headers=_key("talk")) for _ in range(2)]
    assert made[0].json() == made[1].json()
    assert made[0].headers["etag"] == made[1].headers["etag"]
    where = f"{made[0].headers['location']}/messages"
    asked = [api.post(where, json={"question": "What?"}, headers=_key("ask")) for _ in range(2)]
    assert [each.status_code for each in asked] == [202, 202]
    assert asked[0].json() == asked[1].json()
    assert len(api.get(where).json()["data"]) == 1
    assert len(api.get("/api/conversations").json()["data"]) == 1


@pytest.mark.parametrize("key", ["", "two words", "k" * 256, '"', "schl\u00fcssel"])
def test_key_that_is_none_is_refused(api: TestClient, key: str) -> None:
    headers = {b"Idempotency-Key": key.encode()}
    refused = api.post("/api/collections", json={"name": "new"}, headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_parameter")
    assert api.get("/api/collections").json()["data"] == []


def test_header_means_nothing_where_nothing_is_made(api: TestClient) -> None:
    for _ in range(2):
        answer = api.post("/v1/rerank", json={"query": "q", "documents": ["d"]}, headers=_key("k"))
        assert answer.status_code == 200
        assert "idempotent-replayed" not in answer.headers


def test_first_request_that_still_runs_is_a_conflict(tmp_path: Path) -> None:
    services = services_of(tmp_path / "data")
    began, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[bytes]:
        yield FILE[:10]
        began.set()
        go_on.wait(20)
        yield FILE[10:]

    with served(services, tmp_path) as url, httpx.Client(base_url=url, trust_env=False) as http:
        answers: list[httpx.Response] = []

        def send(content: Iterator[bytes] | bytes) -> None:
            answers.append(http.post(UPLOAD, params={"name": "a.md"}, content=content, headers=_key("k")))

        first = threading.Thread(target=send, args=(slow(),))
        first.start()
        assert began.wait(10)
        taken = services.database.connection().execute
        while not taken("SELECT count(*) FROM idempotency").fetchone()[0]:
            time.sleep(0.01)
        send(FILE)
        go_on.set()
        first.join()
        send(FILE)
    running, whole, again = answers
    assert (running.status_code, running.json()["code"], running.json()["retryable"]) == (
        409,
        "still_running",
        True,
    )
    assert (whole.status_code, again.headers["idempotent-replayed"]) == (202, "true")
    assert whole.json()["id"] == again.json()["id"]


def test_key_belongs_to_whoever_sent_it(tmp_path: Path) -> None:
    services = services_of(tmp_path / "data", access={"mode": "accounts"})
    with served(services, tmp_path) as url:
        secrets = []
        for name in ("anna", "ben"):
            user = add_user(services, name, "editor", {"handbook": "write"})
            secrets += [add_key(services, user, ["ingest"]) for _ in range(2)]
        jobs = set()
        for secret in secrets:
            answer = httpx.post(
                f"{url}/api/collections/handbook/documents",
                params={"name": "a.md"},
                content=FILE,
                headers={"x-api-key": secret, **_key("k")},
                trust_env=False,
            )
            assert "idempotent-replayed" not in answer.headers
            jobs.add(answer.json()["id"])
    assert len(jobs) == 4


def test_secret_of_a_key_is_never_written_down(tmp_path: Path) -> None:
    services = services_of(tmp_path / "data", access={"mode": "accounts"})
    with served(services, tmp_path) as url, httpx.Client(base_url=url, trust_env=False) as http:
        add_user(services, "anna", "viewer", {"handbook": "read"})
        form = {"username": "anna", "password": PASSWORD}
        page = http.post("/login", data=form, headers={"Origin": url})
        assert page.status_code in (200, 303)
        headers = {**_key("k"), "Origin": url}
        body = {"name": "script", "uses": ["chat"]}
        made, again = (http.post("/api/keys", json=body, headers=headers) for _ in range(2))
        assert made.status_code == 201
        kept = services.database.connection().execute("SELECT body FROM idempotency").fetchone()["body"]
    secret = made.json()["secret"]
    assert len(secret) > 40
    assert secret.encode() not in kept
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == {**made.json(), "secret": ""}


def _records(folder: Path, now: Callable[[], datetime]) -> IdempotencyKeys:
    return IdempotencyKeys(Database(folder / "db.sqlite3"), now=now)


def test_answer_is_kept_for_a_day(tmp_path: Path) -> None:
    at = [datetime(2026, 3, 1, tzinfo=UTC)]
    records = _records(tmp_path, lambda: at[0])
    answered = Answered("digest", 201, {"location": "/api/jobs/1"}, b"{}")
    assert records.begin("anna", "k") is True
    assert records.begin("anna", "k") is False
    records.finish("anna", "k", answered)
    at[0] += timedelta(hours=23, minutes=59)
    assert records.begin("anna", "k") == answered
    records.forget("anna", "k")
    assert records.begin("anna", "k") == answered
    at[0] += timedelta(minutes=2)
    assert records.begin("anna", "k") is True


def test_request_that_was_interrupted_frees_its_key_at_the_next_start(tmp_path: Path) -> None:
    records = _records(tmp_path, lambda: datetime(2026, 3, 1, tzinfo=UTC))
    records.begin("anna", "running")
    records.begin("anna", "done")
    records.finish("anna", "done", Answered("d", 200, {}, b"{}"))
    records.forget_interrupted()
    assert records.begin("anna", "running") is True
    assert isinstance(records.begin("anna", "done"), Answered)


def test_every_route_of_the_table_is_one_that_posts() -> None:
    assert {("POST", route) for route in ROUTES} <= set(RULES)
    assert set(SECRETS) <= set(ROUTES)


def test_document_of_the_api_names_the_header_where_it_is_honoured(api: TestClient) -> None:
    document = json.loads(api.get("/openapi.json").content)
    named = {
        path
        for path, item in document["paths"].items()
        for each in item.get("post", {}).get("parameters", ())
        if each["name"] == "Idempotency-Key"
    }
    assert named == set(ROUTES)
