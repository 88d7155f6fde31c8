"""Evaluations over HTTP: figures as of the command line, compared question by question, nobody else's."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.cli.options import loaded
from app.evaluation.golden_set import read_golden_set
from app.evaluation.intervals import interval
from app.evaluation.result_file import result_json
from app.evaluation.run import measure
from app.evaluation.shown import Wanted
from tests.api.evaluating import AT, CASES, EXPENSES, NOTHING, begin, make_golden, until
from tests.api.people import Town, pages, town
from tests.api.served import BONUS, LEAVE


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("evaluations")) as found:
        make_golden(found["will"], "leave")
        yield found


@pytest.fixture(scope="module")
def done(people: Town) -> str:
    """The address of an evaluation that is done."""
    at = begin(people["will"], "leave")
    found = until(people["will"], at)
    assert found["state"] == "done", found
    return at


def test_figures_are_those_of_the_command_line(people: Town, done: str) -> None:
    services, plan = people.services, Wanted().plan
    found = read_golden_set(services.database, services.blobs, "leave")
    measured = measure(loaded, services.settings, found, plan, lambda what, done=0, total=0: None)
    expected = json.loads(json.dumps(result_json(measured, plan, ("on", "off"))))
    result = people["will"].get(done).json()["result"]
    assert set(expected) < set(result)
    for name in set(expected) - {"latency_ms", "cost", "rerank_off"}:
        assert result[name] == expected[name], name
    assert set(result["latency_ms"]) == set(expected["latency_ms"])


def test_figures_are_of_every_stage_and_of_the_answers(people: Town, done: str) -> None:
    found = people["will"].get(done).json()
    result = found["result"]
    assert (found["done"], found["total"], result["questions"]) == (3, 3, 3)
    for stage in ("lexical", "vector", "fused", "reranked"):
        assert 0 <= result["stages"][stage]["mrr@10"] <= 1
        low, high = result["intervals"][stage]["mrr@10"]
        assert low <= result["stages"][stage]["mrr@10"] <= high
    assert result["stages"]["reranked"]["hit@1"] == 1
    assert result["refusal"]["answerable"] == 2
    assert result["refusal"]["unanswerable"] == 1
    assert result["citations"] is not None
    assert result["latency_ms"]["total"]["p50"] > 0
    assert {"differences", "mended", "broke", "moved"} <= set(result["on_off"])
    assert result["rerank_off"]["stages"]["fused"] == result["stages"]["fused"]
    assert result["documents_changed"] is False


def test_every_question_is_told_in_both_ways_page_by_page(people: Town, done: str) -> None:
    first, second = pages(people["will"], f"{done}/questions", limit=2)
    found = [*first, *second]
    assert [each["question"] for each in found] == [LEAVE, EXPENSES, NOTHING]
    leave = found[0]
    assert leave["on"]["outcome"] == leave["off"]["outcome"] == "answered"
    assert "12 days" in leave["on"]["answer"]
    assert (leave["on"]["right"], leave["on"]["first_relevant"], leave["wiped"]) == (True, 1, False)
    assert found[2]["on"]["first_relevant"] is None


def test_it_searches_its_own_knowledge_base_only(people: Town, done: str) -> None:
    rows = people["will"].get(f"{done}/questions").json()["data"]
    named = {document for row in rows for way in ("on", "off") for document in row[way]["passages"]}
    assert named == {"handbook.md"}


def test_two_evaluations_are_compared_question_by_question(people: Town, done: str) -> None:
    client = people["will"]
    off = begin(client, "leave", rerank="off", generate=False)
    assert until(client, off)["state"] == "done"
    ids = [each.rsplit("/", 1)[-1] for each in (off, done)]
    found = client.get(f"/api/evaluations/{ids[0]}/compare/{ids[1]}").json()
    assert (found["questions"], found["same_documents"], found["changed"]) == (3, True, [])
    before, after = (client.get(each).json()["result"]["values"] for each in (off, done))
    (mrr,) = (each for each in found["differences"] if each["measure"] == "final mrr@10")
    changes = [
        float(b) - float(a)
        for a, b in zip(
            before["columns"]["final mrr@10"].split(), after["columns"]["final mrr@10"].split(), strict=True
        )
        if a != "-"
    ]
    expected = interval(changes)
    assert (mrr["change"], mrr["low"], mrr["high"]) == pytest.approx(
        (expected.mean, expected.low, expected.high)
    )
    same = client.get(f"/api/evaluations/{ids[1]}/compare/{ids[1]}").json()
    assert {each["change"] for each in same["differences"]} == {0}
    assert (same["moved"], same["mended"], same["broke"]) == ([], [], [])


def test_question_that_was_labelled_otherwise_is_not_compared(people: Town) -> None:
    client = people["will"]
    golden = make_golden(client, "relabelled", CASES[:2])
    first = begin(client, "relabelled", rerank="on", generate=False)
    until(client, first)
    case = client.get(f"{golden}/cases").json()["data"][0]["id"]
    client.patch(f"{golden}/cases/{case}", json={"question": "How much leave is there?"})
    client.post(f"{golden}/cases", json=CASES[2])
    second = begin(client, "relabelled", rerank="on", generate=False)
    until(client, second)
    found = client.get(f"{first}/compare/{second.rsplit('/', 1)[-1]}").json()
    assert (found["questions"], found["changed"], len(found["only_after"])) == (1, [case], 1)


def test_somebody_elses_evaluation_cannot_be_compared_with(people: Town, done: str) -> None:
    sal, will = people["sal"], people["will"]
    golden = sal.post("/api/golden", json={"collection": "salaries", "name": "pay"}).headers["location"]
    sal.post(f"{golden}/cases", json={"question": BONUS, "evidence": [{"document": "salaries.md"}]})
    started = sal.post("/api/collections/salaries/evaluations", json={"golden_set": "pay"})
    theirs = started.headers["location"]
    assert until(sal, theirs)["state"] == "done"
    assert will.post(AT, json={"golden_set": "pay"}).status_code == 404
    other = theirs.rsplit("/", 1)[-1]
    answer, none = will.get(f"{done}/compare/{other}"), will.get(f"{done}/compare/{'0' * 32}")
    assert answer.status_code == none.status_code == 404
    assert answer.json()["detail"].replace(other, "0" * 32) == none.json()["detail"]
    assert will.get(f"{theirs}/compare/{done.rsplit('/', 1)[-1]}").status_code == 404


def test_the_same_request_sent_again_starts_one_evaluation(people: Town) -> None:
    headers = {"Idempotency-Key": "once"}
    body = {"golden_set": "leave", "rerank": "off", "generate": False}
    first, again = (people["will"].post(AT, json=body, headers=headers) for _ in range(2))
    assert first.headers["location"] == again.headers["location"]
    assert until(people["will"], first.headers["location"])["state"] == "done"


def test_what_cannot_be_asked_is_refused_at_once(people: Town) -> None:
    client = people["will"]
    make_golden(client, "empty", ())
    for wanted in ({"golden_set": "empty"}, {"golden_set": "leave", "rerank": "maybe"}, {}):
        answer = client.post(AT, json=wanted)
        assert answer.status_code == 422, answer.text
    assert client.post(AT, json={"golden_set": "nothing"}).status_code == 404
    assert client.get("/api/evaluations", params={"cursor": "x"}).status_code == 422


def test_list_is_newest_first_and_of_ones_own(people: Town, done: str) -> None:
    found = [each["created_at"] for (each,) in pages(people["mia"], "/api/evaluations", limit=1)]
    assert found == sorted(found, reverse=True)
    assert len(found) > 1
    for name in ("rosa", "sal"):
        data = people[name].get("/api/evaluations").json()["data"]
        assert "handbook" not in {each["collection"] for each in data}


@pytest.mark.parametrize("name", ["sal", "rosa"])
def test_evaluation_of_what_somebody_may_not_write_to_is_not_there(
    people: Town, done: str, name: str
) -> None:
    client, nothing = people[name], "/api/evaluations/" + "0" * 32
    known = done.rsplit("/", 1)[-1]
    for method, path in (
        ("GET", ""),
        ("GET", "/questions"),
        ("GET", "/events"),
        ("GET", f"/compare/{known}"),
        ("POST", "/cancel"),
        ("DELETE", ""),
    ):
        answer, none = client.request(method, done + path), client.request(method, nothing + path)
        assert answer.status_code == none.status_code == 404, (method, path, answer.text)
        assert answer.json()["detail"].replace(known, "0" * 32) == none.json()["detail"]
    started = client.post(AT, json={"golden_set": "leave"})
    assert started.status_code == (404 if name == "sal" else 403)
    assert people["will"].get(done).status_code == 200


def test_document_that_is_deleted_for_good_takes_its_words_out(people: Town, tmp_path: Path) -> None:
    client, words = people["mia"], "The parking garage has forty-one places on the lower floor."
    gone = "Bicycles stand on level ninety."
    path = tmp_path / "parking.md"
    path.write_text(f"# Parking\n\n{words}\n\n{gone}\n", encoding="utf-8")
    people.services.ingest([(path, "parking.md")], "handbook")
    case = {"question": "How many places has the parking garage?", "answers": ["forty-one"],
            "evidence": [{"document": "parking.md", "quote": words}]}  # fmt: skip
    other = {"question": "Where do bicycles stand?", "evidence": [{"document": "parking.md", "quote": gone}]}
    make_golden(client, "parking", (case, other))
    path.write_text(f"# Parking\n\n{words}\n", encoding="utf-8")
    people.services.ingest([(path, "parking.md")], "handbook")
    at = begin(client, "parking", rerank="on")
    assert until(client, at)["state"] == "done"
    assert "forty-one" in client.get(f"{at}/questions").text
    assert "ninety" in client.get(at).text
    where = "/api/collections/handbook"
    assert client.delete(f"{where}/documents", params={"name": "parking.md"}).status_code == 200
    assert client.delete(f"{where}/trash", params={"name": "parking.md"}).status_code == 200
    (row,) = client.get(f"{at}/questions").json()["data"]
    assert (row["wiped"], row["on"]["answer"]) == (True, "")
    told = client.get(f"{at}/questions").text + client.get(at).text
    assert "forty-one" not in told
    assert "ninety" not in told
