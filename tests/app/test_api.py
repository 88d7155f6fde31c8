"""The HTTP interface on real services; see /api/ask's events and every problem it can answer with."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.wiring import build_models

TEXT = """# Handbook

## Annual leave

Employees have 12 days of annual leave. Leave is requested in the portal at least five working days ahead,
and the team lead answers within two working days. Days that are not used by March of the next year are lost.

## Expenses

Invoices are stamped with the invoice seal. Expenses are paid within 10 working days after the finance team
has checked the claim. Claims older than 90 days need the approval of the department head before payment.
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("api"), profile="starter", demo=False)
    services = Services(settings, build_models=build_models)
    with TestClient(create_app(services), base_url="http://localhost") as client:
        while services.state.name == "loading":
            pass
        path = tmp_path_factory.mktemp("files") / "handbook.md"
        path.write_text(TEXT, encoding="utf-8")
        services.ingest([(path, "handbook.md")], "handbook")
        yield client


def _events(client: TestClient, body: dict[str, object]) -> list[tuple[str, dict[str, object]]]:
    response = client.post("/api/ask", json=body)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    events = []
    for block in response.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        events.append((fields["event"], json.loads(fields["data"])))
    return events


def test_question_streams_stages_sources_text_and_answer(client: TestClient) -> None:
    events = _events(
        client, {"question": "How many days of annual leave do employees have?", "collection": "handbook"}
    )
    names = [name for name, _ in events]
    assert names[0] == "queued"
    assert names[-1] == "answer"
    assert names.index("sources") < names.index("delta")
    answer = events[-1][1]
    assert "12 days" in str(answer["answer"])
    assert answer["outcome"] == "answered"


def test_follow_up_is_read_with_the_conversation(client: TestClient) -> None:
    before = {"question": "How many days of annual leave do employees have?", "answer": "12 days. [1]"}
    body: dict[str, object] = {"question": "And how does it work?", "collection": "handbook"}
    alone = _events(client, body)[-1][1]
    assert alone["outcome"] == "abstained"
    answer = _events(client, {**body, "history": [before]})[-1][1]
    assert answer["outcome"] == "answered"
    assert "annual leave" in str(answer["answer"]).casefold()
    assert "follow_up_completed" in str(answer["notices"])


def test_conversation_longer_than_is_read_is_refused(client: TestClient) -> None:
    history = [{"question": "q", "answer": ""}] * 7
    response = client.post("/api/ask", json={"question": "And then?", "history": history})
    assert response.status_code == 422
    assert "history" in response.text


def test_notices_are_said_in_the_readers_language(client: TestClient) -> None:
    body = {"question": "How many days of annual leave do employees have?", "rerank": False}
    response = client.post("/api/ask", json=body, headers={"Accept-Language": "zh-CN"})
    assert "重排" in response.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": ""}, 422, "invalid"),
        ({"question": "   "}, 422, "bad_request"),
        ({"question": "a" * 2001}, 422, "invalid"),
        ({"question": "leave", "collection": "nothing"}, 404, "not_found"),
        ({"question": "leave", "unknown": 1}, 422, "invalid"),
        ({"question": "leave", "top_k": 0}, 422, "invalid"),
        ({"question": 7}, 422, "invalid"),
        ([], 422, "invalid"),
    ],
)
def test_unusable_question_is_a_problem_that_says_why(
    client: TestClient, body: object, status: int, code: str
) -> None:
    response = client.post("/api/ask", json=body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["retryable"]) == (status, code, False)
    assert problem["detail"]


def test_lone_surrogates_and_control_characters_are_no_server_error(client: TestClient) -> None:
    raw = b'{"question": "leave \\ud800 \\u0000 \\u202e days"}'
    response = client.post("/api/ask", content=raw, headers={"Content-Type": "application/json"})
    assert response.status_code in (200, 422)
    assert b'"internal"' not in response.content


def test_body_over_the_limit_is_refused(client: TestClient) -> None:
    assert client.post("/api/ask", json={"question": "a", "instruction": "b" * 100_000}).status_code == 413


def test_chunk_shows_its_text_and_neighbours(client: TestClient) -> None:
    answer = _events(client, {"question": "How many days of annual leave do employees have?"})[-1][1]
    citations = answer["citations"]
    assert isinstance(citations, list)
    chunk = client.get(f"/api/chunks/{citations[0]['chunk_id']}").json()
    assert citations[0]["quote"] in chunk["text"]
    assert chunk["document"] == "handbook.md"


def test_unknown_chunk_is_not_found(client: TestClient) -> None:
    response = client.get("/api/chunks/0:0:0")
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


def test_status_names_profile_models_and_counts(client: TestClient) -> None:
    status = client.get("/api/status").json()
    assert (status["ready"], status["profile"], status["documents"]) == (True, "starter", 1)
    assert status["models"]["reranker"]
    assert status["profile_reason"]


def test_collections_are_listed(client: TestClient) -> None:
    assert [each["name"] for each in client.get("/api/collections").json()["data"]] == ["handbook"]


def test_no_examples_without_the_demo(client: TestClient) -> None:
    assert client.get("/api/examples").json() == {"data": []}


def test_health_and_readiness(client: TestClient) -> None:
    assert client.get("/healthz").json() == {"status": "ok"}
    assert client.get("/readyz").status_code == 200


def test_request_from_another_website_is_refused(client: TestClient) -> None:
    response = client.post("/api/ask", json={"question": "leave"}, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


def test_question_while_models_load_is_told_when_to_come_back(tmp_path: Path) -> None:
    services = Services(Settings(data_dir=tmp_path, profile="starter", demo=False), build_models=build_models)
    services.collections.create("empty")
    client = TestClient(
        create_app(services), base_url="http://localhost"
    )  # not entered: loading has not begun
    response = client.post("/api/ask", json={"question": "leave"})
    assert (response.status_code, response.json()["code"]) == (503, "not_ready")
    assert response.headers["retry-after"] == "2"
    assert response.json()["retryable"] is True
    services.close()
