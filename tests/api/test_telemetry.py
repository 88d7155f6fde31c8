"""Request ids, metrics and logs: numbers and ids of ours, never a word of anybody's."""

import io
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

from app.api_settings import LogSettings
from app.cli.logs import JsonLines, Words, configure
from app.main import create_app
from app.services import Services
from tests.api.served import LEAVE, add_key, add_user, fill, served, services_of

CANARY = "Kanarienvogel"


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return services_of(tmp_path_factory.mktemp("telemetry"))


@pytest.fixture(scope="module")
def api(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = create_app(services)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        fill(services, tmp_path_factory.mktemp("files"))
        yield client


def _metrics(api: TestClient) -> dict[str, Metric]:
    return {each.name: each for each in text_string_to_metric_families(api.get("/metrics").text)}


def _value(metrics: dict[str, Metric], name: str, **labels: str) -> float:
    samples = [s.value for metric in metrics.values() for s in metric.samples
               if s.name == name and labels.items() <= s.labels.items()]  # fmt: skip
    return sum(samples)


@pytest.mark.parametrize("given", ["a", "Trace-1.2_3", "f" * 100])
def test_request_id_of_the_caller_comes_back(api: TestClient, given: str) -> None:
    assert api.get("/healthz", headers={"X-Request-ID": given}).headers["x-request-id"] == given
    problem = api.get("/api/nothing", headers={"X-Request-ID": given})
    assert (problem.headers["x-request-id"], problem.json()["request_id"]) == (given, given)


@pytest.mark.parametrize("given", ["", " ", "a b", "-a", "f" * 101, "a\tb", "<script>", "a\u00e9"])
def test_request_id_that_is_none_is_replaced(api: TestClient, given: str) -> None:
    answer = api.get("/healthz", headers={b"X-Request-ID": given.encode("latin-1")})
    assert len(answer.headers["x-request-id"]) == 32
    assert answer.headers["x-request-id"] != api.get("/healthz").headers["x-request-id"]


def test_metrics_count_what_was_asked_by_stage_and_outcome(api: TestClient) -> None:
    before = _metrics(api)
    body = {"model": "touchstone", "messages": [{"role": "user", "content": LEAVE}]}
    assert api.post("/v1/chat/completions", json=body).status_code == 200
    after = _metrics(api)

    def more(name: str, **labels: str) -> float:
        return _value(after, name, **labels) - _value(before, name, **labels)

    assert more("touchstone_answers_total", outcome="answered") == 1
    for stage in ("understand", "embed", "vector", "lexical", "recall", "rerank", "generate", "total"):
        assert more("touchstone_stage_seconds_count", stage=stage) == 1
        assert more("touchstone_stage_seconds_sum", stage=stage) > 0
    assert more("touchstone_http_requests_total", route="/v1/chat/completions", status="200") == 1
    assert more("touchstone_http_request_seconds_count", route="/v1/chat/completions") == 1
    assert more("touchstone_tokens_total", role="prompt") > 10


def test_metrics_tell_the_state_of_gates_jobs_breaker_and_models(api: TestClient) -> None:
    found = _metrics(api)
    gates = {sample.labels["gate"] for sample in found["touchstone_gate_places"].samples}
    assert gates >= {"answer", "rerank-api", "write", "preview", "embed"}
    assert _value(found, "touchstone_gate_places", gate="answer") == 10
    assert _value(found, "touchstone_gate_inside", gate="answer") == 0
    assert _value(found, "touchstone_breaker_state", state="closed") == 1
    assert _value(found, "touchstone_breaker_state", state="open") == 0
    assert _value(found, "touchstone_jobs", state="ready") == 2
    assert _value(found, "touchstone_documents") == 2
    assert _value(found, "touchstone_ready") == 1
    assert _value(found, "touchstone_disk_free_bytes") > 0
    assert _value(found, "process_cpu_seconds_total") > 0
    (models,) = found["touchstone_models"].samples
    assert models.labels["profile"] == "starter"


def test_metrics_count_files_that_were_not_taken(api: TestClient) -> None:
    before = _value(_metrics(api), "touchstone_uploads_rejected_total", code="bad_request")
    assert api.post("/api/collections/%20/documents?name=a.md", content=b"x").status_code == 422
    after = _metrics(api)
    rejected = [s for s in after["touchstone_uploads_rejected"].samples if s.name.endswith("_total")]
    assert sum(s.value for s in rejected) == before + 1


def test_metrics_are_openmetrics_where_that_is_asked_for(api: TestClient) -> None:
    accept = "application/openmetrics-text; version=1.0.0"
    answer = api.get("/metrics", headers={"Accept": accept})
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    names = [each.name for each in read_openmetrics(answer.text)]  # type: ignore[no-untyped-call]
    assert "touchstone_stage_seconds" in names
    assert len(names) == len(set(names))


def test_labels_hold_no_word_of_anybody(api: TestClient) -> None:
    api.post("/api/collections", json={"name": CANARY})
    api.get(f"/api/collections/{CANARY}")
    api.get(f"/{CANARY}")
    api.request(CANARY.upper(), "/healthz")
    api.post("/api/ask", json={"question": f"What is {CANARY}?", "collection": CANARY})
    api.post("/v1/rerank", json={"query": CANARY, "documents": [CANARY]})
    text = api.get("/metrics").text
    assert CANARY.lower() not in text.lower()
    assert "handbook" not in text


@pytest.mark.parametrize("form", ["json", "text"])
def test_log_never_shows_keys_cookies_questions_or_names(tmp_path: Path, form: str) -> None:
    written = io.StringIO()
    root, level = logging.getLogger(), logging.getLogger().level
    handlers = list(root.handlers)
    services = services_of(tmp_path / "data", access={"mode": "accounts"}, log={"requests": True})
    configure(LogSettings.model_validate({"format": form, "requests": True}), written)
    try:
        with served(services, tmp_path) as url:
            user = add_user(services, "anna", "editor", {"handbook": "read"})
            key = add_key(services, user, ["chat", "search", "ingest", "rerank"])
            _make_noise(url, key)
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.getLogger("touchstone.requests").setLevel(logging.NOTSET)
    text = written.getvalue()
    lines = text.strip().splitlines()
    assert sum("/v1/chat/completions" in line for line in lines) >= 2
    assert "/api/collections/{collection}" in text
    assert user in text
    for secret in (key, key[13:], CANARY, CANARY.lower(), "session-of-somebody", "handbook"):
        assert secret not in text
    if form == "json":
        told = [json.loads(line) for line in lines]
        requests: list[dict[str, Any]] = [line for line in told if line["event"] == "request"]
        assert {line["status"] for line in requests} >= {200, 400, 401, 404}
        assert all(line["ms"] >= 0 and line["request_id"] for line in requests)


def _make_noise(url: str, key: str) -> None:
    """Requests of every kind of end, with secrets and words at every place."""
    ours = {"x-api-key": key}
    asked = {"model": "touchstone", "messages": [{"role": "user", "content": f"{CANARY}? {LEAVE}"}]}
    with httpx.Client(base_url=url, trust_env=False) as http:
        http.post("/v1/chat/completions", json=asked, headers=ours)
        http.post("/v1/chat/completions", json={**asked, "stream": True}, headers=ours)
        http.post("/v1/chat/completions", json={**asked, CANARY: CANARY}, headers=ours)
        http.post("/v1/chat/completions", json={**asked, "model": CANARY}, headers=ours)
        http.get(f"/api/collections/{CANARY}", headers=ours)
        http.get(f"/{CANARY}?q={CANARY}", headers=ours)
        http.post(f"/api/collections/{CANARY}/documents?name={CANARY}.md", content=CANARY, headers=ours)
        http.get("/api/status", headers={"Cookie": f"sid=session-of-somebody; x={CANARY}"})
        http.get("/api/status", headers={"Authorization": f"Bearer {CANARY}"})
        http.post("/login", data={"username": CANARY, "password": CANARY}, headers={"Origin": url})
        http.get("/healthz", headers={"X-Request-ID": f"{CANARY} {CANARY}"})


def _logged(formatter: logging.Formatter, *args: object, error: Exception | None = None) -> str:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("app.x", logging.ERROR, "x.py", 1, "%d jobs of %s failed: %s", args, info)
    return formatter.format(record)


def test_line_of_json_tells_an_error_by_type_and_place_without_its_words() -> None:
    try:
        raise ValueError(CANARY)
    except ValueError as raised:
        line = json.loads(_logged(JsonLines(), 3, "ab12cd34", raised, error=raised))
        words = _logged(Words(), 3, "ab12cd34", "why", error=raised)
    assert (line["event"], line["level"]) == ("%d jobs of %s failed: %s", "error")
    assert line["values"] == [3, "ab12cd34", "<ValueError>"]
    assert line["error"] == "ValueError"
    assert "test_line_of_json" in line["at"][0]
    assert CANARY not in json.dumps(line)
    assert words.startswith("3 jobs of ab12cd34 failed: why\nTraceback")
