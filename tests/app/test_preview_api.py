"""A file is cut over HTTP without being kept; stored documents are cut anew as they would be."""

import io
import json
import logging
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pypdf
import pytest
from fastapi.testclient import TestClient

from app.access.principal import LOCAL
from app.curator import Curator
from app.main import create_app
from app.models import Models
from app.preview import preview
from app.services import Services
from app.settings import Settings
from app.wiring import build_models
from ingest.settings import IngestSettings
from rerank.guarded import GuardedReranker
from retrieval.protocols import SoftStatistics
from tests.flows.test_chunk_size import SENTENCES, SpellingReranker
from tests.ingest.pdfs import make_pdf, text
from tests.ingest.sources import source

TABLE = "# 价目\n\n| 编号 | 名称 |\n|---|---|\n" + "".join(f"| KB-{n} | 一体机{n} |\n" for n in range(40))
PREVIEW = "/api/preview"


def _services(folder: Path) -> Services:
    settings = Settings(
        data_dir=folder, profile="starter", demo=False, ingest=IngestSettings(max_file_bytes=100_000)
    )
    return Services(settings, build_models=build_models)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Services:
    return _services(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def client(services: Services) -> Iterator[TestClient]:
    with TestClient(
        create_app(services), base_url="http://localhost", raise_server_exceptions=False
    ) as client:
        while services.state.name == "loading":
            time.sleep(0.01)
        yield client


def _preview(client: TestClient, text: str | bytes, **params: str | int) -> dict[str, Any]:
    response = client.post(PREVIEW, params={"name": "a.md", **params}, content=text)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def test_preview_is_what_ingestion_makes_and_nothing_is_kept(
    client: TestClient, services: Services, tmp_path: Path
) -> None:
    found = _preview(client, f"# 规定\n\n{SENTENCES}", chunk_tokens=100, chunk_overlap=20)
    assert (found["name"], found["title"], found["media_type"]) == ("a.md", "规定", "text/markdown")
    assert (found["chunk_tokens"], found["chunk_overlap"], found["estimated"]) == (100, 20, True)
    data_dir = services.settings.data_dir
    assert [path for path in data_dir.rglob("*") if path.is_file() and path.parent.name == "tmp"] == []
    assert not any((data_dir / "blobs").rglob("*"))
    assert client.get("/api/jobs").json()["data"] == []
    assert client.get("/api/collections").json()["data"] == []

    services.collections.create("rules")
    Curator(services, LOCAL).set_chunking("rules", 100, 20)
    (tmp_path / "a.md").write_text(f"# 规定\n\n{SENTENCES}", encoding="utf-8")
    services.ingest([(tmp_path / "a.md", "a.md")], "rules")
    row = services.documents.find(services.collections.named("rules").id, "a.md")
    assert row is not None
    made = services.chunks.of_document(row.id)
    assert [
        (each["ordinal"], each["text"], each["tokens"], each["start"], each["end"], each["context"])
        for each in found["chunks"]
    ] == [(each.ordinal, each.text, each.tokens, each.start, each.end, each.context) for each in made]
    client.delete("/api/collections/rules")


def test_summary_counts_the_chunks_shown(client: TestClient) -> None:
    found = _preview(client, f"# 规定\n\n{SENTENCES}", chunk_tokens=64)
    tokens = [each["tokens"] for each in found["chunks"]]
    assert found["summary"] == {
        "chunks": len(tokens),
        "tokens": sum(tokens),
        "tokens_min": min(tokens),
        "tokens_median": sorted(tokens)[(len(tokens) - 1) // 2],
        "tokens_max": max(tokens),
    }
    assert max(tokens) <= 64
    assert found["characters"] == found["chunks"][-1]["end"]


def test_header_of_a_long_table_is_shown_as_the_lead_of_its_parts(client: TestClient) -> None:
    found = _preview(client, TABLE, chunk_tokens=64)
    assert found["chunks"][0]["lead"] == ""
    assert {each["lead"] for each in found["chunks"][1:]} == {"| 编号 | 名称 |\n|---|---|"}


def test_pages_and_boxes_of_a_pdf_are_shown(client: TestClient) -> None:
    pages = [text(72, 700, f"The {page} page of text.") for page in ("first", "second")]
    found = _preview(client, make_pdf(pages), name="a.pdf")
    assert (found["media_type"], found["pages"]) == ("application/pdf", 2)
    assert [each["pages"] for each in found["chunks"]] == [[1], [2]]
    (box,) = found["chunks"][1]["boxes"]
    assert box["page"] == 2
    assert 0 < box["left"] < box["right"] < 1


def test_notices_are_those_a_job_would_report(client: TestClient) -> None:
    found = _preview(client, "# A\n\nhid\u200bden\n")
    assert found["notices"] == [{"code": "invisible_characters_removed", "values": {"count": "1"}}]


WORD = "口令 100%"


def _locked() -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf([text(72, 700, "Kept secret.")])))
    writer.encrypt(WORD, algorithm="AES-256")
    locked = io.BytesIO()
    writer.write(locked)
    return locked.getvalue()


