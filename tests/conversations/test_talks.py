"""Conversations: named, found, deleted and brought back; variants, history, and how long all is kept."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.conversations.titles import WIDTH, title_of
from app.services import Services
from app.settings import Settings
from app.storage.messages import MessageRow
from app.wiring import build_models
from tests.conversations.conftest import House
from tests.conversations.talking import QUESTION, Person


def test_first_question_becomes_the_title_and_only_the_first(ben: Person) -> None:
    conversation = ben.talk()
    assert ben.get(f"/api/conversations/{conversation}")["title"] == ""
    ben.answered(conversation)
    ben.answered(conversation, "And where do they ask for them?")
    assert ben.get(f"/api/conversations/{conversation}")["title"] == QUESTION
    named = ben.talk(title="  Leave \n of absence ")
    ben.answered(named)
    assert ben.get(f"/api/conversations/{named}")["title"] == "Leave of absence"


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("How  many\ndays?", "How many days?"),
        (
            "How many days of annual leave do employees of the northern branch have in a leap year?",
            "How many days of annual leave do employees of the northern…",
        ),
        ("员工" * 30, "员工" * 15 + "…"),
        ("x" * 100, "x" * 60 + "…"),
        (
            "请问在公司连续工作满一年以上的正式员工，每年可以休多少天带薪年假？",
            "请问在公司连续工作满一年以上的正式员工，每年可以休多少天带薪…",
        ),
    ],
)
def test_title_ends_between_two_words(question: str, title: str) -> None:
    assert title_of(question) == title


@given(st.text(min_size=1, max_size=300))
def test_title_is_a_beginning_of_the_question_on_one_line(question: str) -> None:
    line, title = " ".join(question.split()), title_of(question)
    assert title == line or (title.endswith("…") and line.startswith(title[:-1]))
    assert len(title) <= WIDTH + 1
    assert "\n" not in title


def test_rename_needs_the_state_that_was_read(ben: Person) -> None:
    conversation = ben.talk(title="one")
    path = f"/api/conversations/{conversation}"
    first = ben.http.get(path).headers["ETag"]
    ben.answered(conversation)
    two = ben.http.patch(path, json={"title": "two"}, headers={"If-Match": first})
    assert (two.status_code, two.json()["title"]) == (200, "two")  # an answer between makes no edit fail
    late = ben.http.patch(path, json={"title": "three"}, headers={"If-Match": first})
    assert (late.status_code, late.json()["code"]) == (412, "outdated")
    assert ben.http.delete(path, headers={"If-Match": first}).status_code == 412
    assert ben.get(path)["title"] == "two"
    assert ben.http.patch(path, json={"title": "four"}, headers={"If-Match": two.headers["ETag"]}).is_success
    assert ben.http.patch(path, json={"title": "  "}).status_code == 422
    assert ben.http.patch(path, json={"title": "x" * 201}).status_code == 422


def test_deleted_conversation_is_gone_and_comes_back_as_it_was(ben: Person) -> None:
    conversation = ben.talk(title="to be deleted")
    message = ben.answered(conversation)
    gone = ben.http.delete(f"/api/conversations/{conversation}").json()
    assert gone["restorable_until"] > gone["deleted_at"]
    shown = f"/api/messages/{message['id']}"
    for path in (f"/api/conversations/{conversation}", message["events_url"], shown):
        assert ben.http.get(path).status_code == 404
    assert conversation not in [each["id"] for each in ben.get("/api/conversations")["data"]]
    assert [each["id"] for each in ben.get("/api/conversations", deleted=True)["data"]] == [conversation]
    assert ben.http.post(f"/api/conversations/{conversation}/restore").json()["deleted_at"] is None
    assert ben.get(f"/api/messages/{message['id']}") == message


def test_deleting_ends_what_is_being_written(house: House, ben: Person) -> None:
    house.generator.hold(after=3)
    conversation = ben.talk()
    message = ben.ask(conversation)
    with ben.following(message) as events:
        assert house.generator.held.wait(10)
        assert ben.http.delete(f"/api/conversations/{conversation}").is_success
        assert list(events)[-1].name == "error"
    assert house.generator.ended.is_set()
    assert ben.http.post(f"/api/conversations/{conversation}/restore").is_success
    assert ben.get(f"/api/messages/{message}")["state"] == "stopped"


def test_list_goes_page_by_page_from_the_one_asked_last(house: House) -> None:
    cat = house.person("cat")
    made = [cat.talk(title=f"number {number}") for number in range(5)]
    cat.answered(made[1])
    expected = [made[1], *(each for each in reversed(made) if each != made[1])]
    seen: list[str] = []
    cursor: str | None = ""
    for _ in range(3):
        page = cat.get("/api/conversations", limit=2, cursor=cursor)
        seen += [each["id"] for each in page["data"]]
        cursor = page["next_cursor"]
    assert (seen, cursor) == (expected, None)
    assert cat.http.get("/api/conversations", params={"cursor": "nonsense"}).status_code == 422


def test_conversations_are_found_by_title_question_and_answer_in_both_languages(ben: Person) -> None:
    titled = ben.talk(title="100%_certain holidays")
    asked = ben.talk(title="b")
    ben.answered(asked, "员工的年假怎么申请？")
    answered = ben.talk(title="c")
    ben.answered(answered)

    def found(words: str) -> list[str]:
        return [each["id"] for each in ben.get("/api/conversations", q=words)["data"]]

    assert found("HOLIDAYS") == [titled]
    assert found("100%_c") == [titled]
    assert found("1000_c") == []  # no wildcards
    assert found("年假 申请") == [asked]
    assert answered in found("portal lead")
    assert found("portal nowhere") == []


def test_regenerated_answer_is_another_variant_and_either_can_be_chosen(ben: Person) -> None:
    conversation = ben.talk()
    first = ben.answered(conversation, top_n=1)
    taken = ben.http.post(f"/api/messages/{first['id']}/regenerate")
    assert taken.status_code == 202
    second = ben.done(taken.json()["message_id"])
    third = ben.done(
        ben.http.post(f"/api/messages/{first['id']}/regenerate", json={"rerank": False}).json()["message_id"]
    )
    assert [each["place"] for each in (first, second, third)] == [1, 1, 1]
    assert [each["settings"]["top_n"] for each in (first, second, third)] == [1, 1, None]
    assert [each["settings"]["rerank"] for each in (first, second, third)] == [True, True, False]
    assert [each["chosen"] for each in third["variants"]] == [False, False, True]
    listed = ben.get(f"/api/conversations/{conversation}/messages")["data"]
    assert [each["id"] for each in listed] == [third["id"]]
    chosen = ben.http.post(f"/api/messages/{second['id']}/choose").json()
    assert [each["chosen"] for each in chosen["variants"]] == [False, True, False]
    listed = ben.get(f"/api/conversations/{conversation}/messages")["data"]
    assert [each["id"] for each in listed] == [second["id"]]


def test_follow_up_is_read_with_the_chosen_answers_before(ben: Person) -> None:
    conversation = ben.talk(collections=["handbook"])
    ben.answered(conversation)
    later = ben.answered(conversation, "And how does it work?")
    assert later["place"] == 2
    assert "follow_up_completed" in [each["code"] for each in later["result"]["notices"]]
    assert later["result"]["outcome"] == "answered"
    alone = ben.answered(ben.talk(collections=["handbook"]), "And how does it work?")
    assert "follow_up_completed" not in [each["code"] for each in alone["result"]["notices"]]


def test_messages_are_read_from_the_end_and_in_both_directions(ben: Person) -> None:
    conversation = ben.talk()
    ids = [ben.answered(conversation)["id"] for _ in range(5)]
    path = f"/api/conversations/{conversation}/messages"
    last = ben.get(path, limit=2)
    assert ([each["id"] for each in last["data"]], last["next_cursor"]) == (ids[3:], None)
    middle = ben.get(path, limit=2, cursor=last["previous_cursor"])
    assert [each["id"] for each in middle["data"]] == ids[1:3]
    begin = ben.get(path, limit=2, cursor=middle["previous_cursor"])
    assert ([each["id"] for each in begin["data"]], begin["previous_cursor"]) == (ids[:1], None)
    on = ben.get(path, limit=2, cursor=begin["next_cursor"])
    assert [each["id"] for each in on["data"]] == ids[1:3]
    assert ben.http.get(path, params={"cursor": "YQ"}).status_code == 422


def _keep(tmp_path: Path, days: float, now: list[datetime]) -> Services:
    settings = Settings(data_dir=tmp_path, profile="starter", demo=False, keep_answers_days=days)
    return Services(settings, build_models=build_models, now=lambda: now[0])


@pytest.mark.parametrize(
    ("days", "lives", "ends"),
    [(90, timedelta(days=89), timedelta(days=91)), (0, timedelta(minutes=59), timedelta(hours=2))],
)
def test_unused_conversation_is_forgotten_when_its_time_is_over(
    tmp_path: Path, days: float, lives: timedelta, ends: timedelta
) -> None:
    began = datetime(2026, 1, 2, tzinfo=UTC)
    now = [began]
    with _keep(tmp_path, days, now) as services:
        chats = services.caretaker.chats
        kept = chats.conversations.create("local")
        now[0] = began + lives
        services.caretaker.expire()
        assert chats.conversations.get(kept.id, "local") == kept
        now[0] = began + ends
        services.caretaker.expire()
        assert chats.conversations.page("local") == []


def test_trash_is_emptied_after_its_days_and_open_answers_stay(tmp_path: Path) -> None:
    now = [datetime(2026, 1, 2, tzinfo=UTC)]
    with _keep(tmp_path, 0, now) as services:
        chats = services.caretaker.chats
        deleted, busy = (chats.conversations.create("local") for _ in range(2))
        message: MessageRow = chats.messages.ask(busy.id, "local", "Why?", "{}")
        chats.conversations.delete(deleted.id, "local")
        now[0] += timedelta(days=31)
        assert chats.expire() == 1
        assert chats.messages.get(message.id, "local").state == "queued"
        assert chats.events.interrupt([message.id]) == 1
        assert chats.expire() == 1
