"""An answer belongs to the server: read from anywhere, again and again, the same for everyone."""

import threading
import time

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conversations.conftest import ABANDONED_S, House
from tests.conversations.pacing import ANSWER
from tests.conversations.talking import Person, Told, text_of


def test_answer_is_told_in_numbered_events_and_ends_with_the_message(ben: Person) -> None:
    conversation = ben.talk(collections=["handbook"])
    events = list(ben.events(ben.ask(conversation)))
    assert [each.seq for each in events] == list(range(1, len(events) + 1))
    names = [each.name for each in events]
    assert (names[0], names[-1]) == ("queued", "done")
    assert names.index("stage") < names.index("sources") < names.index("delta")
    message = events[-1].data
    assert (message["state"], message["code"], message["retryable"]) == ("complete", "", False)
    assert message["text"] == message["result"]["answer"]
    assert message["text"].split() == text_of(events).split() == ANSWER.split()
    assert message["result"]["citations"][0]["quote"] == "Employees have 12 days of annual leave."
    assert message["settings"]["collections"] == ["handbook"]


def test_first_words_are_told_at_once_and_the_rest_in_batches(house: House, ben: Person) -> None:
    house.generator.hold(after=1)
    message = ben.ask(ben.talk())
    with ben.following(message) as events:
        first = next(event for event in events if event.name == "delta")
        assert first.data["text"] == ANSWER.split()[0]
        assert not house.generator.ended.is_set()
        house.generator.release.set()
        later = [event for event in events if event.name == "delta"]
    assert 1 <= len(later) < len(ANSWER.split()) / 4


def test_every_place_of_an_ended_answer_can_be_gone_on_from(ben: Person) -> None:
    message = ben.ask(ben.talk())
    events = list(ben.events(message))
    for after in range(len(events) + 1):
        assert list(ben.events(message, after)) == events[after:]
    assert list(ben.events(message, 10_000)) == []


def test_reader_who_is_cut_off_anywhere_while_it_is_written_misses_nothing_and_reads_nothing_twice(
    house: House, ben: Person
) -> None:
    house.generator.pace_s = 0.002
    conversation = ben.talk()

    @settings(max_examples=12)
    @given(cuts=st.lists(st.integers(1, 6), max_size=12))
    def check(cuts: list[int]) -> None:
        message = ben.ask(conversation)
        seen: list[Told] = []
        for cut in cuts:
            with ben.following(message, seen[-1].seq if seen else 0) as events:
                seen += [event for event, _ in zip(events, range(cut), strict=False)]
            if seen[-1].name == "done":
                break
        if seen[-1:] == [] or seen[-1].name != "done":
            seen += ben.events(message, seen[-1].seq if seen else 0)
        assert [each.seq for each in seen] == list(range(1, len(seen) + 1))
        assert seen == list(ben.events(message))
        assert text_of(seen).split() == ANSWER.split()

    check()


