"""Users, groups, grants, keys, sessions and the audit log over HTTP, for each of three people."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.access.rules import RULES
from app.api.paging import number_of, page_of, place_of, written
from app.errors import BadRequest
from tests.access.house import PASSWORD, House, house

OTHER = "green ladder behind the orchard"


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    with house(tmp_path) as found:
        yield found


def _problem(answer: object) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]  # type: ignore[attr-defined]  # a response of httpx


def test_admin_keeps_users(home: House) -> None:
    client = home.client("anna")
    made = client.post("/api/users", json={"name": "李雷", "role": "editor", "password": PASSWORD})
    assert made.status_code == 201
    at = made.headers["location"]
    assert client.get(at).json() == made.json()
    again = client.post("/api/users", json={"name": "李雷", "password": PASSWORD})
    assert _problem(again) == (409, "conflict")
    assert client.post("/api/users", json={"name": "x", "password": "short"}).status_code == 422
    assert "password" not in made.json()
    listed = client.get("/api/users").json()
    assert [each["name"] for each in listed["data"]] == ["anna", "ben", "eva", "李雷"]
    assert client.put(f"{at}/password", json={"password": OTHER}).status_code == 204
    assert client.post(f"{at}/unlock").json() == {"unlocked": False}
    assert client.patch(at, json={"active": False}).json()["active"] is False
    assert client.delete(at).status_code == 204
    assert _problem(client.get(at)) == (404, "not_found")


def test_change_of_what_changed_meanwhile_is_refused(home: House) -> None:
    client = home.client("anna")
    at = f"/api/users/{home.people['ben'].id}"
    tag = client.get(at).headers["etag"]
    home.client("ben")  # signing in is no change
    first = client.patch(at, json={"role": "editor"}, headers={"If-Match": f'"other", {tag}'})
    assert (first.status_code, first.json()["role"]) == (200, "editor")
    again = client.patch(at, json={"role": "admin"}, headers={"If-Match": tag})
    assert _problem(again) == (412, "outdated")
    assert client.get(at).json()["role"] == "editor"
    weak = {"If-Match": f"W/{first.headers['etag']}"}
    assert _problem(client.delete(at, headers=weak)) == (412, "outdated")
    assert client.patch(at, json={"role": "viewer"}, headers={"If-Match": "*"}).status_code == 200
    assert client.patch(at, json={}).status_code == 200


def test_last_admin_stays(home: House) -> None:
    client, at = home.client("anna"), f"/api/users/{home.people['anna'].id}"
    for change in ({"role": "viewer"}, {"active": False}):
        assert _problem(client.patch(at, json=change)) == (409, "conflict")
    assert _problem(client.delete(at)) == (409, "conflict")
    both = client.patch(at, json={"role": "viewer", "active": False})
    assert both.status_code == 409
    assert client.get("/api/session").json()["role"] == "admin"


@pytest.mark.parametrize("name", ["ben", "eva"])
def test_what_is_for_admins_is_for_nobody_else(home: House, name: str) -> None:
    client = home.client(name)
    for (method, path), rule in RULES.items():
        if rule.role == "admin":
            answer = client.request(method, path.replace("{", "").replace("}", ""))
            assert _problem(answer) == (403, "forbidden"), (method, path)
    assert client.get("/api/keys?everyone=true").status_code == 403
    assert client.get("/api/sessions", params={"user": home.people["anna"].id}).status_code == 403


def test_groups_bring_people_together(home: House) -> None:
    client, ben = home.client("anna"), home.people["ben"].id
    at = client.post("/api/groups", json={"name": "legal"}).headers["location"]
    assert client.put(f"{at}/members/{ben}").status_code == 204
    assert client.put(f"{at}/members/{ben}").status_code == 204
    assert client.get(at).json()["members"] == 1
    assert [each["name"] for each in client.get(f"{at}/members").json()["data"]] == ["ben"]
    assert client.get(f"/api/users/{ben}").json()["groups"][0]["name"] == "legal"
    assert client.delete(f"{at}/members/{ben}").status_code == 204
    assert client.delete(f"{at}/members/{ben}").status_code == 404
    assert client.delete(at).status_code == 204
    assert client.get("/api/groups").json() == {"data": [], "next_cursor": None}


@pytest.mark.parametrize("name", ["hr", "HR/Policies", "合同 1"])
def test_whoever_manages_a_knowledge_base_lets_others_in(home: House, name: str) -> None:
    admin, editor, viewer = home.client("anna"), home.client("eva"), home.client("ben")
    home.services.collections.create(name)
    at = f"/api/collections/{name}/grants"
    assert editor.get(at).status_code == 404, "not visible is not there"
    assert editor.put(at, json={"name": "ben", "level": "read"}).status_code == 404
    assert admin.put(at, json={"name": "eva", "level": "write"}).status_code == 200
    assert _problem(editor.put(at, json={"name": "ben", "level": "read"})) == (403, "forbidden")
    assert admin.put(at, json={"name": "eva", "level": "manage"}).status_code == 200
    made = editor.put(at, json={"name": "BEN", "level": "read"})
    assert [(each["name"], each["level"]) for each in made.json()["data"]] == [
        ("ben", "read"),
        ("eva", "manage"),
    ]
    seen = viewer.get("/api/session").json()["collections"]
    assert [(each["name"], each["level"]) for each in seen] == [(name, "read")]
    assert viewer.get(at).status_code == 403, "a viewer lets nobody in"
    tag = editor.get(at).headers["etag"]
    assert admin.delete(at, params={"name": "eva"}, headers={"If-Match": tag}).status_code == 200
    assert admin.delete(at, params={"name": "ben"}, headers={"If-Match": tag}).status_code == 412
    assert editor.get(at).status_code == 404
    assert [each["name"] for each in admin.get("/api/grants").json()["data"]] == ["ben"]
    assert editor.get("/api/grants").json()["data"] == []


def test_keys_are_ones_own_and_admins_see_them_without_their_secrets(home: House) -> None:
    home.services.collections.create("hr")
    viewer, admin = home.client("ben"), home.client("anna")
    made = viewer.post("/api/keys", json={"name": "a", "uses": ["chat"], "days": None})
    assert made.status_code == 201
    key, secret = made.json()["key"], made.json()["secret"]
    assert key["expires_at"] is None
    hidden = viewer.post("/api/keys", json={"name": "b", "uses": ["chat"], "collections": ["hr"]})
    assert hidden.status_code == 404
    assert viewer.post("/api/keys", json={"name": "b", "uses": ["admin"]}).status_code == 422
    assert viewer.post("/api/keys", json={"name": "b", "uses": ["everything"]}).status_code == 422
    assert home.client("eva").get("/api/keys").json()["data"] == []
    everyones = admin.get("/api/keys?everyone=true")
    assert [each["owner"] for each in everyones.json()["data"]] == ["ben"]
    assert secret not in everyones.text
    assert secret[13:] not in viewer.get("/api/keys").text
    assert home.client("eva").delete(f"/api/keys/{key['id']}").status_code == 404
    assert admin.delete(f"/api/keys/{key['id']}").status_code == 204
    assert home.client(headers={"x-api-key": secret}).get("/api/session").status_code == 401


def test_sessions_are_listed_and_ended(home: House) -> None:
    here, there, admin = home.client("ben"), home.client("ben"), home.client("anna")
    listed = here.get("/api/sessions").json()["data"]
    assert sorted(each["this"] for each in listed) == [False, True]
    other = next(each["id"] for each in listed if not each["this"])
    assert home.client("eva").delete(f"/api/sessions/{other}").status_code == 404
    assert here.delete(f"/api/sessions/{other}").status_code == 204
    assert there.get("/api/session").status_code == 401
    ben = home.people["ben"].id
    assert len(admin.get("/api/sessions", params={"user": ben}).json()["data"]) == 1
    assert admin.delete("/api/sessions", params={"user": ben}).status_code == 204
    assert here.get("/api/session").status_code == 401


def test_programs_sign_in_out_and_change_their_password(home: House) -> None:
    client = home.client("ben")
    wrong = client.put("/api/session/password", json={"current": "wrong password", "new": OTHER})
    assert _problem(wrong) == (401, "not_signed_in")
    done = client.put("/api/session/password", json={"current": PASSWORD, "new": OTHER})
    assert (done.status_code, done.json()["by"]) == (200, "session")
    assert client.get("/api/session").status_code == 200, "the answer brought a new cookie"
    assert client.delete("/api/session").status_code == 204
    assert client.get("/api/session").status_code == 401
    refused = client.post("/api/session", json={"username": "ben", "password": PASSWORD})
    assert _problem(refused) == (401, "not_signed_in")


def test_audit_log_tells_who_did_what_and_never_a_secret(home: House) -> None:
    client = home.client("anna")
    client.post("/api/users", json={"name": "kim", "role": "viewer", "password": OTHER})
    client.post("/api/groups", json={"name": "legal"})
    secret = client.post("/api/keys", json={"name": "a", "uses": ["chat"]}).json()["secret"]
    home.client().post("/api/session", json={"username": "ben", "password": "wrong password here"})
    entries: list[dict[str, object]] = []
    cursor = ""
    while True:
        page = client.get("/api/audit", params={"limit": 2, "cursor": cursor}).json()
        entries += page["data"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert [each["seq"] for each in entries] == list(range(len(entries), 0, -1))
    newest = [(each["action"], each["result"], each["actor_name"]) for each in entries[:4]]
    assert newest == [
        ("sign_in", "refused", ""),
        ("key_add", "ok", "anna"),
        ("group_add", "ok", "anna"),
        ("user_add", "ok", "anna"),
    ]
    whole = str(entries)
    assert entries[0]["address"] == "127.0.0.1"
    assert not any(each in whole for each in (PASSWORD, OTHER, secret, secret[13:]))
    only = client.get("/api/audit", params={"action": "group_add"}).json()["data"]
    assert [each["details"] for each in only] == [{"name": "legal"}]
    checked = client.get("/api/audit/verify", params={"digest": str(entries[3]["digest"])}).json()
    assert (checked["entries"], checked["broken_at"], checked["noted"]) == (len(entries), 0, True)


@pytest.mark.parametrize("cursor", ["nonsense", "AAAA", "LTE", "MTIzNDU2Nzg5MDEyMzQ1Njc4OTA", "%00", "éé"])
@pytest.mark.parametrize("path", ["/api/users", "/api/groups", "/api/grants", "/api/keys", "/api/audit"])
def test_cursor_that_no_page_gave_breaks_nothing(home: House, path: str, cursor: str) -> None:
    answer = home.client("anna").get(path, params={"cursor": cursor})
    assert answer.status_code in (200, 422), answer.text


@given(st.sets(st.text(min_size=1).filter(lambda each: each.isprintable())), st.integers(1, 5), st.booleans())
def test_pages_together_are_the_whole_list_in_order(rows: set[str], limit: int, newest: bool) -> None:
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page, cursor = page_of(list(rows), str, cursor=cursor, limit=limit, newest_first=newest)
        assert len(page) <= limit
        found += page
    assert found == sorted(rows, reverse=newest)


@given(st.text(max_size=80))
def test_cursors_are_read_as_they_were_written_or_refused(cursor: str) -> None:
    with suppress(BadRequest):
        assert written(place_of(cursor)) == cursor
        assert 0 <= number_of(cursor) < 10**18
