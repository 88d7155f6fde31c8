"""Evaluations that run: cancelled, behind the chat, cut off by a restart, gone with their knowledge base."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.api.evaluating import CASES, Held, begin, events_of, make_golden, until
from tests.api.people import town
from tests.api.served import BONUS, LEAVE, served, services_of
from tests.app.server import serving


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=20)


def test_deleting_takes_it_away_and_running_ones_are_cancelled_first(tmp_path: Path) -> None:
    model = Held()
    with town(tmp_path, model) as people:
        will = people["will"]
        make_golden(will, "leave")
        model.free.clear()
        at = begin(will, "leave")
        assert model.asked.wait(20)
        waiting = begin(will, "leave")
        assert will.get(waiting).json()["state"] == "queued"
        assert will.delete(at).status_code == 409
        assert will.post(f"{waiting}/cancel").json()["state"] == "cancelled"
        with ThreadPoolExecutor() as pool:
            told = pool.submit(events_of, will, at)
            assert will.post(f"{at}/cancel").status_code == 200
            events = told.result(20)
        assert [name for name, _ in events][-1] == "done"
        assert events[-1][1]["state"] == "cancelled"
        assert will.get(at).json()["result"] is None
        assert will.get(f"{at}/compare/{at.rsplit('/', 1)[-1]}").status_code == 409
        assert will.delete(at).json()["state"] == "cancelled"
        assert will.get(at).status_code == 404
        model.free.set()
        after = begin(will, "leave", rerank="on")  # the place is free again
        names = [name for name, _ in events_of(will, after)]
        assert (names[-1], until(will, after)["done"]) == ("done", 3)
        assert [name for name, _ in events_of(will, after)] == ["done"]  # whoever comes later


def test_chat_goes_first_between_two_questions(tmp_path: Path) -> None:
    model = Held()
    with town(tmp_path, model) as people:
        will = people["will"]
        make_golden(will, "leave", CASES[:2])
        model.free.clear()
        with ThreadPoolExecutor() as pool:
            chat = pool.submit(will.post, "/api/ask", json={"question": LEAVE, "collection": "handbook"})
            assert model.asked.wait(20)
            at = begin(people["mia"], "leave", rerank="on")
            deadline = time.monotonic() + 20
            while not (found := will.get(at).json())["waiting"]:
                assert time.monotonic() < deadline, found
                time.sleep(0.02)
            assert (found["state"], found["done"], len(model.prompts)) == ("running", 0, 0)
            model.free.set()
            assert chat.result(20).status_code == 200
        assert until(will, at)["state"] == "done"


def test_knowledge_base_that_is_deleted_takes_its_evaluations_along(tmp_path: Path) -> None:
    model = Held()
    with town(tmp_path, model) as people:
        mia = people["mia"]
        make_golden(mia, "leave")
        model.free.clear()
        at = begin(mia, "leave")
        assert model.asked.wait(20)
        assert mia.delete("/api/collections/handbook").status_code == 200
        assert mia.get(at).status_code == 404
        model.free.set()
        evaluations = people.services.caretaker.evaluations
        sal = people["sal"]
        golden = sal.post("/api/golden", json={"collection": "salaries", "name": "leave"}).headers["location"]
        sal.post(f"{golden}/cases", json={"question": BONUS, "evidence": [{"document": "salaries.md"}]})
        next_one = sal.post("/api/collections/salaries/evaluations", json={"golden_set": "leave"})
        assert until(sal, next_one.headers["location"])["state"] == "done"
        assert evaluations.open() == []


def test_what_ran_when_the_server_ended_is_told_after_a_restart(tmp_path: Path) -> None:
    model = Held()
    with served(services_of(tmp_path / "data", model), tmp_path) as url, _client(url) as client:
        make_golden(client, "leave")
        model.free.clear()
        at = begin(client, "leave")
        assert model.asked.wait(20)
        behind = begin(client, "leave")
    services = services_of(tmp_path / "data")
    killed = services.caretaker.evaluations
    orphan = killed.make(services.collections.named("handbook").id, "leave", "{}", 3)
    killed.begin(orphan.id)  # as a process that was killed leaves it
    services.database.connection().execute(
        "UPDATE evaluation SET options = (SELECT options FROM evaluation LIMIT 1) WHERE id = ?", (orphan.id,)
    )

    with serving(services) as url, _client(url) as client:
        for each in (at, behind, f"/api/evaluations/{orphan.id}"):
            found = client.get(each).json()
            assert (found["state"], found["code"]) == ("interrupted", "interrupted"), found
            assert "stopped" in client.get(each, headers={"Accept-Language": "en"}).json()["message"]
            assert [name for name, _ in events_of(client, each)] == ["done"]
        assert until(client, begin(client, "leave", rerank="off"))["state"] == "done"


def test_answers_are_kept_no_longer_than_others(tmp_path: Path) -> None:
    services = services_of(tmp_path / "data", keep_answers_days=0)
    with served(services, tmp_path) as url, _client(url) as client:
        make_golden(client, "leave")
        at = begin(client, "leave", rerank="on")
        assert until(client, at)["state"] == "done"
        rows = client.get(f"{at}/questions").json()["data"]
        assert {(row["on"]["answer"], row["wiped"]) for row in rows} == {("", True)}
