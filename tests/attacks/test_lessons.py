"""One test for each hole of other applications that nothing else here shows to be closed (SECURITY.md)."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from packaging.version import Version

from app.services import Services
from generation.render import render

ROOT = Path(__file__).resolve().parents[2]
FLOORS = {
    "python-multipart": "0.0.27",  # CVE-2026-42561
    "starlette": "0.49.1",  # CVE-2024-47874, GHSA-7f5h-v6xp-fcq8
    "jinja2": "3.1.6",  # CVE-2025-27516
    "pypdf": "7.1",  # decompression limits
}


@pytest.mark.parametrize("name", FLOORS)
def test_installed_versions_are_above_the_known_holes(name: str) -> None:
    assert Version(version(name)) >= Version(FLOORS[name])
    declared = re.search(rf'"{re.escape(name)}[^">]*>=([\d.]+)', (ROOT / "pyproject.toml").read_text("utf-8"))
    assert declared, f"pyproject.toml sets no floor for {name}"
    assert Version(declared[1]) >= Version(FLOORS[name])


def test_no_collection_of_the_vector_index_names_code_to_load(services: Services) -> None:
    services.add(b"# A\n\nwords of a page\n", "a.md", "chroma")
    stored = [
        path.read_bytes()
        for path in services.settings.data_dir.rglob("*")
        if path.is_file() and path.name == "chroma.sqlite3"
    ]
    assert stored
    assert not any(b"trust_remote_code" in data or b"sentence_transformer" in data for data in stored)


def test_no_request_names_a_model_a_path_or_an_index(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    names = {
        name
        for schema in document["components"]["schemas"].values()
        for name in schema.get("properties", {})
    }
    assert not names & {"embedding_function", "trust_remote_code", "index_name", "path", "file_path"}


@pytest.mark.parametrize("path", ["/api/collections/x/documents", "/v1/rerank", "/api/backup"])
def test_another_website_uploads_nothing(path: str, client: TestClient) -> None:
    response = client.post(path, content=b"x", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


def test_words_of_an_admin_or_a_document_are_never_a_template() -> None:
    for text in ("{{ 7 * 7 }}", "{% for x in ().__class__.__base__.__subclasses__() %}x{% endfor %}"):
        shown = render("system", "en", instruction=text, not_found="no", nonce="n")
        assert text in shown


def test_events_of_a_stream_are_data_and_the_page_has_no_event_that_runs() -> None:
    scripts = "".join(
        file.read_text("utf-8")
        for file in (ROOT / "app/web/static").glob("*.js")
    )
    assert not re.search(r"\b(?:execute|new Function|importScripts)\s*\(", scripts)


def test_secrets_come_from_the_system_and_are_kept_as_hashes() -> None:
    for file in (ROOT / "app").rglob("*.py"):
        text = file.read_text("utf-8")
        assert not re.search(r"\b(?:uuid1|random\.(?:choice|randint|random|getrandbits))\b", text) or (
            "bench" in file.parts
        ), file.name


def test_every_test_that_the_security_page_names_is_there() -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 25
    for path, name in named:
        text = (ROOT / path).read_text("utf-8")
        assert not name or f"def {name}(" in text, f"{path}::{name}"


def test_every_row_of_known_holes_names_a_test() -> None:
    page = (ROOT / "SECURITY.md").read_text("utf-8")
    table = page.split("## Holes of others")[1].split("\n## ")[0]
    rows = [line for line in table.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 18
    assert [row for row in rows if "`tests/" not in row] == []
