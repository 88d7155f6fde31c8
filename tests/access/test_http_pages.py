"""The pages of sign-in, first admin and account, as a browser without JavaScript uses them."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi.testclient import TestClient
from hypothesis import example, given
from hypothesis import strategies as st

from app.main import create_app
from app.services import Services
from app.settings import AccessSettings, ServerSettings, Settings
from app.storage.grants import Grantee
from app.web.agents import agent_name
from app.web.signing_in import local_path
from app.wiring import build_models
from tests.access.house import FAR, HERE, NEAR, PASSWORD, SAME_ORIGIN, House, house

OTHER = "green ladder behind the orchard"
EVIL = [
    "//evil.example", "///evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example",
    "javascript:alert(1)", "/\t/evil.example", "/\n/evil.example", "\t//evil.example", "/ /evil.example", "",
    "evil.example", "/\u2028/evil.example", "//evil.example/%2e%2e", "/\x00", "@evil.example",
]  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with house(tmp_path_factory.mktemp("house")) as found:
        yield found


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[Services, TestClient]]:
    """A server in accounts mode where nobody has an account yet."""
    settings = Settings(data_dir=tmp_path, access=AccessSettings(mode="accounts"), demo=False)
    with Services(settings, build_models=build_models) as services:
        client = TestClient(create_app(services), base_url=HERE, client=NEAR, follow_redirects=False)
        client.headers.update({**SAME_ORIGIN, "Accept-Language": "en"})
        yield services, client


@given(st.text())
@example("/?q=1")
def test_the_way_on_after_the_sign_in_never_leaves_this_server(wanted: str) -> None:
    for base in ("http://here.example/login", "https://here.example/"):
        assert urlsplit(urljoin(base, local_path(wanted))).netloc == "here.example"


@pytest.mark.parametrize("wanted", EVIL)
def test_hostile_way_on_leads_to_the_chat(home: House, wanted: str) -> None:
    assert local_path(wanted) == "/"
    form = {"username": "ben", "password": PASSWORD, "next": wanted}
    answer = home.client().post("/login", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


@pytest.mark.parametrize("wanted", ["/", "/account", "/?lang=zh", "/a/b?c=%2F%2F&d=//x"])
def test_way_on_within_this_server_is_kept(home: House, wanted: str) -> None:
    form = {"username": "ben", "password": PASSWORD, "next": wanted}
    assert home.client().post("/login", data=form).headers["location"] == wanted


def test_sign_in_sets_a_cookie_no_script_reads_and_sign_out_ends_it(home: House) -> None:
    client = home.client()
    answer = client.post("/login", data={"username": "ben", "password": PASSWORD})
    assert re.fullmatch(
        r"sid=[\w-]{43}; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax", answer.headers["set-cookie"]
    )
    assert client.get("/login?next=/account").headers["location"] == "/account", "signed in already"
    page = client.get("/")
    assert page.status_code == 200
    assert "ben" in page.text
    assert 'action="/logout"' in page.text
    token = client.cookies["sid"]
    gone = client.post("/logout")
    assert (gone.status_code, gone.headers["location"]) == (303, "/login")
    assert gone.headers["clear-site-data"] == '"storage"'
    assert "sid" not in client.cookies
    assert home.client(headers={"Cookie": f"sid={token}"}).get("/api/session").status_code == 401
    assert client.post("/logout").headers["location"] == "/login", "twice is no error"


@pytest.mark.parametrize("path", ["/login", "/api/session"])
def test_session_that_this_browser_had_ends_with_a_new_sign_in(home: House, path: str) -> None:
    client = home.client("ben")
    before = client.cookies["sid"]
    form = {"username": "eva", "password": PASSWORD}
    if path == "/login":
        client.post(path, data=form)
    else:
        client.post(path, json=form)
    assert client.get("/api/session").json()["name"] == "eva"
    assert home.client(headers={"Cookie": f"sid={before}"}).get("/api/session").status_code == 401


def test_wrong_password_and_unknown_name_are_told_alike(home: House) -> None:
    pages = []
    for name, password in (("ben", "wrong password here"), ("nobody", "wrong password here"), ("", "")):
        form = {"username": name, "password": password, "next": "/account"}
        answer = home.client(headers={"Accept-Language": "zh"}).post("/login", data=form)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        shown = re.sub(r'nonce="[^"]+"', "", answer.text)
        pages.append(shown.replace(f'value="{name}"', ""))
    assert "用户名或密码错误，或账户已停用。" in pages[0]
    assert 'aria-describedby="form-error"' in pages[0]
    assert pages[0].replace(" autofocus", "") == pages[1].replace(" autofocus", "")


def test_name_that_was_typed_comes_back_as_text_and_nothing_else(home: House) -> None:
    hostile = '"><script>alert(1)</script>'
    page = home.client().post("/login", data={"username": hostile, "password": "x", "next": hostile}).text
    assert "<script>alert" not in page
    assert "&#34;&gt;&lt;script&gt;" in page


def test_first_admin_is_made_once_with_the_token_that_was_printed(
    empty: tuple[Services, TestClient],
) -> None:
    services, client = empty
    token = services.accounts.setup_token()
    assert token is not None
    assert "Nobody has an account yet." in client.get("/login").text
    assert token in client.get(f"/setup?token={token}").text
    form = {"token": token, "username": "anna", "password": PASSWORD, "repeated": PASSWORD}
    for wrong, told in (
        ({"token": "guessed"}, "This is not the token"),
        ({"repeated": "another one than that"}, "The two passwords differ."),
        ({"password": "short", "repeated": "short"}, "Choose at least 12 characters"),
        ({"username": " anna"}, "Choose 1 to 64 visible characters"),
    ):
        answer = client.post("/setup", data={**form, **wrong})
        assert answer.status_code in (401, 422)
        assert told in answer.text
        assert 'aria-invalid="true"' in answer.text
        assert services.accounts.empty()
    done = client.post("/setup", data=form)
    assert (done.status_code, done.headers["location"]) == (303, "/")
    who = client.get("/api/session").json()
    assert (who["name"], who["role"], who["by"]) == ("anna", "admin", "session")
    for again in (client.get(f"/setup?token={token}"), client.post("/setup", data=form)):
        assert (again.status_code, again.headers["location"]) == (303, "/login")
    assert len(services.accounts.users.all()) == 1
    noted = [(entry.action, entry.result) for entry in services.accounts.audit.page()]
    assert {("setup", "ok"), ("setup", "refused"), ("sign_in", "ok")} <= set(noted)


def test_too_many_failures_make_even_the_right_password_wait(tmp_path: Path) -> None:
    with house(tmp_path, access=AccessSettings(mode="accounts", free_failures=1, first_wait_s=90)) as home:
        client = home.client()
        for _ in range(2):
            client.post("/login", data={"username": "ben", "password": "wrong password here"})
        answer = client.post("/login", data={"username": "ben", "password": PASSWORD})
        assert answer.status_code == 429
        assert 0 < int(answer.headers["retry-after"]) <= 90
        assert "Try again in 2 minutes." in answer.text


def test_nobody_signs_in_over_plain_http_from_another_machine(home: House) -> None:
    client = home.client(client=FAR, url="http://192.0.2.1:8400")
    page = client.get("/login")
    assert "Signing in is off for this connection" in page.text
    assert 'type="password"' not in page.text
    for path in ("/login", "/setup", "/api/session"):
        form = {"username": "ben", "password": PASSWORD}
        kind = {"json": form} if path.startswith("/api") else {"data": form}
        answer = client.post(path, **kind)  # type: ignore[arg-type]  # either of the two
        assert answer.status_code == 403
        assert "set-cookie" not in answer.headers


def test_allowed_risk_is_said_on_every_page(tmp_path: Path) -> None:
    access = AccessSettings(mode="accounts", allow_insecure_http=True)
    with house(tmp_path, access=access) as home:
        client = home.client("ben", client=FAR, url="http://192.0.2.1:8400")
        for path in ("/", "/account"):
            assert "This connection is not encrypted" in client.get(path).text
        assert "This connection is not encrypted" not in home.client("ben").get("/account").text


def test_behind_a_proxy_that_ends_tls_the_public_address_counts(tmp_path: Path) -> None:
    server = ServerSettings(public_origin="https://kb.example.org")
    with house(tmp_path, server=server) as home:
        named = home.client(url="http://kb.example.org", client=NEAR)
        answer = named.post("/login", data={"username": "ben", "password": PASSWORD})
        assert answer.headers["set-cookie"].startswith("__Host-sid=")
        assert answer.headers["set-cookie"].endswith("; Secure")
        # A proxy that puts its own name for the server into Host: the Origin is the public one.
        origin = {"Origin": "https://kb.example.org"}
        behind = home.client(url="https://10.0.0.5:8400", client=FAR, headers=origin)
        del behind.headers["Sec-Fetch-Site"]
        assert behind.post("/login", data={}).status_code == 401
        behind.headers["Origin"] = "https://evil.example"
        assert behind.post("/login", data={}).json()["code"] == "cross_site_request"
        assert home.client(url="http://other.example.org").get("/login").status_code == 421


def test_page_of_an_account_shows_what_is_ones_own(home: House) -> None:
    client = home.client("ben", headers={"Accept-Language": "en", "User-Agent": "<b>Browser</b>"})
    page = client.get("/account").text
    assert "&lt;b&gt;Browser&lt;/b&gt;" in page
    assert "Viewer" in page
    assert "anna" not in page
    assert "administration" not in page, "a viewer is not offered what he may not have"
    assert "administration" in home.client("anna").get("/account").text


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
         "Safari/537.36", "Chrome · Linux"),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 "
         "Safari/537.36 Edg/156.0.0.0", "Edge · Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
         "Version/19.0 Safari/605.1.15", "Safari · macOS"),
        ("Mozilla/5.0 (Android 16; Mobile; rv:150.0) Gecko/150.0 Firefox/150.0", "Firefox · Android"),
        ("python-httpx/0.28", "python-httpx/0.28"),
        ("", ""),
    ],
)  # fmt: skip
def test_browsers_are_called_as_people_call_them(agent: str, name: str) -> None:
    assert agent_name(agent) == name


def test_password_is_changed_by_whoever_knows_it_and_every_other_browser_is_signed_out(
    tmp_path: Path,
) -> None:
    with house(tmp_path) as home:
        client, elsewhere = home.client("ben"), home.client("ben")
        for form, told in (
            ({"current": "wrong one here", "new": OTHER, "repeated": OTHER}, "not your present password"),
            ({"current": PASSWORD, "new": OTHER, "repeated": "x"}, "The two passwords differ."),
            ({"current": PASSWORD, "new": "ben", "repeated": "ben"}, "Choose at least 12 characters"),
        ):
            answer = client.post("/account/password", data=form)
            assert answer.status_code == 422
            assert told in answer.text
        form = {"current": PASSWORD, "new": OTHER, "repeated": OTHER}
        assert client.post("/account/password", data=form).headers["location"] == "/account?done=password"
        assert "Your password was changed." in client.get("/account?done=password").text
        assert client.get("/api/session").status_code == 200
        assert elsewhere.get("/api/session").status_code == 401
        again = home.client().post("/login", data={"username": "ben", "password": OTHER})
        assert again.status_code == 303


def test_other_browsers_are_listed_and_signed_out(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        here, there = home.client("ben"), home.client("ben", headers={"User-Agent": "Elsewhere/1.0"})
        assert "Elsewhere/1.0" in here.get("/account").text
        session = re.findall(r'name="session" value="([0-9a-f]+)"', here.get("/account").text)
        assert len(session) == 1, "one's own browser is ended by signing out"
        annas = home.services.accounts.sessions.of(home.people["anna"].id)
        assert annas == []
        home.client("anna")
        foreign = home.services.accounts.sessions.of(home.people["anna"].id)[0].id
        assert here.post("/account/sessions", data={"session": foreign}).headers["location"] == "/account"
        assert len(home.services.accounts.sessions.of(home.people["anna"].id)) == 1
        here.post("/account/sessions", data={"session": session[0]})
        assert there.get("/api/session").status_code == 401
        assert here.get("/api/session").status_code == 200
        here.post("/account/sessions", data={"session": "all"})
        assert here.get("/api/session").status_code == 401


def test_key_is_shown_once_works_and_ends(tmp_path: Path) -> None:
    with house(tmp_path) as home:
        collection = home.services.collections.create("hr")
        home.services.accounts.grants.set(
            home.people["anna"], collection.id, _grantee(home, "ben"), "read"
        )
        client = home.client("ben")
        form = {"name": "Dify", "uses": ["search", "rerank"], "only": [collection.id], "days": "30"}
        made = client.post("/account/keys", data=form)
        found = re.search(r">(tsk_[0-9a-f]{8}_[\w-]{43})<", made.text)
        assert found is not None
        page = client.get("/account").text
        assert found[1] not in page
        assert "Dify" in page
        who = home.client(headers={"x-api-key": found[1]}).get("/api/session").json()
        assert (who["uses"], [each["name"] for each in who["collections"]]) == (["rerank", "search"], ["hr"])
        refused: list[dict[str, object]] = [
            {"name": " "}, {"uses": []}, {"uses": ["admin"]}, {"days": "7"}, {"only": ["nowhere"]}
        ]  # fmt: skip
        for wrong in refused:
            answer = client.post("/account/keys", data={**form, **wrong})
            assert answer.status_code == 422, wrong
            assert "tsk_" not in re.sub(r"tsk_[0-9a-f]{8}_…", "", answer.text)
        key = home.services.accounts.keys.of(home.people["ben"].id)[0].id
        home.client("eva").post("/account/keys/revoke", data={"key": key})
        assert home.client(headers={"x-api-key": found[1]}).get("/api/session").status_code == 200
        assert client.post("/account/keys/revoke", data={"key": key}).headers["location"] == (
            "/account?done=revoked"
        )
        assert home.client(headers={"x-api-key": found[1]}).get("/api/session").status_code == 401


def test_key_cannot_do_what_its_owner_does_himself(home: House) -> None:
    secret = home.key("anna", "admin", "chat", "search")
    client = home.client(headers={"x-api-key": secret})
    for method, path in (
        ("GET", "/account"), ("POST", "/account/password"), ("POST", "/account/keys"), ("GET", "/api/keys"),
        ("POST", "/api/keys"), ("GET", "/api/sessions"), ("PUT", "/api/session/password"),
    ):  # fmt: skip
        assert client.request(method, path).status_code == 403, path


def _grantee(home: House, name: str) -> Grantee:
    return Grantee("user", home.people[name].id)
