"""Requests that are malformed on purpose: paths, headers, ranges, depth and size."""

import json

import pytest
from fastapi.testclient import TestClient

from app.errors import BadRequest
from app.web.assets import Assets

WORDS = {"question": "pump?", "collection": "lines"}


@pytest.mark.parametrize(
    "path",
    [
        "../app/main.py",
        "..%2f..%2fpyproject.toml",
        "%2e%2e/%2e%2e/pyproject.toml",
        "....//....//pyproject.toml",
        "/etc/passwd",
        "..\\..\\pyproject.toml",
        "chat.js%00.css",
        "vendor/../../pages.py",
        "",
        ".",
    ],
)
def test_no_path_leaves_the_static_folder(path: str, client: TestClient) -> None:
    response = client.get(f"/static/{path}")
    assert response.status_code in (404, 405)
    assert "project" not in response.text


def test_what_is_served_is_what_was_there_at_the_start(client: TestClient) -> None:
    for name in Assets().names():
        assert client.get(f"/static/{name}").status_code == 200


@pytest.mark.parametrize(
    "ranges", ["bytes=" + ",".join(f"{i}-{i}" for i in range(5000)), "bytes=0-", "bytes=-1", "bytes=a-b"]
)
def test_ranges_are_not_answered_in_parts(ranges: str, client: TestClient) -> None:
    whole = client.get("/static/chat.js")
    response = client.get("/static/chat.js", headers={"Range": ranges})
    assert response.status_code == 200
    assert response.content == whole.content


@pytest.mark.parametrize("depth", [100, 20_000])
def test_deep_json_is_refused_and_the_server_goes_on(depth: int, client: TestClient) -> None:
    for body in ("[" * depth + "]" * depth, '{"question":' * depth + "1" + "}" * depth):
        response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code in (400, 413, 422), response.text[:200]
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe\xfd",
        b'{"question": "\xed\xa0\x80"}',
        b'{"question": NaN}',
        b"null",
        b"",
        b'{"question": "a"',
        b"[]",
    ],
)
def test_what_is_no_json_is_a_problem_and_no_error_of_the_server(body: bytes, client: TestClient) -> None:
    response = client.post("/api/ask", content=body, headers={"Content-Type": "application/json"})
    assert 400 <= response.status_code < 500
    assert response.headers["content-type"] == "application/problem+json"


def test_a_body_that_says_it_is_small_and_is_not_is_cut_off(client: TestClient) -> None:
    body = json.dumps({**WORDS, "question": "x" * 300_000}).encode()
    assert client.post("/api/ask", content=body).status_code == 413
    assert client.post("/api/ask", content=iter([body[:1000], body[1000:]])).status_code == 413


def test_a_question_over_its_limit_is_refused_by_name(client: TestClient) -> None:
    response = client.post("/api/ask", json={**WORDS, "question": "x" * 2001})
    assert response.status_code == 422
    assert "question" in response.text


@pytest.mark.parametrize("field", ["__proto__", "model", "embedding_function", "trust_remote_code"])
def test_fields_nobody_documents_are_refused(field: str, client: TestClient) -> None:
    response = client.post("/api/ask", json={**WORDS, field: "x"})
    assert response.status_code == 422
    assert field in response.text


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "é", "x" * 9000, "zh\n"])
def test_header_values_come_back_in_no_header(value: str, client: TestClient) -> None:
    response = client.get("/api/status", headers={b"Accept-Language": value.encode()})
    assert "X-Evil" not in response.headers
    assert response.status_code in (200, 400, 431)


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PUT", "PATCH"])
def test_methods_that_an_address_does_not_take_are_refused(method: str, client: TestClient) -> None:
    assert client.request(method, "/api/ask").status_code in (403, 405)


def test_no_file_is_fetched_by_address(client: TestClient) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    takes_addresses = [
        f"{method} {path} {parameter['name']}"
        for path, methods in paths.items()
        for method, route in methods.items()
        if isinstance(route, dict)
        for parameter in route.get("parameters", ())
        if parameter["name"].lower() in {"url", "uri", "link", "href", "src", "callback", "webhook"}
    ]
    assert takes_addresses == []


def test_a_message_of_an_error_repeats_a_hostile_value_as_json_only(client: TestClient) -> None:
    response = client.get("/api/collections/%3Cscript%3Ealert(1)%3C%2Fscript%3E/documents")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in response.headers["content-security-policy"]


def test_error_codes_are_words(client: TestClient) -> None:
    assert client.get("/api/chunks/nobody").json()["code"] == "not_found"
    assert BadRequest.code == "bad_request"
