"""Assistants and snippets over HTTP: rights, states, the trash, ETags."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from app.access.principal import LOCAL
from app.services import Services
from app.storage.grants import Grantee
from tests.api.served import PASSWORD, add_key, add_user, fill, services_of
from tests.app.server import serving

SOON = (datetime.now(UTC).date() + timedelta(days=30)).isoformat()
PAST = "2020-01-01"
SNIPPET = {"questions": ["How long is the notice period?"], "answer": "One month.", "expires_on": SOON}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Services, str]]:
    folder = tmp_path_factory.mktemp("house")
    services = services_of(folder / "data", access={"mode": "accounts"}, limits={"apply": "never"})
    with serving(services) as url:
        fill(services, folder)
        for name, level in (("rita", "read"), ("wes", "write"), ("mona", "manage")):
            add_user(services, name, "editor", {"handbook": level, "salaries": level})
        add_user(services, "hal", "editor", {"handbook": "manage"})  # not the salaries
        yield services, url


Call = Any


@pytest.fixture(scope="module")
def call(house: tuple[Services, str]) -> Iterator[Call]:
    services, url = house
    keys = {
        each.name: add_key(services, each.id, ("chat", "ingest", "search"))
        for each in services.accounts.users.all()
        if each.name != "root"
    }
    with httpx.Client(base_url=url, trust_env=False, timeout=30) as client:

        def one(who: str, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
            head = {"Authorization": f"Bearer {keys[who]}", **headers}
            return client.request(method, path, json=body, headers=head)

        yield one


@pytest.fixture
def both(call: Call) -> Iterator[dict[str, Any]]:
    """An assistant that asks both knowledge bases."""
    body = {"name": "Sales", "template": "sales", "collections": ["handbook", "salaries"]}
    made = call("mona", "POST", "/api/assistants", body)
    assert made.status_code == 201, made.text
    yield made.json()
    call("mona", "DELETE", made.headers["location"])


def test_an_assistant_is_there_for_whoever_may_read_all_that_it_asks(
    call: Call, both: dict[str, Any]
) -> None:
    path = f"/api/assistants/{both['id']}"
    shown = {who: call(who, "GET", path) for who in ("rita", "wes", "mona", "hal")}
    assert {who: reply.status_code for who, reply in shown.items()} == {
        "rita": 200, "wes": 200, "mona": 200, "hal": 404
    }  # fmt: skip
    assert {who: shown[who].json()["may"] for who in ("rita", "wes", "mona")} == {
        "rita": {"edit": False, "write_snippets": False},
        "wes": {"edit": False, "write_snippets": True},
        "mona": {"edit": True, "write_snippets": True},
    }
    assert call("hal", "GET", "/api/assistants").json()["data"] == []
    assert call("rita", "GET", "/api/assistants").json()["data"] == [shown["rita"].json()]
    assert shown["rita"].json()["collections"] == ["handbook", "salaries"]


def test_changing_an_assistant_needs_the_right_to_manage_all_that_it_asks_before_and_after(
    call: Call, both: dict[str, Any]
) -> None:
    path, body = f"/api/assistants/{both['id']}", {"instruction": "Be brief"}
    assert [call(who, "PATCH", path, body).status_code for who in ("rita", "wes", "hal", "mona")] == [
        403, 403, 404, 200
    ]  # fmt: skip
    own = call("hal", "POST", "/api/assistants", {"name": "Hals", "collections": ["handbook"]}).json()
    more = {"collections": ["handbook", "salaries"]}
    assert call("hal", "PATCH", f"/api/assistants/{own['id']}", more).status_code == 404
    assert call("hal", "POST", "/api/assistants", {"name": "x", **more}).status_code == 404
    assert call("wes", "POST", "/api/assistants", {"name": "x", **more}).status_code == 403
    assert call("hal", "DELETE", f"/api/assistants/{own['id']}").json()["name"] == "Hals"


@pytest.mark.parametrize("name", ["touchstone/handbook", "Touchstone", " Sales", "a\nb", ""])
def test_an_assistant_cannot_be_called_like_a_model_of_the_server(call: Call, name: str) -> None:
    assert call(
        "mona", "POST", "/api/assistants", {"name": name, "collections": ["handbook"]}
    ).status_code == 422


def test_a_name_is_taken_once(call: Call, both: dict[str, Any]) -> None:
    again = call("mona", "POST", "/api/assistants", {"name": both["name"], "collections": ["handbook"]})
    assert (again.status_code, again.json()["code"]) == (409, "conflict")


def test_an_edit_of_what_has_changed_meanwhile_is_refused_but_a_new_snippet_is_no_change(
    call: Call, both: dict[str, Any]
) -> None:
    path = f"/api/assistants/{both['id']}"
    tag = call("mona", "GET", path).headers["etag"]
    call("wes", "POST", f"{path}/snippets", SNIPPET)
    assert call("mona", "PATCH", path, {"instruction": "A"}, **{"If-Match": tag}).status_code == 200
    assert call("mona", "PATCH", path, {"instruction": "B"}, **{"If-Match": tag}).status_code == 412
    assert call("mona", "DELETE", path, **{"If-Match": tag}).status_code == 412


def test_a_snippet_is_written_approved_changed_deleted_and_restored(
    call: Call, both: dict[str, Any]
) -> None:
    under = f"/api/assistants/{both['id']}/snippets"
    assert call("rita", "POST", under, SNIPPET).status_code == 403
    made = call("wes", "POST", under, {**SNIPPET, "questions": [" How  long? ", "How long?"]})
    assert made.status_code == 201
    draft, path = made.json(), made.headers["location"]
    assert (draft["state"], draft["questions"], draft["owner"]["name"]) == ("draft", ["How long?"], "wes")
    assert draft["approved_by"] is None
    assert call("rita", "GET", path).status_code == 404  # who only reads sees what is offered
    assert call("rita", "GET", under).json()["data"] == []
    until = {"expires_on": SOON}
    assert call("wes", "POST", f"{path}/approve", until).status_code == 403
    approved = call("mona", "POST", f"{path}/approve", until).json()
    assert (approved["state"], approved["approved_by"]["name"]) == ("approved", "mona")
    assert call("rita", "GET", path).json() == approved
    assert call("rita", "GET", under).json()["data"] == [approved]
    edited = call("mona", "PATCH", path, {"answer": "Two months."}).json()
    assert (edited["state"], edited["answer"]) == ("approved", "Two months.")
    assert call("wes", "PATCH", path, {"answer": "Three months."}).json()["state"] == "draft"
    call("mona", "POST", f"{path}/approve", until)
    assert call("wes", "DELETE", path).json()["state"] == "deleted"
    assert call("mona", "PATCH", path, {"answer": "x"}).status_code == 422
    assert call("mona", "POST", f"{path}/approve", until).status_code == 422
    assert call("wes", "GET", under).json()["data"] == []
    (gone,) = call("wes", "GET", f"{under}?state=deleted").json()["data"]
    assert gone["id"] == draft["id"]
    assert call("wes", "POST", f"{path}/restore").json()["state"] == "approved"
    counts = call("rita", "GET", f"/api/assistants/{both['id']}").json()["snippets"]
    assert counts == {"approved": 1, "draft": 0, "expired": 0}


def test_a_day_that_has_passed_and_words_that_are_missing_are_refused(
    call: Call, both: dict[str, Any]
) -> None:
    under = f"/api/assistants/{both['id']}/snippets"
    tried: list[dict[str, object]] = [
        {"expires_on": PAST}, {"questions": ["  "]}, {"answer": " "}, {"questions": []}
    ]  # fmt: skip
    for wrong in tried:
        assert call("wes", "POST", under, {**SNIPPET, **wrong}).status_code == 422, wrong
    path = call("wes", "POST", under, SNIPPET).headers["location"]
    assert call("mona", "POST", f"{path}/approve", {"expires_on": PAST}).status_code == 422
    assert call("wes", "PATCH", path, {"owner": "nobody"}).status_code == 422


def test_snippets_are_listed_in_pages_the_newest_first(call: Call, both: dict[str, Any]) -> None:
    under = f"/api/assistants/{both['id']}/snippets"
    for number in range(3):
        call("wes", "POST", under, {**SNIPPET, "answer": str(number)})
    first = call("wes", "GET", f"{under}?limit=2").json()
    rest = call("wes", "GET", f"{under}?limit=2&cursor={first['next_cursor']}").json()
    assert [each["answer"] for each in (*first["data"], *rest["data"])] == ["2", "1", "0"]
    assert rest["next_cursor"] is None


def test_a_deleted_knowledge_base_leaves_its_assistants_and_one_without_any_is_for_admins(
    house: tuple[Services, str], call: Call
) -> None:
    _, url = house
    call("mona", "POST", "/api/collections", {"name": "brief"})
    made = call("mona", "POST", "/api/assistants", {"name": "Brief", "collections": ["brief"]}).json()
    assert call("mona", "DELETE", "/api/collections/brief").status_code == 200
    path = f"/api/assistants/{made['id']}"
    assert call("mona", "GET", path).status_code == 404
    with httpx.Client(base_url=url, trust_env=False) as admin:
        own = {"Sec-Fetch-Site": "same-origin"}
        body = {"username": "root", "password": PASSWORD}
        admin.post("/api/session", json=body, headers=own)
        assert admin.get(path).json()["collections"] == []
        asked = admin.post("/api/ask", json={"question": "Leave?", "assistant": made["id"]}, headers=own)
        assert asked.status_code == 422
        assert "asks no knowledge base" in asked.json()["detail"]
        assert admin.delete(path, headers=own).status_code == 200


def test_whom_documents_are_fit_for_is_set_for_a_knowledge_base_and_for_one_document(
    house: tuple[Services, str], call: Call
) -> None:
    base, document = "/api/collections/handbook", "/api/collections/handbook/documents"
    named = f"{document}/audience?name=handbook.md"
    assert call("rita", "GET", base).json()["audience"] == "internal"
    assert call("wes", "PUT", f"{base}/audience", {"audience": "customer"}).status_code == 403
    assert call("mona", "PUT", f"{base}/audience", {"audience": "customer"}).json()["audience"] == "customer"
    (row,) = call("rita", "GET", document).json()["data"]
    assert (row["audience"], row["audience_of"]) == ("customer", "collection")
    assert call("rita", "PUT", named, {"audience": "internal"}).status_code == 403
    row = call("wes", "PUT", named, {"audience": "internal"}).json()
    assert (row["audience"], row["audience_of"]) == ("internal", "document")
    row = call("wes", "PUT", named, {"audience": None}).json()
    assert (row["audience"], row["audience_of"]) == ("customer", "collection")
    services, _ = house
    services.add(b"# Prices\n\nInternal only.\n\nThe floor is 5.\n", "prices.md", "handbook")
    rows = {each["name"]: each for each in call("rita", "GET", document).json()["data"]}
    assert (rows["prices.md"]["audience"], rows["prices.md"]["audience_of"]) == ("internal", "marking")
    call("mona", "DELETE", f"{document}?name=prices.md")
    assert call("wes", "PUT", f"{document}/audience?name=no.md", {"audience": None}).status_code == 404
    assert call("wes", "PUT", named, {"audience": "everyone"}).status_code == 422
    call("mona", "PUT", f"{base}/audience", {"audience": "internal"})


def test_changes_are_in_the_audit_log_without_a_word_of_what_was_written(
    house: tuple[Services, str], call: Call, both: dict[str, Any]
) -> None:
    made = call("wes", "POST", f"/api/assistants/{both['id']}/snippets", {**SNIPPET, "answer": "heron-77"})
    call("mona", "POST", f"{made.headers['location']}/approve", {"expires_on": SOON})
    entries = house[0].accounts.audit.page(limit=3)
    assert [(each.action, each.actor_name) for each in entries] == [
        ("snippet_approve", "mona"), ("snippet_add", "wes"), ("assistant_add", "mona")
    ]  # fmt: skip
    assert "heron-77" not in str(entries)


def test_nobody_asks_through_an_assistant_that_is_not_his(
    house: tuple[Services, str], call: Call, both: dict[str, Any]
) -> None:
    """hal may read the handbook, not the salaries."""
    own = {"question": "How many days of annual leave?", "assistant": both["id"]}
    talk = call("hal", "POST", "/api/conversations", {}).json()["id"]
    chat = {"model": both["name"], "messages": [{"role": "user", "content": own["question"]}]}
    tried = [
        call("hal", "POST", "/api/ask", own),
        call("hal", "POST", "/api/search", own),
        call("hal", "POST", "/api/conversations", {"assistant": both["id"]}),
        call("hal", "PATCH", f"/api/conversations/{talk}", {"assistant": both["id"]}),
        call("hal", "POST", f"/api/conversations/{talk}/messages", own),
        call("hal", "POST", "/v1/chat/completions", chat),
        call("hal", "GET", f"/v1/models/{both['name']}"),
    ]
    assert [each.status_code for each in tried] == [404] * 7, [each.text for each in tried]
    assert both["name"] not in [each["id"] for each in call("hal", "GET", "/v1/models").json()["data"]]
    assert call("rita", "GET", f"/v1/models/{both['name']}").json()["touchstone"]["assistant"] == both["id"]


def test_an_assistant_and_knowledge_bases_are_not_named_together(call: Call, both: dict[str, Any]) -> None:
    body = {"question": "Leave?", "assistant": both["id"], "collections": ["handbook"]}
    reply = call("rita", "POST", "/api/search", body)
    assert (reply.status_code, reply.json()["code"]) == (422, "bad_request")
    talk = call("rita", "POST", "/api/conversations", {}).json()["id"]
    assert call("rita", "POST", f"/api/conversations/{talk}/messages", body).status_code == 422


@pytest.fixture
def offered(call: Call, both: dict[str, Any]) -> str:
    """The address of an approved snippet about annual leave."""
    body = {
        "questions": ["How many days of annual leave do employees have?"],
        "answer": "Twelve days a year.", "note": "heron-note", "expires_on": SOON,
    }  # fmt: skip
    path: str = call("mona", "POST", f"/api/assistants/{both['id']}/snippets", body).headers["location"]
    call("mona", "POST", f"{path}/approve", {"expires_on": SOON})
    return path


def _asked(call: Call, who: str, talk: str, **more: object) -> dict[str, Any]:
    """The message once it is answered."""
    body = {"question": "How many days of annual leave do employees have?", **more}
    reply = call(who, "POST", f"/api/conversations/{talk}/messages", body)
    assert reply.status_code == 202, reply.text
    told = call(who, "GET", reply.json()["events_url"])  # until its end
    assert "event: done" in told.text
    message: dict[str, Any] = call(who, "GET", f"/api/messages/{reply.json()['message_id']}").json()
    return message


def test_a_conversation_keeps_its_assistant_and_shows_the_card_also_later(
    call: Call, both: dict[str, Any], offered: str
) -> None:
    call("mona", "PUT", "/api/collections/handbook/audience", {"audience": "customer"})
    talk = call("rita", "POST", "/api/conversations", {"assistant": both["id"]}).json()
    assert talk["assistant"] == {"id": both["id"], "name": "Sales", "template": "sales"}
    message = _asked(call, "rita", talk["id"])
    call("mona", "PUT", "/api/collections/handbook/audience", {"audience": "internal"})
    assert message["settings"]["assistant"] == both["id"]
    assert message["settings"]["collections"] == ["handbook", "salaries"]
    assert [each["name"] for each in message["parts"]][:1] == ["say"]
    say = message["parts"][0]
    assert "12 days" in message["text"][say["start"] : say["end"]]
    assert message["parts"] == message["result"]["parts"]
    (offer,) = message["offers"]
    assert (offer["answer"], offer["note"], offer["state"]) == (
        "Twelve days a year.", "heron-note", "approved"
    )  # fmt: skip
    events = call("rita", "GET", message["events_url"]).text
    names = [line[7:] for line in events.splitlines() if line.startswith("event: ")]
    assert names.index("offers") < names.index("sources") < names.index("part") < names.index("delta")

    call("mona", "PATCH", offered, {"answer": "Thirteen days."})
    assert _state(call, message) == "changed"
    call("wes", "PATCH", offered, {"note": "x"})
    assert _state(call, message) == "draft"
    call("wes", "DELETE", offered)
    assert _state(call, message) == "deleted"

    again = call("rita", "POST", f"/api/messages/{message['id']}/regenerate", {"assistant": ""})
    call("rita", "GET", again.json()["events_url"])
    plain = call("rita", "GET", f"/api/messages/{again.json()['message_id']}").json()
    assert (plain["assistant"], plain["parts"], plain["settings"]["assistant"]) == (None, [], None)


def _state(call: Call, message: dict[str, Any]) -> str:
    shown = call("rita", "GET", f"/api/messages/{message['id']}").json()
    assert shown["offers"] == shown["result"]["offers"]
    return str(shown["offers"][0]["state"])


def test_what_was_offered_is_hidden_once_the_assistant_is_not_his_to_ask(
    house: tuple[Services, str], call: Call, both: dict[str, Any], offered: str
) -> None:
    services, _ = house
    talk = call("rita", "POST", "/api/conversations", {"assistant": both["id"]}).json()["id"]
    message = _asked(call, "rita", talk)
    assert "heron-note" in str(message)
    kept = f"/api/answers/{message['answer_id']}"
    assert "heron-note" in call("rita", "GET", kept).text
    rita = services.accounts.users.named("rita").id
    salaries = services.collections.named("salaries").id
    services.accounts.grants.remove(LOCAL, salaries, Grantee("user", rita))
    try:
        for path in (f"/api/messages/{message['id']}", message["events_url"], kept):
            told = call("rita", "GET", path)
            assert told.status_code in (200, 404), told.text
            assert "heron-note" not in told.text, path
        shown = call("rita", "GET", f"/api/conversations/{talk}").json()
        assert (shown["assistant"], shown["assistant_gone"]) == (None, True)
        again = call("rita", "POST", f"/api/conversations/{talk}/messages", {"question": "Leave?"})
        assert (again.status_code, "choose another" in again.json()["detail"]) == (404, True)
    finally:
        services.accounts.grants.set(LOCAL, salaries, Grantee("user", rita), "read")


def test_a_deleted_assistant_leaves_its_conversations_readable_and_asks_nothing(
    call: Call, both: dict[str, Any], offered: str
) -> None:
    talk = call("rita", "POST", "/api/conversations", {"assistant": both["id"]}).json()["id"]
    message = _asked(call, "rita", talk)
    call("mona", "DELETE", f"/api/assistants/{both['id']}")
    shown = call("rita", "GET", f"/api/messages/{message['id']}").json()
    assert (shown["text"], shown["assistant"], shown["offers"]) == (message["text"], None, [])
    assert call("rita", "POST", f"/api/messages/{message['id']}/regenerate").status_code == 404
    changed = call("rita", "PATCH", f"/api/conversations/{talk}", {"assistant": ""}).json()
    assert changed["assistant_gone"] is False
    assert _asked(call, "rita", talk)["state"] == "complete"


def test_an_assistant_is_a_model_of_its_own_name(call: Call, both: dict[str, Any], offered: str) -> None:
    question = "How many days of annual leave do employees have?"
    body = {"model": both["name"], "messages": [{"role": "user", "content": question}]}
    reply = call("rita", "POST", "/v1/chat/completions", body)
    assert reply.status_code == 200, reply.text
    told = reply.json()["touchstone"]
    assert (told["assistant"]["id"], told["offers"][0]["answer"]) == (both["id"], "Twelve days a year.")
    assert [each["name"] for each in told["parts"]] == ["internal"]
    assert "nothing_for_customers" in [each["code"] for each in told["notices"]]
    more = {**body, "touchstone": {"collections": ["handbook"]}}
    assert call("rita", "POST", "/v1/chat/completions", more).status_code == 400
    streamed = call("rita", "POST", "/v1/chat/completions", {**body, "stream": True}).text
    assert "### Internal only" in streamed
