"""Knowledge bases over HTTP: listed, made, instructed, reindexed and deleted, with walls around it all."""

import json
import re
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.models import Models
from app.services import Services
from app.settings import Settings
from app.wiring import build_models
from retrieval.protocols import SoftStatistics, Vectors
from tests.app.server import serving
from tests.fakes.hashing import HashingEmbedder

LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"
SLASHED = "HR/Policies"


def _settings(folder: Path) -> Settings:
    return Settings(data_dir=folder, profile="starter", demo=False)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return Services(_settings(tmp_path_factory.mktemp("kept")), build_models=build_models)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(
        create_app(services), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        yield client


def _add(services: Services, folder: Path, collection: str, *names: str) -> None:
    for name in names:
        (folder / name).write_text(f"{LEAVE}\nSee {name}.\n", encoding="utf-8")
    services.ingest([(folder / name, name) for name in names], collection)


def _path(collection: str, rest: str = "") -> str:
    return f"/api/collections/{collection.replace('/', '%2F')}{rest}"


def _names(client: TestClient) -> list[str]:
    return [each["name"] for each in client.get("/api/collections").json()["data"]]


def _events(text: str) -> list[tuple[str, dict[str, object]]]:
    blocks = (dict(line.split(": ", 1) for line in block.split("\n")) for block in text.strip().split("\n\n"))
    return [(block["event"], json.loads(block["data"])) for block in blocks if "event" in block]


@pytest.mark.parametrize("name", ["made", SLASHED, "知识库 1", "a?b#c", "..."])
def test_collection_is_made_shown_and_deleted_under_any_name_it_may_have(
    client: TestClient, name: str
) -> None:
    made = client.post("/api/collections", json={"name": name, "instruction": "Prefer numbers"}).json()
    assert (made["name"], made["documents"], made["instruction"]) == (name, 0, "Prefer numbers")
    again = client.post("/api/collections", json={"name": name}).json()
    assert again == made
    url = httpx.URL("http://localhost").join(f"/api/collections/{_quoted(name)}")
    assert client.get(str(url)).json() == made
    assert name in _names(client)
    assert client.delete(str(url)).json() == made
    assert client.get(str(url)).status_code == 404
    assert name not in _names(client)


def _quoted(name: str) -> str:
    return "".join(f"%{byte:02X}" for byte in name.encode())


@pytest.mark.parametrize("collection", ["handbook", SLASHED])
def test_documents_are_listed_and_deleted(
    client: TestClient, services: Services, tmp_path: Path, collection: str
) -> None:
    _add(services, tmp_path, collection, "a.md", "b.md")
    listed = client.get(_path(collection, "/documents")).json()["data"]
    assert [(row["collection"], row["name"], row["version"]) for row in listed] == [
        (collection, "a.md", 1),
        (collection, "b.md", 1),
    ]
    gone = client.delete(_path(collection, "/documents"), params={"name": "a.md"})
    assert (gone.status_code, gone.json()["id"]) == (200, listed[0]["id"])
    assert [row["name"] for row in client.get(_path(collection, "/documents")).json()["data"]] == ["b.md"]
    again = client.delete(_path(collection, "/documents"), params={"name": "a.md"})
    assert (again.status_code, again.json()["code"]) == (404, "not_found")
    assert client.delete(_path(collection)).json()["documents"] == 1


def test_instructions_are_set_listed_and_restored(client: TestClient) -> None:
    client.post("/api/collections", json={"name": "steered"})
    path = _path("steered", "/instructions")
    assert client.get(path).json() == {"data": []}
    assert client.post(path, json={"instruction": "prefer statutes", "note": "first"}).json() == {
        "version": 1
    }
    assert client.post(path, json={"instruction": ""}).json() == {"version": 2}
    assert client.post(f"{path}/1/restore").json() == {"version": 3}
    kept = client.get(path).json()["data"]
    assert [(each["version"], each["instruction"], each["note"]) for each in kept] == [
        (1, "prefer statutes", "first"),
        (2, "", ""),
        (3, "prefer statutes", "version 1 restored"),
    ]
    assert client.get(_path("steered")).json()["instruction"] == "prefer statutes"
    refused = client.post(f"{path}/9/restore")
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found")
    assert "version 9 does not exist (there is: 1 to 3)" in refused.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/api/collections", {"name": ""}, 422, "invalid"),
        ("POST", "/api/collections", {"name": "x" * 101}, 422, "invalid"),
        ("POST", "/api/collections", {"name": " x"}, 422, "bad_request"),
        ("POST", "/api/collections", {"name": "x~reindexing"}, 422, "bad_request"),
        ("POST", "/api/collections", {"name": ".."}, 422, "bad_request"),
        ("POST", "/api/collections", {"name": "x", "colour": "red"}, 422, "invalid"),
        ("POST", "/api/collections", {"name": "x", "instruction": "y" * 2001}, 422, "invalid"),
        ("POST", "/api/collections", [], 422, "invalid"),
        ("POST", "/api/collections/nothing/instructions", {"instruction": "y"}, 404, "not_found"),
        ("POST", "/api/collections/nothing/instructions", {"instruction": 7}, 422, "invalid"),
        ("POST", "/api/collections/nothing/instructions/x/restore", None, 422, "invalid"),
        ("POST", "/api/collections/nothing/reindex", None, 404, "not_found"),
        ("GET", "/api/collections/nothing", None, 404, "not_found"),
        ("GET", "/api/collections/nothing/documents", None, 404, "not_found"),
        ("GET", "/api/collections/nothing/instructions", None, 404, "not_found"),
        ("DELETE", "/api/collections/nothing", None, 404, "not_found"),
        ("DELETE", "/api/collections/nothing/documents", None, 422, "invalid"),
        ("DELETE", "/api/collections/nothing/documents?name=a", None, 404, "not_found"),
    ],
)
def test_what_cannot_be_done_is_a_problem_that_says_why(
    client: TestClient, method: str, path: str, body: object, status: int, code: str
) -> None:
    response = client.request(method, path, json=body)
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["code"], problem["retryable"]) == (status, code, False)
    assert problem["detail"]


