"""What leaves compressed, for whom, and what never does."""

import gzip
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.testclient import TestClient

from app.web import pages
from app.web.assets import Assets
from app.web.encoding import SharedJson, takes_gzip
from app.web.pages import Pages
from app.web.translate import Translations

LONG = {"words": ["the same again"] * 500}


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI(openapi_url=None)
    shown = pages.load()
    app.include_router(pages.router(shown))

    @app.get("/openapi.json")
    @app.get("/api/answers")
    def json() -> JSONResponse:
        return JSONResponse(LONG)

    @app.get("/account")
    def account(request: Request) -> object:
        return shown.page(request, "error.html", kind="failed", detail="w" * 5000, reference="")

    app.add_middleware(SharedJson)
    return TestClient(app)


@pytest.mark.parametrize(
    ("header", "taken"),
    [
        ("gzip, deflate, br", True),
        ("gzip;q=0.5", True),
        ("GZIP", True),
        ("x-gzip", True),
        ("*", True),
        ("*;q=0.1, gzip;q=0", False),
        ("gzip;q=0", False),
        ("gzip; q=1..0", False),
        ("br", False),
        ("identity", False),
        ("gzipped", False),
        ("", False),
    ],
)
def test_gzip_is_sent_only_to_whom_it_was_let_in(header: str, taken: bool) -> None:
    assert takes_gzip(header) is taken


def test_static_files_leave_compressed_with_an_etag_of_their_own(client: TestClient) -> None:
    plain = client.get("/static/app.css", headers={"accept-encoding": "identity"})
    small = client.get("/static/app.css", headers={"accept-encoding": "gzip"})
    assert small.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert int(small.headers["content-length"]) < 0.5 * int(plain.headers["content-length"])
    assert small.content == plain.content  # the client has unpacked it
    assert small.headers["etag"] != plain.headers["etag"]
    for told in (plain, small):
        assert told.headers["vary"] == "Accept-Encoding"
    for header, status in (
        (small.headers["etag"], 304),
        (f'"other", W/{small.headers["etag"]}', 304),
        ("*", 304),
        (plain.headers["etag"], 200),
    ):
        again = client.get("/static/app.css", headers={"accept-encoding": "gzip", "if-none-match": header})
        assert again.status_code == status, header
        assert again.headers["vary"] == "Accept-Encoding"


def test_file_that_would_not_become_smaller_leaves_as_it_is(tmp_path: Path) -> None:
    packed = gzip.compress(bytes(range(256)) * 40, mtime=0) + bytes(range(256)) * 8
    (tmp_path / "packed.wasm").write_bytes(gzip.compress(packed * 2, mtime=0)[:3000])
    (tmp_path / "short.js").write_text("1;")
    app = FastAPI()
    shown = Pages(translations=Translations.load(), assets=Assets(tmp_path))
    app.include_router(pages.router(shown))
    for name in ("packed.wasm", "short.js"):
        sent = TestClient(app).get(f"/static/{name}", headers={"accept-encoding": "gzip"})
        assert "content-encoding" not in sent.headers, name
        assert sent.content == (tmp_path / name).read_bytes()


def test_shells_leave_compressed_and_pages_that_may_hold_a_secret_do_not(client: TestClient) -> None:
    sent = client.get("/", headers={"accept-encoding": "gzip"})
    assert sent.headers["content-encoding"] == "gzip"
    assert "Accept-Encoding" in sent.headers["vary"]
    assert "<html" in sent.text
    assert "content-encoding" not in client.get("/", headers={"accept-encoding": "br"}).headers
    own = client.get("/account", headers={"accept-encoding": "gzip"})
    assert len(own.content) > 5000
    assert "content-encoding" not in own.headers


def test_only_json_that_is_the_same_for_everyone_leaves_compressed(client: TestClient) -> None:
    shared = client.get("/openapi.json", headers={"accept-encoding": "gzip"})
    assert shared.headers["content-encoding"] == "gzip"
    assert shared.headers["vary"] == "Accept-Encoding"
    own = client.get("/api/answers", headers={"accept-encoding": "gzip"})
    assert "content-encoding" not in own.headers
    assert shared.json() == own.json() == LONG
