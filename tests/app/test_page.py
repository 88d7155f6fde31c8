"""The chat page as the server sends it: headers, languages, assets. tests/browser has the rest."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fastapi import FastAPI
from starlette.responses import JSONResponse
from starlette.testclient import TestClient
from starlette.types import Message, Receive, Scope, Send

from app.language import LANGUAGES
from app.web import pages
from app.web.assets import STATIC, Assets
from app.web.headers import SameOrigin, SecurityHeaders
from app.web.translate import Translations
from tests import vendor

CJK = re.compile(r"[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
SCRIPTS = sorted(STATIC.glob("*.js"))
TEMPLATES = sorted(pages.TEMPLATES.iterdir())
TRANSLATIONS = Translations.load()
SECTIONS = sorted({
    "common",
    *(section for path in pages.TEMPLATES.parent.glob("*.py")
      for section in re.findall(r'section="([\w.]+)"', path.read_text(encoding="utf-8"))),
})  # fmt: skip
"""Whose sentences scripts get."""


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(pages.router())

    @app.post("/api/act")
    def act() -> JSONResponse:
        return JSONResponse({"done": True})

    app.add_middleware(SameOrigin, hosts=("testserver",))
    app.add_middleware(SecurityHeaders)
    return TestClient(app)


def directives(policy: str) -> dict[str, str]:
    return {name: value for name, _, value in (part.partition(" ") for part in policy.split("; "))}


def test_page_runs_only_its_own_scripts_and_those_with_its_nonce(client: TestClient) -> None:
    response = client.get("/")
    policy = directives(response.headers["content-security-policy"])
    nonces = set(re.findall(r'nonce="([^"]+)"', response.text))
    assert len(nonces) == 1
    assert policy["script-src"] == f"'self' 'nonce-{nonces.pop()}'"
    assert policy["default-src"] == "'none'"
    assert policy["require-trusted-types-for"] == "'script'"
    assert policy["trusted-types"] == "dompurify pdfworker"
    assert policy["frame-ancestors"] == "'none'"


def test_every_page_has_a_nonce_of_its_own(client: TestClient) -> None:
    first, second = (client.get("/").headers["content-security-policy"] for _ in range(2))
    assert first != second


@pytest.mark.parametrize(("name", "value"), [
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
])  # fmt: skip
def test_page_carries_the_header(client: TestClient, name: str, value: str) -> None:
    assert client.get("/").headers[name] == value


def test_data_may_load_nothing_and_run_nowhere(client: TestClient) -> None:
    policy = client.post("/api/act").headers["content-security-policy"]
    assert policy == "default-src 'none'; frame-ancestors 'none'; sandbox"


def test_headers_hold_no_stream_back() -> None:
    sent: list[Message] = []
    seen_while_streaming: list[int] = []

    async def stream(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200,
                    "headers": [(b"content-type", b"text/event-stream")]})
        await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
        seen_while_streaming.append(len(sent))
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "scheme": "http", "headers": [(b"host", b"localhost")]}
    asyncio.run(SecurityHeaders(SameOrigin(stream))(scope, receive, send))
    assert seen_while_streaming == [2]
    assert [message.get("body") for message in sent[1:]] == [b"data: 1\n\n", b""]


@pytest.mark.parametrize(("headers", "status"), [
    ({"sec-fetch-site": "same-origin"}, 200),
    ({"sec-fetch-site": "none"}, 200),
    ({"sec-fetch-site": "same-site"}, 403),
    ({"sec-fetch-site": "cross-site"}, 403),
    ({"sec-fetch-site": "cross-site", "origin": "http://testserver"}, 403),
    ({"origin": "http://testserver"}, 200),
    ({"origin": "https://testserver", "host": "testserver:443"}, 200),
    ({"origin": "http://evil.example"}, 403),
    ({"origin": "http://testserver:8080"}, 403),
    ({"origin": "http://testserver.evil.example"}, 403),
    ({"origin": "null"}, 403),
    ({}, 200),
    ({"cookie": "touchstone_lang=zh"}, 403),
    ({"authorization": "Bearer x", "cookie": "a=b"}, 200),
    ({"authorization": "Bearer x", "cookie": "a=b; sid=c"}, 403),
    ({"authorization": "Bearer x", "cookie": "__Host-sid=c"}, 403),
    ({"authorization": "Bearer x", "cookie": "sid=c", "sec-fetch-site": "cross-site"}, 403),
    ({"authorization": "Bearer x", "cookie": "sid=c", "sec-fetch-site": "same-origin"}, 200),
])  # fmt: skip
def test_only_this_site_may_send_requests_that_change_something(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    assert client.post("/api/act", headers=headers).status_code == status


@pytest.mark.parametrize(("host", "status"), [
    ("testserver", 200),
    ("TestServer:8000", 200),
    ("127.0.0.1:8000", 200),
    ("[::1]:8000", 200),
    ("192.168.1.20", 200),
    ("evil.example", 421),
    ("testserver.evil.example", 421),
    ("127.0.0.1.evil.example", 421),
])  # fmt: skip
def test_a_name_the_server_does_not_go_by_is_refused(client: TestClient, host: str, status: int) -> None:
    assert client.get("/", headers={"host": host}).status_code == status


@pytest.mark.parametrize(("query", "cookie", "accept", "language"), [
    ("", "", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
    ("", "", "en-US,en;q=0.9,zh;q=0.8", "en"),
    ("", "", "fr", "en"),
    ("", "en", "zh-CN", "en"),
    ("?lang=zh", "en", "en", "zh-CN"),
    ("?lang=xx", "", "zh", "zh-CN"),
])  # fmt: skip
def test_page_speaks_the_language_chosen(
    client: TestClient, query: str, cookie: str, accept: str, language: str
) -> None:
    headers = {"accept-language": accept} | ({"cookie": f"touchstone_lang={cookie}"} if cookie else {})
    assert f'<html lang="{language}"' in client.get(f"/{query}", headers=headers).text


def test_language_asked_for_is_remembered(client: TestClient) -> None:
    assert "touchstone_lang=en" in client.get("/?lang=en").headers["set-cookie"]
    assert "set-cookie" not in client.get("/?lang=xx").headers


def test_theme_of_the_cookie_is_in_the_page_and_nothing_else_is(client: TestClient) -> None:
    page = client.get("/", headers={"cookie": "touchstone_theme=dark"}).text
    assert 'data-theme="dark"' in page
    hostile = client.get("/", headers={"cookie": 'touchstone_theme="><script>'}).text
    assert "data-theme" not in hostile


def test_assets_are_kept_for_ever_at_the_address_that_names_their_bytes(client: TestClient) -> None:
    page = client.get("/").text
    for address in re.findall(r'(?:href|src)="(/static/[^"]+)"', page):
        response = client.get(address)
        assert response.status_code == 200
        assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    stale = client.get("/static/app.css?v=0000000000000000")
    assert stale.headers["cache-control"] == "no-cache"


def test_assets_are_not_sent_twice(client: TestClient) -> None:
    tag = client.get("/static/app.css").headers["etag"]
    assert client.get("/static/app.css", headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize("path", ["/static/", "/static/nothing.js", "/static/../pages.py",
                                  "/static/%2e%2e/pages.py", "/static//etc/passwd"])  # fmt: skip
def test_only_files_of_the_static_folder_are_served(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_every_module_import_leads_to_a_hashed_address() -> None:
    mapped = Assets().import_map()["imports"]
    for script in SCRIPTS:
        for target in re.findall(r'from "\./([^"]+)"', script.read_text(encoding="utf-8")):
            assert "?v=" in mapped[f"/static/{target}"]


def test_both_languages_have_the_same_sentences_with_the_same_blanks() -> None:
    assert TRANSLATIONS.keys("zh") == TRANSLATIONS.keys("en")
    blanks = {language: {key: set(re.findall(r"\{(\w+)\}", text)) for key, text in
                         TRANSLATIONS.below(language, "chat").items()} for language in LANGUAGES}  # fmt: skip
    different = [key for key in blanks["zh"]
                 if blanks["zh"][key] != blanks["en"][key] and not key.endswith("_one")]
    assert different == []


def test_every_sentence_is_used_and_every_used_sentence_exists() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in TEMPLATES)
    scripts = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS)
    keys = TRANSLATIONS.keys("zh")
    used = set(re.findall(r"\bt\('([\w.]+)'", templates))
    prefixes = tuple(re.findall(r"\bt\('([\w.]+\.)' ~", templates))
    routes = "".join(path.read_text("utf-8") for path in pages.TEMPLATES.parent.glob("*.py"))
    used |= set(re.findall(r'\.text\(request, "([\w.]+)"', routes))
    prefixes += tuple(re.findall(r'\.text\(request, f"([\w.]+\.)\{', routes))
    assert sorted(used - keys - set(prefixes)) == []
    for name in set(re.findall(r'\bt\("([\w.]+)"', scripts)):
        assert any(f"{section}.{name}" in keys for section in SECTIONS), name
    for section in SECTIONS:  # which of them a script has, its page says
        used |= {f"{section}.{key}" for key in re.findall(r'["`]([a-z_]+(?:\.[a-z_]+)*)["`]', scripts)}
        prefixes += tuple(f"{section}.{key}" for key in re.findall(r"`([a-z_.]+[._])\$\{", scripts))
    assert sorted(key for key in keys - used if not key.startswith(prefixes)
                  and key.removesuffix("_one") not in used) == []  # fmt: skip


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS, *sorted(STATIC.glob("*.css"))], ids=lambda p: p.name)
def test_words_of_a_language_stand_only_in_the_catalogues(path: Path) -> None:
    assert CJK.findall(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", [*TEMPLATES, *SCRIPTS], ids=lambda p: p.name)
def test_no_text_becomes_markup_unescaped(path: Path) -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\|\s*safe\b"
    assert re.findall(forbidden, path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda p: p.name)
def test_script_parses(path: Path, tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    module = tmp_path / f"{path.stem}.mjs"
    module.write_bytes(path.read_bytes())
    checked = subprocess.run([node, "--check", str(module)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


def test_script_gets_its_sentences_as_data(client: TestClient) -> None:
    page = client.get("/", headers={"accept-language": "en"}).text
    found = re.search(r'<script type="application/json" id="page-data"[^>]*>(.*?)</script>', page, re.S)
    assert found is not None
    data = json.loads(found[1])
    assert data["language"] == "en"
    assert data["text"]["retry"] == "Retry"


def test_vendored_libraries_are_the_locked_bytes() -> None:
    assert vendor.problems() == []