def test_two_tabs_read_the_same(house: House, ben: Person) -> None:
    house.generator.pace_s = 0.005
    message = ben.ask(ben.talk())
    tabs: list[list[Told]] = [[], []]

    def read(tab: int) -> None:
        time.sleep(0.1 * tab)  # the second comes when there is something to catch up with
        tabs[tab] += house.person("ben").events(message)

    threads = [threading.Thread(target=read, args=(tab,)) for tab in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert tabs[0] == tabs[1]
    assert text_of(tabs[0]).split() == ANSWER.split()


def test_stop_frees_the_model_and_keeps_what_is_written(house: House, ben: Person) -> None:
    house.generator.hold(after=12)
    message = ben.ask(ben.talk())
    with ben.following(message) as events:
        seen = [next(events)]
        assert house.generator.held.wait(10)
        began = time.monotonic()
        stopped = ben.http.post(f"/api/messages/{message}/stop").json()
        assert house.generator.ended.wait(1)
        assert time.monotonic() - began < 1
        seen += events
    assert (stopped["state"], stopped["code"], stopped["retryable"]) == ("stopped", "stopped", True)
    assert stopped["text"].split() == text_of(seen).split() == ANSWER.split()[:12]
    assert seen[-1].data == stopped
    assert ben.http.post(f"/api/messages/{message}/stop").json() == stopped
    deadline = time.monotonic() + 2
    while house.generator.written != 12 or not house.generator.ended.is_set():
        assert time.monotonic() < deadline


def test_question_that_waits_for_its_turn_can_be_stopped(house: House, ben: Person) -> None:
    house.generator.hold(after=0)
    busy = [ben.ask(ben.talk()) for _ in range(2)]
    with ben.following(busy[0]), ben.following(busy[1]):
        waiting = ben.ask(ben.talk())
        events = ben.events(waiting)
        assert next(events).data == {"position": 1}
        assert ben.get(f"/api/messages/{waiting}")["state"] == "queued"
        stopped = ben.http.post(f"/api/messages/{waiting}/stop").json()
        assert (stopped["state"], stopped["text"]) == ("stopped", "")
        house.generator.release.set()


def test_answer_that_nobody_reads_is_stopped_and_what_is_written_is_kept(house: House, ben: Person) -> None:
    house.generator.hold(after=9)
    message = ben.ask(ben.talk())
    with ben.following(message) as events:
        while next(events).name != "delta":
            pass
        assert house.generator.held.wait(10)
        time.sleep(ABANDONED_S * 1.3)  # somebody reads: it may take as long as it likes
        assert ben.get(f"/api/messages/{message}")["state"] == "running"
    assert house.generator.ended.wait(ABANDONED_S + 3)
    found = ben.done(message)
    assert (found["state"], found["code"]) == ("stopped", "abandoned")
    assert found["text"].split() == ANSWER.split()[:9]
    assert "2 s" in found["notices"][0]["text"]


def test_second_question_waits_until_the_first_is_answered(house: House, ben: Person) -> None:
    house.generator.hold(after=3)
    conversation = ben.talk()
    message = ben.ask(conversation)
    with ben.following(message):
        refused = ben.http.post(f"/api/conversations/{conversation}/messages", json={"question": "And then?"})
        assert (refused.status_code, refused.json()["code"]) == (409, "still_answering")
        again = ben.http.post(f"/api/messages/{message}/regenerate")
        assert again.status_code == 409
        house.generator.release.set()
    ben.done(message)
    ben.answered(conversation)


def test_full_line_refuses_and_leaves_nothing_behind(house: House, ben: Person) -> None:
    house.generator.hold(after=0)
    taken = [ben.ask(ben.talk()) for _ in range(6)]  # two are answered, four wait
    conversation = ben.talk()
    refused = ben.http.post(f"/api/conversations/{conversation}/messages", json={"question": "And I?"})
    assert (refused.status_code, refused.json()["code"]) == (503, "busy")
    assert int(refused.headers["Retry-After"]) >= 1
    assert ben.get(f"/api/conversations/{conversation}/messages")["data"] == []
    house.generator.release.set()
    assert {ben.done(each)["state"] for each in taken} == {"complete"}


def test_broken_generator_fails_the_message_and_keeps_what_is_written(house: House, ben: Person) -> None:
    house.generator.fail(after=9)
    found = ben.answered(ben.talk())
    assert (found["state"], found["code"], found["retryable"]) == ("failed", "generation_failed", True)
    assert found["text"].split() == ANSWER.split()[:9]
    assert [each["code"] for each in found["notices"]] == ["answer_failed"]


def test_reader_of_one_byte_a_while_holds_nobody_up(house: House, ben: Person) -> None:
    house.generator.pace_s = 0.002
    message = ben.ask(ben.talk())
    address = f"{house.url}/api/messages/{message}/events"
    with httpx.stream("GET", address, headers=ben.http.headers, timeout=20) as response:
        pieces = response.iter_raw(1)
        read = [next(pieces)]
        assert ben.done(message)["state"] == "complete"
        assert b"event: done" in b"".join((*read, *pieces))
