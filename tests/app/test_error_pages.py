"""Whoever opens an address that cannot be shown reads a page; programs read the problem itself."""

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse, StreamingResponse
from starlette.testclient import TestClient

from app.web import pages
from app.web.error_pages import ErrorPages

HTML = {"accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
KIND = "application/problem+json"


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI(openapi_url=None)

    def problem(status: int) -> JSONResponse:
        told = {"status": status, "detail": "<b>why</b>", "code": "x", "request_id": "r-17"}
        return JSONResponse(told, status, {"Retry-After": "7"}, media_type=KIND)

    @app.api_route("/page/{status}", methods=["GET", "POST"])
    def page(status: int) -> JSONResponse:
        return problem(status)

    @app.get("/api/page/{status}")
    def api(status: int) -> JSONResponse:
        return problem(status)

    @app.get("/words")
    def words() -> StreamingResponse:
        return StreamingResponse(iter([b"one ", b"two"]), media_type="text/plain")

    app.add_middleware(ErrorPages, pages=pages.load())
    return TestClient(app)


@pytest.mark.parametrize(
    ("status", "title"),
    [
        (403, "This page is not for you"),
        (404, "There is no such page"),
        (503, "Not ready yet"),
        (500, "This page could not be shown"),
    ],
)
def test_problem_becomes_a_page_of_its_status_with_nothing_of_it_as_markup(
    client: TestClient, status: int, title: str
) -> None:
    shown = client.get(f"/page/{status}?lang=en", headers=HTML)
    assert shown.status_code == status
    assert shown.headers["content-type"].startswith("text/html")
    assert int(shown.headers["content-length"]) == len(shown.content)
    assert shown.headers["retry-after"] == "7"
    assert shown.headers["cache-control"] == "no-store"
    assert title in shown.text
    assert "&lt;b&gt;why&lt;/b&gt;" in shown.text
    assert "r-17" in shown.text


def test_programs_get_the_problem_itself(client: TestClient) -> None:
    for told in (
        client.get("/page/404"),
        client.get("/page/404", headers={"accept": "application/json"}),
        client.post("/page/403", headers=HTML),
        client.get("/api/page/403", headers=HTML),
    ):
        assert told.headers["content-type"] == KIND
        assert told.json()["code"] == "x"


def test_everything_else_passes_piece_by_piece(client: TestClient) -> None:
    assert client.get("/words", headers=HTML).text == "one two"
