"""What is another's is not there; what rests on documents that may not be seen any more is not shown."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from app.access.principal import LOCAL
from app.access.rules import RULES
from app.curator import Curator
from app.errors import NotFound
from app.storage.answers import Answers
from tests.conversations.conftest import PASSWORD, House
from tests.conversations.talking import QUESTION, Person

PERSONAL = sorted(
    (method, path)
    for method, path in RULES
    if path.startswith(("/api/conversations/{", "/api/messages/{"))
)
BODIES: dict[str, object] = {
    "PATCH": {"title": "mine now"},
    "PUT": {"verdict": "up"},
}


@pytest.mark.parametrize(("method", "path"), PERSONAL)
@pytest.mark.parametrize("somebody", ["cat", "anna"])
def test_conversations_of_others_are_not_there_on_any_route(
    house: House, ben: Person, method: str, path: str, somebody: str
) -> None:
    conversation = ben.talk(title="of ben")
    message = ben.answered(conversation)["id"]
    ben.http.put(f"/api/messages/{message}/feedback", json={"verdict": "down", "text": "no"})
    before = ben.get(f"/api/messages/{message}"), ben.get(f"/api/conversations/{conversation}")
    other = house.person(somebody)
    body = {"question": QUESTION} if path.endswith("/messages") and method == "POST" else BODIES.get(method)
    address = path.format(conversation_id=conversation, message_id=message)
    refused = other.http.request(method, address, json=body)
    assert (refused.status_code, refused.json()["code"]) == (404, "not_found"), address
    assert "of ben" not in refused.text
    assert (ben.get(f"/api/messages/{message}"), ben.get(f"/api/conversations/{conversation}")) == before
    nobody = house.nobody().http.request(method, address, json=body)
    assert nobody.status_code == 401


def test_lists_show_nothing_of_others(house: House, ben: Person) -> None:
    conversation = ben.talk(title="zebra crossing")
    ben.answered(conversation)
    for somebody in ("cat", "anna"):
        other = house.person(somebody)
        assert conversation not in [each["id"] for each in other.get("/api/conversations")["data"]]
        assert other.get("/api/conversations", q="zebra")["data"] == []


def test_knowledge_base_that_is_not_visible_cannot_be_asked(house: House) -> None:
    cat = house.person("cat")
    refused = cat.http.post("/api/conversations", json={"collections": ["vault"]})
    assert refused.status_code == 404
    question = {"question": QUESTION, "collections": ["vault"]}
    assert cat.http.post(f"/api/conversations/{cat.talk()}/messages", json=question).status_code == 404
    assert cat.http.post("/api/search", json=question).status_code == 404


def test_answer_from_what_is_not_visible_any_more_is_withheld_everywhere(house: House, ben: Person) -> None:
    conversation = ben.talk(collections=["vault"])
    house.generator.reset()
    message = ben.answered(conversation, "How long is the annual leave of directors?")
    assert "99 days" in json.dumps(message["result"]["passages"])
    house.revoke("ben", "vault")
    try:
        later = house.person("ben", language="zh-CN")
        found = later.get(f"/api/messages/{message['id']}")
        assert (found["withheld"], found["text"], found["result"]["answer"]) == (True, "", "")
        assert [each["code"] for each in found["notices"]] == ["source_not_visible"]
        assert "无权查看" in found["notices"][0]["text"]
        assert found["question"] == message["question"]
        (listed,) = later.get(f"/api/conversations/{conversation}/messages")["data"]
        assert listed == found
        (only,) = later.events(message["id"])
        assert (only.name, only.data) == ("done", found)
        shown = later.get(f"/api/conversations/{conversation}")
        assert (shown["collections"], shown["gone"]) == ([], 1)
        for text in (json.dumps(found), json.dumps(shown)):
            assert not any(word in text for word in ("99 days", "vault.md", "Vault", "portal"))
        assert later.get("/api/conversations", q="portal lead vault")["data"] == []
        refused = later.http.post(
            f"/api/conversations/{conversation}/messages", json={"question": "And in a leap year?"}
        )
        assert refused.status_code == 404
        assert later.http.post(f"/api/messages/{message['id']}/regenerate").status_code == 404
    finally:
        house.grant("ben", "vault")
    assert house.person("ben").get(f"/api/messages/{message['id']}") == message


def test_answer_that_only_found_it_loses_the_line_in_the_list(house: House, ben: Person) -> None:
    question = "How many days of annual leave do employees ask for in the portal?"
    message = ben.answered(ben.talk(), question, top_n=1)
    documents = {each["document"] for each in message["result"]["candidates"]}
    assert documents == {"leave.md", "vault.md"}
    assert {each["document"] for each in message["result"]["passages"]} == {"leave.md"}
    house.revoke("ben", "vault")
    try:
        found = house.person("ben").get(f"/api/messages/{message['id']}")
    finally:
        house.grant("ben", "vault")
    assert (found["withheld"], found["text"]) == (False, message["text"])
    assert "vault" not in json.dumps(found)
    assert [each["code"] for each in found["notices"]] == ["source_not_visible"]


def test_follow_up_on_a_withheld_answer_knows_nothing_of_it(house: House, ben: Person) -> None:
    conversation = ben.talk(collections=["vault"])
    ben.answered(conversation, "How long is the annual leave of directors?")
    house.revoke("ben", "vault")
    try:
        later = house.person("ben")
        message = later.answered(conversation, "And of employees?", collections=["handbook"])
        sent = str(house.generator.prompts[-1].messages) if house.generator.prompts else ""
    finally:
        house.grant("ben", "vault")
    assert "99" not in sent
    assert not message["withheld"]


def test_stream_ends_when_the_right_is_taken_away_meanwhile(house: House, ben: Person) -> None:
    house.generator.hold(after=3)
    message = ben.ask(ben.talk(collections=["vault"]), "How long is the annual leave of directors?")
    try:
        with ben.following(message) as events:
            assert house.generator.held.wait(10)
            house.revoke("ben", "vault")
            last = list(events)[-1]
        assert (last.name, last.data["code"]) == ("error", "session_revoked")
        assert house.person("ben").http.get(f"/api/messages/{message}/events").status_code == 404
    finally:
        house.generator.release.set()
        house.grant("ben", "vault")
    ben.done(message)


def test_person_who_is_deleted_leaves_no_conversations_feedback_or_answers(house: House) -> None:
    accounts, database = house.services.accounts, house.services.database
    made = accounts.users.add(LOCAL, "dora", "viewer", PASSWORD)
    house.people["dora"] = accounts.users.principal(made.id)
    house.grant("dora", "handbook")
    dora = house.person("dora")
    message = dora.answered(dora.talk())
    dora.http.put(f"/api/messages/{message['id']}/feedback", json={"verdict": "up"})
    result = house.services.answer(house.services.ask(QUESTION, principal=LOCAL))
    answers = Answers(database, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    answers.keep(replace(result, answer_id="of dora"), owner=made.id)
    accounts.users.remove(LOCAL, made.id)
    connection = database.connection()
    for table in ("conversation", "answer", "feedback"):
        rows = connection.execute(f"SELECT count(*) FROM {table} WHERE owner = ?", (made.id,))  # noqa: S608
        assert rows.fetchone()[0] == 0, table
    rows = connection.execute("SELECT count(*) FROM message WHERE id = ?", (message["id"],))
    assert rows.fetchone()[0] == 0


def test_kept_answers_are_found_by_their_owner_alone(house: House) -> None:
    rows = Answers(house.services.database, now=lambda: datetime(2026, 1, 2, tzinfo=UTC))
    result = house.services.answer(house.services.ask(QUESTION, principal=LOCAL))
    for owner in ("one", "two"):
        rows.keep(replace(result, answer_id=f"of {owner}"), owner=owner)
    assert [each.id for each in rows.page(owner="one")] == ["of one"]
    assert {"of one", "of two"} <= {each.id for each in rows.page()}
    assert (rows.get("of one", owner="one").owner, rows.get("of one").id) == ("one", "of one")
    with pytest.raises(NotFound):
        rows.get("of one", owner="two")


def test_words_of_a_document_that_was_deleted_for_good_are_nowhere_in_the_messages(
    house: House, ben: Person
) -> None:
    house.services.add(b"# Cafeteria\n\nLunch in the cafeteria costs 7 crowns.\n", "lunch.md", "handbook")
    message = ben.answered(ben.talk(), "How much is lunch in the cafeteria?")
    assert "7 crowns" in json.dumps(message)
    curator = Curator(house.services, LOCAL)
    curator.delete_document("handbook", "lunch.md")
    assert ben.get(f"/api/messages/{message['id']}") == message  # it could be restored
    curator.purge("handbook", "lunch.md")
    found = ben.get(f"/api/messages/{message['id']}")
    assert (found["wiped"], found["text"], found["result"]) == (True, "", None)
    assert [each["code"] for each in found["notices"]] == ["answer_wiped"]
    assert [each.name for each in ben.events(message["id"])] == ["done"]
    connection = house.services.database.connection()
    for table in ("message", "message_event", "message_source"):
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        assert not any("7 crowns" in str(value) for row in rows for value in row), table


def test_document_deleted_for_good_while_it_is_answered_from_leaves_no_words(
    house: House, ben: Person
) -> None:
    house.services.add(b"# Garage\n\nThe garage opens at 6 sharp.\n", "garage.md", "handbook")
    house.generator.hold(after=3)
    message = ben.ask(ben.talk(), "When does the garage open?")
    with ben.following(message) as events:
        assert house.generator.held.wait(10)
        curator = Curator(house.services, LOCAL)
        curator.delete_document("handbook", "garage.md")
        curator.purge("handbook", "garage.md")
        house.generator.release.set()
        last = list(events)[-1]
    assert (last.name, last.data["wiped"], last.data["text"]) == ("done", True, "")
    assert [each.name for each in ben.events(message)] == ["done"]
