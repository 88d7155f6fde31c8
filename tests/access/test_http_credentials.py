"""What opens the door: one credential, read in one place, before any byte of a body."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.types import Message

from app.access.principal import LOCAL
from app.access.rules import RULES
from app.settings import AccessSettings
from tests.access.house import FAR, FOREIGN, HERE, PASSWORD, House, house

FOR_PROGRAMS = ("/v1/rerank", "/v2/rerank", "/rerank", "/score", "/v1/score")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as found:
        yield found


def _told(problem: dict[str, object]) -> dict[str, object]:
    """A problem without the number of its request."""
    return {name: value for name, value in problem.items() if name != "request_id"}


def _address(path: str) -> str:
    return path.replace("{", "").replace("}", "")


@pytest.mark.parametrize(
    ("method", "path"), [each for each, rule in RULES.items() if not rule.open], ids=lambda each: each
)
def test_nobody_gets_in_without_a_credential(home: House, method: str, path: str) -> None:
    answer = home.client().request(method, _address(path))
    assert answer.status_code == 401, answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_what_is_there_and_what_is_not_look_alike_from_outside(home: House) -> None:
    client = home.client()
    there, nowhere = client.get("/api/users"), client.get("/api/no/such/thing")
    assert there.status_code == nowhere.status_code == 401
    assert _told(there.json()) == _told(nowhere.json())
    assert client.put("/healthz").status_code == 401


def test_open_addresses_need_no_credential_and_mind_no_wrong_one(home: House) -> None:
    for headers in ({}, {"Authorization": "Bearer nonsense"}, {"Cookie": "sid=nonsense"}):
        client = home.client(headers=headers)
        assert client.get("/healthz").status_code == 200
        assert client.get("/login").status_code == 200
        assert client.get("/static/app.css").status_code == 200
        assert client.head("/healthz").status_code in (200, 405)


def test_browser_that_opens_a_page_is_led_to_the_sign_in_and_back(home: House) -> None:
    client = home.client(headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    answer = client.get("/account?lang=zh")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?next=%2Faccount%3Flang%3Dzh"
    assert client.get("/no/such/page").status_code == 303
    assert client.post("/api/checkup").status_code == 401


def test_both_headers_are_one_key(home: House) -> None:
    secret = home.key("ben", "search")
    for headers in (
        {"Authorization": f"Bearer {secret}"},
        {"authorization": f"bearer  {secret} "},
        {"x-api-key": secret},
        {"Authorization": f"Bearer {secret}", "x-api-key": secret},
    ):
        who = home.client(headers=headers).get("/api/session").json()
        assert (who["name"], who["by"], who["uses"]) == ("ben", "key", ["search"])


@pytest.mark.parametrize("path", ["/api/documents-of-nobody", "/api/session", "/v1/rerank"])
def test_key_is_as_wrong_in_one_header_as_in_the_other(home: House, path: str) -> None:
    wrong = "tsk_00000000_" + "A" * 43
    replies = [
        home.client(headers=headers).get(path)
        for headers in ({"Authorization": f"Bearer {wrong}"}, {"x-api-key": wrong})
    ]
    assert [reply.status_code for reply in replies] == [401, 401]
    assert _told(replies[0].json()) == _told(replies[1].json())


def test_two_credentials_are_refused_and_not_ranked(home: House) -> None:
    bens, annas = home.key("ben", "chat"), home.key("anna", "admin")
    both = {"Authorization": f"Bearer {bens}", "x-api-key": annas}
    assert home.client(headers=both).get("/api/users").status_code == 401
    signed_in = home.client("anna")
    assert signed_in.get("/api/users").status_code == 200
    assert signed_in.get("/api/users", headers={"x-api-key": bens}).status_code == 401
    assert signed_in.get("/api/users", headers={"Authorization": "Bearer nonsense"}).status_code == 401
    assert signed_in.get("/api/users", headers={"Authorization": "Basic YTpi"}).status_code == 401
    planted = {"Cookie": f"sid={signed_in.cookies['sid']}; sid=planted"}
    assert home.client(headers=planted).get("/api/session").status_code == 401


@pytest.mark.parametrize("path", FOR_PROGRAMS)
def test_no_cookie_opens_what_is_for_programs(home: House, path: str) -> None:
    body = {"query": "q", "documents": ["d"]}
    assert home.client("anna").post(path, json=body).status_code == 401
    with_key = home.client(headers={"x-api-key": home.key("ben", "rerank")}).post(path, json=body)
    assert with_key.status_code not in (401, 403), with_key.text
    other_use = home.client(headers={"x-api-key": home.key("ben", "chat")}).post(path, json=body)
    assert other_use.status_code == 403


def test_each_channel_reads_its_own_cookie_alone(home: House) -> None:
    token = home.client("ben").cookies["sid"]
    for url, name, status in (
        (HERE, "sid", 200),
        (HERE, "__Host-sid", 401),
        ("https://127.0.0.1", "__Host-sid", 200),
        ("https://127.0.0.1", "sid", 401),
    ):
        client = home.client(url=url, headers={"Cookie": f"{name}={token}"})
        assert client.get("/api/session").status_code == status, (url, name)
    exposed = home.client(client=FAR, headers={"Cookie": f"sid={token}"})
    assert exposed.get("/api/session").status_code == 401


@pytest.mark.parametrize("credential", [{}, {"Authorization": "Bearer nonsense"}, {"x-api-key": "nonsense"}])
def test_another_website_does_nothing_with_somebodys_cookie(home: House, credential: dict[str, str]) -> None:
    cookie = {"Cookie": f"sid={home.client('anna').cookies['sid']}"}
    body = {"name": "mallory", "role": "admin", "password": PASSWORD}
    for foreign in (FOREIGN, {"Sec-Fetch-Site": "same-site"}):
        client = home.client(headers={**cookie, **foreign, **credential})
        assert client.post("/api/users", json=body).status_code == 403
    without = {"Sec-Fetch-Site": "", **cookie, **credential}  # an old browser: no Fetch Metadata, no Origin
    client = home.client(headers=without)
    del client.headers["Sec-Fetch-Site"]
    assert client.post("/api/users", json=body).status_code == 403
    assert "mallory" not in home.client("anna").get("/api/users").text


def test_bogus_authorization_beside_a_cookie_opens_nothing_on_this_website_either(home: House) -> None:
    body = {"name": "mallory", "role": "admin", "password": PASSWORD}
    done = home.client("anna").post("/api/users", json=body, headers={"Authorization": "Bearer nonsense"})
    assert done.status_code == 401
    assert "mallory" not in home.client("anna").get("/api/users").text


def test_another_website_signs_nobody_in(home: House) -> None:
    client = home.client(headers=FOREIGN)
    form = {"username": "ben", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 403
    assert client.post("/api/session", json=form).status_code == 403
    assert client.post("/logout").status_code == 403
    assert "set-cookie" not in client.post("/login", data=form).headers


def test_body_of_somebody_unknown_is_never_read(home: House) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"127.0.0.1"), (b"content-length", b"1000000"), (b"x-api-key", b"nonsense")]
    scope = {
        "type": "http", "method": "POST", "path": "/api/ask", "raw_path": b"/api/ask", "query_string": b"",
        "headers": headers, "scheme": "http", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "http_version": "1.1", "root_path": "",
    }  # fmt: skip
    asyncio.run(home.app(scope, receive, send))
    assert sent[0]["status"] == 401


def test_what_a_credential_opens_follows_its_owner_at_once(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        accounts, admin = home.services.accounts, home.people["anna"]
        secret, eva = home.key("eva", "ingest"), home.people["eva"].id
        with_key, browser = home.client(headers={"x-api-key": secret}), home.client("eva")
        assert with_key.post("/api/collections", json={"name": "a"}).status_code == 200
        accounts.users.set_role(admin, eva, "viewer")
        assert with_key.post("/api/collections", json={"name": "b"}).status_code == 403
        assert browser.get("/api/session").status_code == 401, "sessions end when a role changes"
        accounts.users.disable(admin, eva)
        assert with_key.get("/api/session").status_code == 401
        accounts.users.enable(admin, eva)
        key_id = accounts.keys.of(eva)[0].id
        assert with_key.get("/api/session").status_code == 200
        accounts.keys.revoke(admin, key_id)
        assert with_key.get("/api/session").status_code == 401


def test_single_mode_serves_whoever_reaches_it_whatever_he_shows(tmp_path: Path) -> None:
    with house(tmp_path, access=AccessSettings(mode="single")) as home:
        for headers in ({}, {"Authorization": "Bearer sk-dummy"}, {"x-api-key": "a", "Cookie": "sid=b"}):
            who = home.client(headers=headers).get("/api/session").json()
            assert (who["id"], who["role"], who["by"]) == (LOCAL.id, "admin", "local")
        assert home.client().get("/account").headers["location"] == "/"
        assert home.client().get("/login").headers["location"] == "/"
        refused = home.client().post("/api/session", json={"username": "ben", "password": PASSWORD})
        assert (refused.status_code, refused.json()["code"]) == (409, "conflict")


def test_token_of_the_command_line_is_the_person_at_this_machine(home: House) -> None:
    token = home.services.lock.token
    who = home.client(headers={"Authorization": f"Bearer {token}"}).get("/api/session").json()
    assert (who["id"], who["by"]) == (LOCAL.id, "local")
