"""Every route of the OpenAPI document, whoever wrote it: errors in one shape, limits on bodies, a rule."""

import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import pytest
from fastapi.testclient import TestClient

from app.access.rules import RULES
from app.api.envelope import speaks_openai
from app.main import create_app
from app.services import Services
from app.web.docs import groups_of
from app.web.translate import Translations
from tests.api.served import services_of

TRANSLATIONS = Translations.load()
LARGEST = 2_000_000  # of a conversation, see app.api.openai.chat
LIMITS: dict[str, Any] = {
    "ingest": {"max_file_bytes": 100_000},
    "rerank_api": {"max_body_bytes": 100_000},
    "embed_api": {"max_body_bytes": 100_000},
}
Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return services_of(tmp_path_factory.mktemp("walk"), **LIMITS)


@pytest.fixture(scope="module")
def api(services: Services) -> Iterator[TestClient]:
    with TestClient(
        create_app(services), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        yield client


@pytest.fixture(scope="module")
def document(api: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = api.get("/openapi.json").json()
    return found


@pytest.fixture(scope="module")
def operations(document: dict[str, Any]) -> list[Operation]:
    return [
        (method.upper(), path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]


def _address(path: str) -> str:
    return re.sub(r"\{\w+\}", "x", path)


class _Answer(Protocol):
    """What is looked at of an answer, whichever client got it."""

    status_code: int

    @property
    def headers(self) -> Mapping[str, str]: ...

    def json(self) -> Any: ...  # noqa: ANN401 - JSON


def _is_error(answer: _Answer, path: str, status: int) -> bool:
    """Whether an answer is an error of that status in the shape of its address."""
    body = answer.json()
    if speaks_openai(path):
        return (
            answer.status_code == (400 if status == 422 else status)
            and set(body) == {"error"}
            and set(body["error"]) == {"message", "type", "param", "code"}
            and bool(body["error"]["message"])
        )
    return (
        answer.status_code == body["status"] == status
        and answer.headers["content-type"] == "application/problem+json"
        and {"type", "title", "detail", "code", "retryable", "request_id"} <= set(body)
        and body["request_id"] == answer.headers["x-request-id"]
    )


def test_body_that_is_too_large_is_refused_by_every_route(
    api: TestClient, operations: list[Operation]
) -> None:
    body = b'"' + b"x" * LARGEST + b'"'
    wrong = []
    for method, path, operation in operations:
        if method == "GET":
            continue
        query = {each["name"]: "x" for each in operation.get("parameters", ()) if each["in"] == "query"}
        answer = api.request(
            method, _address(path), params=query, content=body, headers={"Content-Type": "application/json"}
        )
        if not _is_error(answer, path, 413):
            wrong.append((method, path, answer.status_code, answer.text[:80]))
    assert wrong == []


def test_body_that_is_no_json_is_refused_by_every_route_that_reads_some(
    api: TestClient, operations: list[Operation]
) -> None:
    wrong, walked = [], 0
    for method, path, operation in operations:
        if "application/json" not in operation.get("requestBody", {}).get("content", {}):
            continue
        walked += 1
        answer = api.request(
            method, _address(path), content=b'{"', headers={"Content-Type": "application/json"}
        )
        if not _is_error(answer, path, 422):
            wrong.append((method, path, answer.status_code, answer.text[:80]))
    assert wrong == []
    assert walked > 5


def test_method_that_is_not_taken_is_told_with_those_that_are(
    api: TestClient, document: dict[str, Any]
) -> None:
    wrong = []
    for path, item in document["paths"].items():
        if path == "/api/collections/{collection}":  # its address may end in any of the others
            continue
        answer = api.request("TRACE", _address(path))
        allowed = {each.strip() for each in answer.headers.get("allow", "").split(",")}
        if not _is_error(answer, path, 405) or not allowed <= {each.upper() for each in item} | {"HEAD"}:
            wrong.append((path, answer.status_code, allowed))
    assert wrong == []


@pytest.mark.parametrize("path", ["/nothing", "/api/nothing", "/v1/nothing", "/v1", "/static/nothing.css"])
def test_address_that_is_not_there(api: TestClient, path: str) -> None:
    answer = api.get(path, headers={"Accept-Language": "zh"})
    assert _is_error(answer, path, 404)
    assert "这个地址没有内容" in answer.text


def test_every_route_has_a_rule_that_the_document_tells(operations: list[Operation]) -> None:
    for method, path, operation in operations:
        rule = RULES[method, path]
        assert operation["x-touchstone-needs"] == asdict(rule)
        assert operation["security"] == []  # without accounts nobody is asked who he is


def test_document_of_a_server_with_accounts_says_how_to_sign_in(tmp_path: Path) -> None:
    services = services_of(tmp_path, access={"mode": "accounts"})
    document = create_app(services).openapi()
    services.close()
    found = [(path, item["get"]) for path, item in document["paths"].items() if "get" in item]
    ways = {path: [set(each) for each in get["security"]] for path, get in found}
    assert ways["/healthz"] == []
    assert ways["/v1/models"] == [{"bearer"}, {"key"}]
    assert ways["/api/collections"] == [{"bearer"}, {"key"}, {"session"}]
    assert set(document["components"]["securitySchemes"]) == {"bearer", "key", "session"}


def test_every_route_tells_its_errors_in_its_shape(operations: list[Operation]) -> None:
    for method, path, operation in operations:
        responses = operation["responses"]
        invalid = responses["400" if speaks_openai(path) else "422"]
        (kind,) = invalid["content"]
        assert kind == ("application/json" if speaks_openai(path) else "application/problem+json"), path
        assert "HTTPValidationError" not in str(operation)
        assert "413" in responses, (method, path)
        assert operation.get("tags"), f"{method} {path} has no tag"
        assert operation.get("description") or operation.get("summary")


@pytest.mark.parametrize(("language", "word"), [("zh", "角色：查看者"), ("en", "role viewer")])
def test_docs_page_lists_every_route_in_both_languages_without_a_script(
    api: TestClient, operations: list[Operation], language: str, word: str
) -> None:
    page = api.get("/docs", params={"lang": language})
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["content-language"] == language
    assert "require-trusted-types-for 'script'" in page.headers["content-security-policy"]
    assert "<script" not in page.text
    assert " style=" not in page.text
    assert word in page.text
    assert TRANSLATIONS.text("zh" if language == "zh" else "en", "docs.person") in page.text
    for method, path, _ in operations:
        assert f"<b>{method}</b> {path}</code>" in page.text, (method, path)
    assert len(set(re.findall(r' id="([^"]+)"', page.text))) == len(re.findall(r' id="', page.text))
    style = re.search(r'href="(/static/docs\.css[^"]*)"', page.text)
    assert style is not None
    assert api.get(style[1]).status_code == 200


def test_docs_show_members_of_bodies_with_kind_limits_and_words(document: dict[str, Any]) -> None:
    found = {(each.method, each.path): each for group in groups_of(document) for each in group.operations}
    chat = {field.name: field for field in found["POST", "/v1/chat/completions"].body}
    assert chat["messages"].required
    assert chat["messages[].role"].kind.startswith("'system' | 'developer' | 'user' | 'assistant'")
    assert chat["touchstone.top_n"].limits == "minimum 1, maximum 50"
    assert chat["touchstone.instruction"].about == "what the reranker should prefer"
    upload = found["POST", "/api/collections/{collection}/documents"]
    assert {field.name for field in upload.parameters} >= {"name (query)", "Idempotency-Key (header)"}
    assert (upload.role, upload.use, upload.level) == ("viewer", "ingest", "write")


def test_large_body_is_refused_before_anything_is_done(api: TestClient) -> None:
    api.cookies.clear()
    assert api.post("/api/collections", json={"name": "kept"}).is_success
    answer = api.request("DELETE", "/api/collections/kept", content=b"x" * LARGEST)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert api.get("/api/collections/kept").status_code == 200
