"""Search finds what the chat finds, by the same way, with every score named; and writes nothing."""

import json
from typing import Any

import httpx
import pytest

from app.access.principal import LOCAL
from tests.conversations.conftest import House
from tests.conversations.talking import QUESTION, Person


@pytest.mark.parametrize("rerank", [True, False])
def test_candidates_are_those_of_the_answer(house: House, ben: Person, rerank: bool) -> None:
    settings = {"rerank": rerank, "top_k": 7, "top_n": 2, "instruction": "prefer numbers"}
    written = len(house.generator.prompts)
    found = ben.http.post("/api/search", json={"question": QUESTION, **settings}).json()
    assert len(house.generator.prompts) == written
    answer = ben.answered(ben.talk(), QUESTION, **settings)["result"]
    shown = [
        {name: value for name, value in each.items() if name in answer["candidates"][0]}
        for each in found["candidates"]
    ]
    assert shown == answer["candidates"]
    assert found["outcome"] == "retrieved"
    assert (found["top_k"], found["top_n"], found["instruction"]) == (7, 2, "prefer numbers")
    assert [each["code"] for each in found["notices"] if each["code"] != "uncited_answer"] == [
        each["code"] for each in answer["notices"] if each["code"].startswith(("rerank", "below", "near"))
    ]


def test_every_score_says_what_it_measures_and_whether_it_is_evidence(ben: Person) -> None:
    found = ben.http.post("/api/search", json={"question": QUESTION, "collections": ["handbook"]}).json()
    scales = found["scales"]
    assert scales["vector"] == {"measure": "cosine_similarity", "low": -1, "high": 1}
    assert scales["lexical"] == {"measure": "bm25", "low": 0, "high": None}
    assert scales["relevance"] == {"measure": "relevance", "low": 0, "high": 1}
    for each in found["candidates"]:
        for name in ("vector", "lexical", "fused"):
            score, scale = each["scores"][name], scales[name]
            assert score is None or scale["low"] <= score <= (scale["high"] or score)
        assert each["above_floor"] == (each["relevance"] >= found["floor"])
        assert each["collection"] == "handbook"
    best = found["candidates"][0]
    assert "12 days" in best["text"]
    assert (best["ranks"]["rerank"], best["passage"], best["above_floor"]) == (1, 1, True)
    assert {"recall", "rerank", "select", "total"} <= set(found["timings_ms"])
    assert found["models"]["generator"] == ""


def test_without_reranking_nothing_is_called_evidence(ben: Person) -> None:
    found = ben.http.post("/api/search", json={"question": QUESTION, "rerank": False}).json()
    assert {each["above_floor"] for each in found["candidates"]} == {None}
    assert found["floor"] is None
    assert "rerank_off" in [each["code"] for each in found["notices"]]


def test_only_what_is_visible_is_found(house: House, ben: Person) -> None:
    body = {"question": "How long is the annual leave of directors?"}
    assert "99 days" in json.dumps(ben.http.post("/api/search", json=body).json())
    found = house.person("cat").http.post("/api/search", json=body).json()
    assert found["collections"] == ["handbook"]
    assert "99 days" not in json.dumps(found)


@pytest.mark.parametrize(
    "body",
    [{}, {"question": ""}, {"question": " "}, {"question": "x", "top_k": 0}, {"question": "x", "y": 1}],
)
def test_unusable_search_is_refused(ben: Person, body: dict[str, object]) -> None:
    assert ben.http.post("/api/search", json=body).status_code == 422


def test_threshold_of_one_search_decides_what_is_evidence_there_and_nowhere_else(ben: Person) -> None:
    def search(**settings: object) -> dict[str, Any]:
        told = ben.http.post("/api/search", json={"question": QUESTION, "top_n": 5, **settings})
        return dict(told.raise_for_status().json())

    usual, all_in, none_in = search(), search(floor=0), search(floor=1)
    assert (all_in["floor"], none_in["floor"]) == (0, 1)
    assert all(each["above_floor"] for each in all_in["candidates"])
    assert len(all_in["passages"]) >= len(usual["passages"])
    assert none_in["outcome"] == "abstained"
    assert none_in["passages"] == []
    assert none_in["prompt"] is None
    assert "no_evidence" in [each["code"] for each in none_in["notices"]]
    assert search()["floor"] == usual["floor"]
    assert ben.http.post("/api/search", json={"question": QUESTION, "floor": 1.5}).status_code == 422


def test_what_is_sent_is_told_word_for_word_with_its_tokens(house: House, ben: Person) -> None:
    found = ben.http.post("/api/search", json={"question": QUESTION, "instruction": "prefer numbers"}).json()
    prompt, passages = found["prompt"], found["passages"]
    assert [each["role"] for each in prompt["messages"]] == ["system", "user"]
    read = prompt["messages"][1]["content"]
    places = [read.index(each["text"].strip()) for each in passages]
    assert places == sorted(places)
    assert QUESTION in read
    assert "prefer numbers" in prompt["messages"][0]["content"]
    assert [each["number"] for each in passages] == list(range(1, len(passages) + 1))
    assert all(each["tokens"] > 0 for each in passages)
    assert sum(each["tokens"] for each in passages) < prompt["tokens"] < prompt["context_tokens"]
    assert found["answer"] == ""
    assert found["models"]["generator"] == ""


def test_answer_is_written_where_it_is_wanted_and_kept_nowhere(house: House, ben: Person) -> None:
    kept = ben.http.get("/api/answers").json()["data"]
    written = len(house.generator.prompts)
    found = ben.http.post("/api/search", json={"question": QUESTION, "answer": True}).json()
    assert found["outcome"] == "answered"
    assert "12 days" in found["answer"]
    assert found["citations"][0]["number"] == 1
    assert found["models"]["generator"]
    sent = house.generator.prompts[written]
    told = [each["content"] for each in found["prompt"]["messages"]]
    assert told == [each.content for each in sent.messages]
    assert found["prompt"]["tokens"] == sent.tokens
    assert ben.http.get("/api/answers").json()["data"] == kept


def test_kept_answer_tells_floor_tokens_and_numbers_it_was_found_with(ben: Person) -> None:
    result = ben.answered(ben.talk(), QUESTION, top_k=7, top_n=2)["result"]
    found = ben.http.post("/api/search", json={"question": QUESTION, "top_k": 7, "top_n": 2}).json()
    assert (result["top_k"], result["top_n"], result["floor"]) == (7, 2, found["floor"])
    assert result["prompt_tokens"] == found["prompt"]["tokens"]
    for name in ("passages", "candidates"):
        assert [each["tokens"] for each in result[name]] == [each["tokens"] for each in found[name]]


def test_key_for_search_alone_may_not_have_answers_written(house: House) -> None:
    owner = house.people["ben"].id
    secret = house.services.accounts.keys.add(LOCAL, owner, "search only", {"search"}, days=1).secret
    with httpx.Client(base_url=house.url, headers={"x-api-key": secret}, trust_env=False) as client:
        assert client.post("/api/search", json={"question": QUESTION}).status_code == 200
        refused = client.post("/api/search", json={"question": QUESTION, "answer": True})
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