def test_locked_file_is_shown_with_its_password_which_is_kept_nowhere(
    client: TestClient, services: Services, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    refused = client.post(PREVIEW, params={"name": "a.pdf"}, content=_locked())
    assert (refused.status_code, refused.json()["code"]) == (422, "encrypted")
    header = {"Document-Password": quote(WORD, safe="")}
    found = client.post(PREVIEW, params={"name": "a.pdf"}, content=_locked(), headers=header).json()
    assert [each["text"] for each in found["chunks"]] == ["Kept secret."]
    guess = {"Document-Password": "no"}
    wrong = client.post(PREVIEW, params={"name": "a.pdf"}, content=_locked(), headers=guess)
    assert "the password given does not open this file" in wrong.json()["detail"]
    for written in (WORD, header["Document-Password"]):
        assert written not in caplog.text
        assert written not in "\n".join(services.database.connection().iterdump())


def test_password_that_is_not_encoded_as_it_should_be_is_refused_without_repeating_it(
    client: TestClient,
) -> None:
    header = {"Document-Password": "%ff7"}
    problem = client.post(PREVIEW, params={"name": "a.pdf"}, content=b"%PDF-", headers=header)
    assert (problem.status_code, problem.json()["code"]) == (422, "bad_request")
    assert "Document-Password is not percent-encoded UTF-8" in problem.json()["detail"]
    assert "ff7" not in problem.text


def test_stored_document_that_is_locked_is_cut_anew_with_its_password(
    client: TestClient, services: Services
) -> None:
    services.collections.create("locked")
    assert services.add(_locked(), "a.pdf", "locked").status == "failed"
    (job,) = client.get("/api/jobs", params={"collection": "locked"}).json()["data"]
    client.post(f"/api/jobs/{job['id']}/retry", json={"password": WORD})
    while client.get(f"/api/jobs/{job['id']}").json()["job"]["state"] != "ready":
        time.sleep(0.02)
    path = "/api/collections/locked/documents/preview"
    assert client.get(path, params={"name": "a.pdf"}).json()["code"] == "encrypted"
    header = {"Document-Password": quote(WORD, safe="")}
    found = client.get(path, params={"name": "a.pdf"}, headers=header).json()
    assert [each["text"] for each in found["chunks"]] == ["Kept secret."]
    client.delete("/api/collections/locked")


@pytest.fixture
def stored(client: TestClient, services: Services, tmp_path: Path) -> Iterator[str]:
    """A collection whose name holds a slash, with a document cut to 100 tokens."""
    services.collections.create("HR/Rules")
    Curator(services, LOCAL).set_chunking("HR/Rules", 100, None)
    (tmp_path / "a.md").write_text(SENTENCES, encoding="utf-8")
    services.ingest([(tmp_path / "a.md", "sub/a.md")], "HR/Rules")
    yield "/api/collections/HR%2FRules/documents/preview"
    client.delete("/api/collections/HR%2FRules")


def test_stored_document_is_cut_to_the_size_of_its_collection_or_another(
    client: TestClient, services: Services, stored: str
) -> None:
    as_it_is = client.get(stored, params={"name": "sub/a.md"}).json()
    assert (as_it_is["name"], as_it_is["chunk_tokens"]) == ("sub/a.md", 100)
    assert as_it_is["summary"]["chunks"] == services.collections.named("HR/Rules").chunks
    smaller = client.get(stored, params={"name": "sub/a.md", "chunk_tokens": 50}).json()
    assert smaller["summary"]["chunks"] > as_it_is["summary"]["chunks"]
    assert services.collections.named("HR/Rules").chunking.tokens == 100


def test_stored_document_that_is_not_there_is_named(client: TestClient, stored: str) -> None:
    problem = client.get(stored, params={"name": "b.md"}).json()
    assert (problem["status"], problem["code"]) == (404, "not_found")
    assert "document 'b.md' is not in collection 'HR/Rules'" in problem["detail"]
    unknown = client.get("/api/collections/nothing/documents/preview", params={"name": "b.md"}).json()
    assert (unknown["status"], unknown["code"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("params", "body", "status", "code", "said"),
    [
        ({"chunk_tokens": 10}, b"x", 422, "bad_request", "chunk_tokens cannot be 10"),
        ({"chunk_overlap": 200}, b"x", 422, "bad_request", "more than half of chunk_tokens (320); lower it"),
        ({"chunk_tokens": "many"}, b"x", 422, "invalid", "chunk_tokens"),
        ({"name": ""}, b"x", 422, "invalid", "name"),
        ({}, b"", 422, "empty", "a.md: the file is empty"),
        ({"name": "a.pdf"}, b"%PDF-1.7 this is no PDF", 422, "damaged", "a.pdf"),
        ({}, b"x" * 100_001, 413, "too_large", "100,001 bytes are more than the limit of 100,000"),
    ],
)
def test_what_cannot_be_cut_is_a_problem_that_says_why(
    client: TestClient, params: dict[str, str | int], body: bytes, status: int, code: str, said: str
) -> None:
    response = client.post(PREVIEW, params={"name": "a.md", **params}, content=body)
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert said in response.json()["detail"]


def test_size_of_a_collection_is_set_shown_and_taken_back(client: TestClient) -> None:
    client.post("/api/collections", json={"name": "sized"})
    path = "/api/collections/sized/chunking"
    own = client.put(path, json={"chunk_tokens": 200, "chunk_overlap": 20}).json()
    assert own == client.get(path).json()
    assert own == {
        "chunk_tokens": 200, "chunk_overlap": 20, "own_tokens": 200, "own_overlap": 20,
        "outdated": [], "notices": [],
    }  # fmt: skip
    shown = client.get("/api/collections/sized").json()
    assert (shown["chunk_tokens"], shown["chunk_overlap"]) == (200, 20)
    back = client.put(path, json={}).json()
    assert (back["chunk_tokens"], back["own_tokens"], back["own_overlap"]) == (320, None, None)
    client.delete("/api/collections/sized")


@pytest.mark.parametrize(
    ("method", "collection", "body", "status", "code"),
    [
        ("GET", "nothing", None, 404, "not_found"),
        ("PUT", "nothing", {"chunk_tokens": 200}, 404, "not_found"),
        ("PUT", "nothing", {"chunk_tokens": 10}, 422, "bad_request"),
        ("PUT", "nothing", {"chunk_tokens": 10**30}, 422, "bad_request"),
        ("PUT", "nothing", {"chunk_tokens": "many"}, 422, "invalid"),
        ("PUT", "nothing", {"tokens": 200}, 422, "invalid"),
    ],
)
def test_size_that_cannot_be_set_is_a_problem(
    client: TestClient, method: str, collection: str, body: object, status: int, code: str
) -> None:
    response = client.request(method, f"/api/collections/{collection}/chunking", json=body)
    assert (response.status_code, response.json()["code"]) == (status, code)


def test_documents_tell_the_size_they_were_cut_to(client: TestClient, stored: str) -> None:
    (row,) = client.get(stored.removesuffix("/preview")).json()["data"]
    assert (row["chunk_tokens"], row["chunk_overlap"]) == (100, 0)


def test_preview_ends_as_soon_as_its_caller_has_left() -> None:
    class Left(Exception):
        pass

    def gone(stage: str, done: int, total: int, /) -> None:
        if stage == "chunk":
            raise Left

    with pytest.raises(Left):
        preview(source(SENTENCES, "a.md"), IngestSettings(), progress=gone)


def test_preview_needs_no_models(tmp_path: Path) -> None:
    services = _services(tmp_path)
    client = TestClient(create_app(services), base_url="http://localhost")  # not entered: nothing loads
    assert _preview(client, SENTENCES)["estimated"] is True
    services.close()


def test_loaded_tokenizer_gives_true_counts_and_what_is_over_the_budget(tmp_path: Path) -> None:
    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), reranker=GuardedReranker(SpellingReranker()))

    settings = Settings(data_dir=tmp_path, profile="starter", demo=False)
    with Services(settings, build_models=build) as services:
        services.load()
        client = TestClient(create_app(services), base_url="http://localhost")
        found = _preview(client, f"# 规定\n\n{SENTENCES}", chunk_tokens=64)
    assert found["estimated"] is False
    lengths = [len(f"{each['context']}\n{each['text']}") for each in found["chunks"]]
    assert [each["tokens"] for each in found["chunks"]] == lengths
    over = [length for length in lengths if length > 64]
    values = {"count": str(len(over)), "largest": str(max(over)), "budget": "64"}
    assert json.dumps({"code": "chunks_over_budget", "values": values}, sort_keys=True) in [
        json.dumps(each, sort_keys=True) for each in found["notices"]
    ]
