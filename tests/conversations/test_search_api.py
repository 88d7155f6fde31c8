"""Search finds what the chat finds, by the same way, with every score named; and writes nothing."""

import json

import pytest

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
