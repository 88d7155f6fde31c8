"""Uploads and jobs over HTTP: acknowledged once they are on the disk, listed, told as they go on, refused."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from app.services import Services
from app.settings import JobSettings, Settings
from app.wiring import build_models
from ingest.settings import IngestSettings
from tests.app.server import serving

LEAVE = b"# Leave\n\nEmployees have 12 days of annual leave.\n"
DOCUMENTS = "/api/collections/handbook/documents"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("jobs"),
        profile="starter",
        demo=False,
        ingest=IngestSettings(max_file_bytes=100_000),
        jobs=JobSettings(parsers=1, upload_idle_s=0.5, uploads_per_owner=2, disk_reserve_bytes=0),
    )
    return Services(settings, build_models=build_models)


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[httpx.Client]:
    with serving(services) as url, httpx.Client(base_url=url, timeout=20) as client:
        yield client


def _files(services: Services) -> set[Path]:
    return {
        path
        for name in ("tmp", "blobs")
        for path in (services.settings.data_dir / name).rglob("*")
        if path.is_file()
    }


def _upload(client: httpx.Client, name: str, data: bytes = LEAVE, **about: str) -> dict[str, object]:
    response = client.post(DOCUMENTS, params={"name": name, **about}, content=data)
    assert response.status_code == 202, response.text
    job: dict[str, object] = response.json()
    assert response.headers["location"] == f"/api/jobs/{job['id']}"
    return job


def _events(
    client: httpx.Client, after: int, enough: Callable[[list[dict[str, object]]], bool]
) -> list[dict[str, object]]:
    """The events of jobs behind an id, until there are enough."""
    found: list[dict[str, object]] = []
    with client.stream("GET", "/api/jobs/events", headers={"Last-Event-ID": str(after)}) as response:
        name = ""
        for line in response.iter_lines():
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: ") and name == "job":
                found.append(json.loads(line.removeprefix("data: ")))
                if enough(found):
                    break
    return found


def test_upload_is_acknowledged_with_its_job_and_ends_as_ready(client: httpx.Client) -> None:
    job = _upload(client, "leave.md")
    assert (job["state"], job["name"], job["collection"], job["report"]) == (
        "stored",
        "leave.md",
        "handbook",
        None,
    )
    events = _events(client, 0, lambda found: found[-1]["state"] == "ready")
    mine = [event["state"] for event in events if event["job_id"] == job["id"]]
    assert mine == [
        "received", "stored", "parsing", "chunking", "embedding", "indexing", "publishing", "ready",
    ]  # fmt: skip
    detail = client.get(f"/api/jobs/{job['id']}").json()
    assert detail["job"]["report"]["status"] == "added"
    assert [attempt["outcome"] for attempt in detail["attempts"]] == ["done", "done"]


def test_events_go_on_behind_the_last_one_that_was_seen(client: httpx.Client) -> None:
    first = _upload(client, "one.md", b"# One\n\nFirst text.\n")
    seen = _events(client, 0, lambda found: any(e["job_id"] == first["id"] for e in found))
    rest = _events(client, int(str(seen[-1]["id"])), lambda found: found[-1]["state"] == "ready")
    assert [event["id"] for event in rest] == list(
        range(int(str(seen[-1]["id"])) + 1, int(str(rest[-1]["id"])) + 1)
    )


def test_waiting_upload_answers_with_the_report(client: httpx.Client) -> None:
    response = client.post(DOCUMENTS, params={"name": "bad.pdf", "wait": "true"}, content=b"%PDF-1.7 no PDF")
    assert response.status_code == 200
    assert (response.json()["status"], response.json()["error"][0]) == ("failed", "damaged")


def test_jobs_are_listed_page_by_page_and_by_what_they_belong_to(client: httpx.Client) -> None:
    for number in range(3):
        _upload(client, f"page-{number}.md", f"# {number}\n\nText {number}.\n".encode(), batch="three")
    first = client.get("/api/jobs", params={"batch": "three", "limit": 2}).json()
    assert [job["name"] for job in first["data"]] == ["page-2.md", "page-1.md"]
    assert sum(first["counts"].values()) == 3
    rest = client.get(
        "/api/jobs", params={"batch": "three", "limit": 2, "cursor": first["next_cursor"]}
    ).json()
    assert ([job["name"] for job in rest["data"]], rest["next_cursor"]) == (["page-0.md"], None)
    assert client.get("/api/jobs", params={"collection": "nothing"}).status_code == 404
    assert client.get("/api/jobs", params={"cursor": "x"}).json()["code"] == "bad_request"
    assert client.get("/api/jobs", params={"state": "sleeping"}).status_code == 422


def test_failed_job_can_be_retried_and_cancelled_and_one_that_is_ready_cannot(client: httpx.Client) -> None:
    client.post(DOCUMENTS, params={"name": "again.pdf", "wait": "true"}, content=b"%PDF-1.7 again")
    (failed,) = (job for job in client.get("/api/jobs").json()["data"] if job["name"] == "again.pdf")
    assert (failed["state"], failed["retryable"]) == ("failed", True)
    assert client.post(f"/api/jobs/{failed['id']}/retry", json={"password": "x"}).json()["state"] == "parsing"
    _events(
        client,
        0,
        lambda found: [e["state"] for e in found if e["job_id"] == failed["id"]].count("failed") == 2,
    )
    cancelled = client.post(f"/api/jobs/{failed['id']}/cancel").json()
    assert (cancelled["state"], cancelled["retryable"]) == ("cancelled", False)
    refused = client.post(f"/api/jobs/{failed['id']}/retry")
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")


def test_unknown_job_is_not_found(client: httpx.Client) -> None:
    for path in ("/api/jobs/x", "/api/jobs/x/cancel", "/api/jobs/x/retry"):
        response = client.request("GET" if path.endswith("/x") else "POST", path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path


def test_file_over_the_limit_is_refused_by_name_and_leaves_nothing(
    client: httpx.Client, services: Services
) -> None:
    before = _files(services)
    response = client.post(DOCUMENTS, params={"name": "big.md"}, content=b"x" * 100_001)
    assert (response.status_code, response.json()["code"]) == (413, "too_large")
    assert "big.md: 100,001 bytes are more than the limit of 100,000" in response.json()["detail"]
    assert client.post(DOCUMENTS, params={"name": "big.md"}, content=b"x" * 200_000).status_code == 413
    assert _files(services) == before


def test_more_uploads_at_once_than_one_may_send_are_told_when_to_come_back(
    client: httpx.Client, services: Services
) -> None:
    service = services.ingestion.service
    with service.receiving(owner="local"), service.receiving(owner="local"):
        response = client.post(DOCUMENTS, params={"name": "third.md"}, content=LEAVE)
    assert (response.status_code, response.json()["code"]) == (429, "too_many_uploads")
    assert (response.headers["retry-after"], response.json()["retryable"]) == ("5", True)


def test_upload_that_breaks_off_or_falls_silent_leaves_nothing(
    client: httpx.Client, services: Services
) -> None:
    before, jobs = _files(services), len(services.ingestion.jobs.page(limit=200))

    def broken() -> Iterator[bytes]:
        yield b"half of it"
        raise ConnectionError

    head = f"POST {DOCUMENTS}?name=silent.md HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf"
    with socket.create_connection((client.base_url.host, client.base_url.port or 0)) as silent:
        silent.sendall(head.encode())
        answer = ""
        while not answer.endswith("}"):
            answer += silent.recv(10_000).decode()
    assert answer.startswith("HTTP/1.1 422")
    assert "silent.md: nothing was sent for 0.5 s; send it again" in answer
    with pytest.raises(ConnectionError):
        client.post(DOCUMENTS, params={"name": "broken.md"}, content=broken())
    deadline = time.monotonic() + 5  # for the server to notice that the client has gone
    while _files(services) != before:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert len(services.ingestion.jobs.page(limit=200)) == jobs


def test_full_disk_is_said_before_anything_is_taken(tmp_path: Path) -> None:
    settings = Settings(
        data_dir=tmp_path, profile="starter", demo=False, jobs=JobSettings(disk_reserve_bytes=10**18)
    )
    with serving(Services(settings, build_models=build_models)) as url:
        response = httpx.post(url + DOCUMENTS, params={"name": "leave.md"}, content=LEAVE)
        assert (response.status_code, response.json()["code"]) == (507, "disk_full")
        assert response.json()["retryable"] is True
        assert httpx.get(f"{url}/api/collections").json() == {"data": []}


def test_collection_name_that_cannot_be_given_is_refused_before_the_file_is_sent(
    client: httpx.Client,
) -> None:
    response = client.post("/api/collections/a~b/documents", params={"name": "a.md"}, content=LEAVE)
    assert (response.status_code, response.json()["code"]) == (422, "bad_request")
