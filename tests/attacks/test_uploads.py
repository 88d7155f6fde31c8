"""Names and bytes that somebody uploads to get out of where they belong."""

from pathlib import Path
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.services import Services
from ingest.load import clean_name

NAMES = [
    "../../../../etc/cron.d/x.md",
    "..\\..\\windows\\x.md",
    "/etc/passwd.md",
    "a\x00.md",
    "\u202egpj.md",
    "name\u200b\ufeff.md",
    "a\r\nX-Evil: 1\r\n.md",
    "{{7*7}}.md",
    "{% include '/etc/passwd' %}.md",
    "=cmd|' /C calc'!A0.md",
    "'; DROP TABLE document; --.md",
    "<img src=x onerror=alert(1)>.md",
    "CON.md",
    "~root.md",
    "$(touch x).md",
    "`id`.md",
    "%2e%2e%2fx.md",
    "名" * 200 + ".md",
]
TEXT = b"# Boiler\n\nThe boiler is serviced every eighteen months.\n"


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_data_and_never_a_path(name: str, client: TestClient, services: Services) -> None:
    root = services.settings.data_dir
    beside = _files(root.parent) - {f"{root.name}/{each}" for each in _files(root)}
    response = client.post(
        f"/api/collections/uploads/documents?name={quote(name)}&wait=true&duplicates=keep", content=TEXT
    )
    assert response.status_code == 200, response.text
    shown = response.json()["name"]
    assert response.json()["status"] in ("added", "unchanged")
    assert shown == clean_name(name)
    assert not any(ord(letter) < 32 or letter in "\u200b\u202e\ufeff" for letter in shown)
    assert len(shown.encode()) <= 255
    assert "X-Evil" not in response.headers
    assert _files(root.parent) - {f"{root.name}/{each}" for each in _files(root)} == beside
    assert not any("boiler" in each.lower() or "evil" in each.lower() for each in _files(root))
    listed = client.get("/api/collections/uploads/documents").json()["data"]
    assert shown in {row["name"] for row in listed}


def test_a_name_of_ten_kilobytes_is_refused_before_the_body_is_kept(client: TestClient) -> None:
    before = client.get("/api/jobs", params={"collection": "uploads"}).json()["data"]
    response = client.post(
        f"/api/collections/uploads/documents?name={'a' * 10_000}.md", content=TEXT
    )
    assert response.status_code == 422
    assert client.get("/api/jobs", params={"collection": "uploads"}).json()["data"] == before


@given(st.text(min_size=1, max_size=400))
def test_no_name_keeps_what_cannot_be_seen_or_grows_over_255_bytes(name: str) -> None:
    shown = clean_name(name)
    assert len(shown.encode("utf-8", "surrogatepass")) <= 255
    assert not any(ord(letter) < 32 or letter in "\u200b\u202e\ufeff\u2066" for letter in shown)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("page.pdf", b"<html><script>alert(1)</script></html>"),
        ("notes.md", b"\x7fELF\x02\x01\x01" + b"\0" * 64),
        ("notes.txt", b"MZ\x90\0" + b"\0" * 64),
        ("report.docx", b"%!PS-Adobe-3.0"),
        ("sheet.xlsx", b"PK\x05\x06" + b"\0" * 18),
    ],
)
def test_what_a_file_is_is_told_by_its_bytes_not_by_its_name_or_its_client(
    name: str, data: bytes, client: TestClient
) -> None:
    response = client.post(
        f"/api/collections/types/documents?name={name}&wait=true",
        content=data,
        headers={"Content-Type": "text/markdown"},
    )
    assert response.status_code == 200
    assert response.json()["status"] == "failed"
    assert response.json()["error"][0] in {"unsupported_type", "damaged", "undecodable", "garbled"}


@pytest.mark.parametrize("name", ["page.html", "picture.svg", "run.exe", "x.php", "noname"])
def test_a_page_is_read_as_text_and_unknown_kinds_are_refused(name: str, client: TestClient) -> None:
    data = b"<html><title>T</title><body><p>Words of a page.</p><script>evil()</script></body></html>"
    report = client.post(f"/api/collections/types/documents?name={name}&wait=true", content=data).json()
    if report["status"] == "failed":
        assert report["error"][0] == "unsupported_type"
        return
    found = client.get("/api/collections/types/documents").json()["data"]
    (row,) = [each for each in found if each["name"] == name]
    chunk = client.get(f"/api/chunks/{row['id']}:{row['version']}:0").json()
    assert "Words of a page." in chunk["text"]
    assert "evil" not in chunk["text"]


def test_a_picture_in_a_document_is_fetched_by_nobody(client: TestClient) -> None:
    # 192.0.2.1 is nobody's (RFC 5737); the guards of all tests fail on a connection to it.
    text = "# P\n\n![x](http://192.0.2.1/p.png) and [link](http://192.0.2.1/)\n"
    report = client.post(
        "/api/collections/types/documents?name=remote.md&wait=true", content=text.encode()
    ).json()
    assert report["status"] == "added"