def test_lone_surrogates_are_refused(client: TestClient) -> None:
    for path in ("/api/collections", "/api/collections/x/instructions"):
        raw = b'{"name": "a\\ud800", "instruction": "b\\udc00"}'
        response = client.post(path, content=raw, headers={"Content-Type": "application/json"})
        assert response.status_code == 422


FOREIGN = [
    ({"Sec-Fetch-Site": "cross-site"}, 403),
    ({"Sec-Fetch-Site": "same-site"}, 403),
    ({"Origin": "http://evil.example"}, 403),
    ({"Cookie": "touchstone_language=en"}, 403),
    ({"Host": "evil.example"}, 421),
]


def _changing_routes(client: TestClient) -> set[tuple[str, str]]:
    """Method and address of every route that may change something, with a value for each part of the path."""
    values = {"collection": "walled", "version": "1"}
    return {
        (method.upper(), re.sub(r"\{(\w+)\}", lambda part: values.get(part[1], "0"), path))
        for path, methods in client.get("/openapi.json").json()["paths"].items()
        for method in methods
        if method != "get"
    }


@pytest.mark.parametrize(("headers", "status"), FOREIGN)
def test_no_other_website_changes_anything(client: TestClient, headers: dict[str, str], status: int) -> None:
    client.post("/api/collections", json={"name": "walled", "instruction": "first"})
    before = client.get("/api/collections").json()
    tried = _changing_routes(client)
    for method, path in sorted(tried):
        body = {"name": "other", "instruction": "other"}
        response = client.request(method, path, params={"name": "a.md"}, json=body, headers=headers)
        assert response.status_code == status, (method, path)
    assert client.get("/api/collections").json() == before
    assert tried >= {
        ("POST", "/api/collections"),
        ("DELETE", "/api/collections/walled"),
        ("DELETE", "/api/collections/walled/documents"),
        ("POST", "/api/collections/walled/instructions"),
        ("POST", "/api/collections/walled/instructions/1/restore"),
        ("POST", "/api/collections/walled/reindex"),
        ("POST", "/api/checkup"),
    }


def test_reindex_tells_its_steps_and_each_file(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    _add(services, tmp_path, SLASHED, "a.md", "b.md")
    response = client.post(_path(SLASHED, "/reindex"))
    assert response.headers["content-type"].startswith("text/event-stream")
    events = _events(response.text)
    assert events[0] == ("queued", {"position": 0})
    reports = [data for name, data in events if name == "report"]
    assert sorted((str(each["name"]), str(each["status"])) for each in reports) == [
        ("a.md", "reindexed"),
        ("b.md", "reindexed"),
    ]
    assert events[-1] == ("done", {"files": 2})
    assert client.get(_path(SLASHED)).json()["documents"] == 2


def test_checkup_finds_everything_in_order(client: TestClient) -> None:
    checks = client.post("/api/checkup").json()["data"]
    assert [each["sentence"].split()[0] for each in checks[:2]] == ["disk:", "database:"]
    assert all(each["fine"] for each in checks)
    assert any("known-answer pairs right" in each["sentence"] for each in checks)


def test_what_needs_models_says_so_while_they_load_and_the_rest_works(tmp_path: Path) -> None:
    services = Services(_settings(tmp_path), build_models=build_models)
    client = TestClient(create_app(services), base_url="http://localhost")  # not entered: nothing loads
    assert client.post("/api/collections", json={"name": "early"}).status_code == 200
    assert client.get("/api/collections/early/documents").json() == {"data": [], "next_cursor": None}
    for method, path in (
        ("DELETE", "/api/collections/early"),
        ("DELETE", "/api/collections/early/documents?name=a"),
        ("POST", "/api/collections/early/reindex"),
    ):
        response = client.request(method, path)
        assert (response.status_code, response.json()["code"]) == (503, "not_ready")
        assert response.headers["retry-after"] == "2"
    checks = client.post("/api/checkup").json()["data"]
    assert [each["fine"] for each in checks][-1] is False
    assert "Touchstone is loading" in checks[-1]["sentence"]
    services.close()


class PatientEmbedder(HashingEmbedder):
    """Once held, embeds passages only after it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.free, self.entered = threading.Event(), threading.Event()
        self.free.set()

    def embed_passages(self, texts: Sequence[str]) -> Vectors:
        self.entered.set()
        assert self.free.wait(30)
        return super().embed_passages(texts)


def _reindexes(client: httpx.Client) -> list[str]:
    listed = client.get("/api/jobs", params={"collection": "x"}).json()["data"]
    return [job["state"] for job in listed if job["kind"] == "reindex"]


def test_reader_who_leaves_a_reindex_leaves_the_old_index(tmp_path: Path) -> None:
    embedder = PatientEmbedder()

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), embedder=embedder)

    services = Services(_settings(tmp_path / "data"), build_models=build)
    with ExitStack() as stack:
        url = stack.enter_context(serving(services))
        stack.callback(embedder.free.set)
        client = stack.enter_context(httpx.Client(base_url=url, trust_env=False))
        _add(services, tmp_path, "x", "a.md")
        before = client.get("/api/collections/x/documents").json()
        with services.database.transaction() as connection:  # so that there is something to embed again
            connection.execute("UPDATE version SET embedder = 'other-model'")
        embedder.free.clear()
        embedder.entered.clear()
        with client.stream("POST", "/api/collections/x/reindex") as response:
            assert response.status_code == 200
            assert embedder.entered.wait(20)
        deadline = time.monotonic() + 20
        while _reindexes(client) != ["cancelled"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        embedder.free.set()
        assert client.get("/api/collections/x/documents").json() == before
        events = _events(client.post("/api/collections/x/reindex", timeout=30).text)
        assert events[-1] == ("done", {"files": 1})
        assert sorted(_reindexes(client)) == ["cancelled", "ready"]
