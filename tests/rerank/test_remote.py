import time
from typing import Any

import pytest

from rerank.errors import RerankError, RerankerUnavailable, RerankStopped
from rerank.prompt import PREFIX, SUFFIX
from rerank.remote import RemoteReranker
from tests.rerank.server import Answer, RerankServer, jina, tei


def results(*entries: object) -> Answer:
    return lambda path, body: (200, {"results": list(entries)})


@pytest.mark.parametrize(
    ("answer", "path"),
    [
        (jina, "/v1/rerank"),
        (tei, "/rerank"),
    ],
)
def test_scores_come_back_in_the_order_given(answer: Answer, path: str) -> None:
    with RerankServer(answer) as server:
        reranker = RemoteReranker(server.url)
        assert reranker.score("abcd", ["xyz", "abcd", "a"], "").relevance == (0.0, 1.0, 0.25)
        assert reranker.score("abcd", ["abcd"], "").relevance == (1.0,)
        assert server.asked[-1][0] == path
        assert len(server.asked) <= 5
        reranker.close()


@pytest.mark.parametrize("key", ["results", "data", "list"])
@pytest.mark.parametrize("name", ["relevance_score", "score"])
def test_every_known_answer_shape_is_read(key: str, name: str) -> None:
    with RerankServer(lambda path, body: (200, {key: [{"index": 0, name: 0.25}]})) as server:
        reranker = RemoteReranker(f"{server.url}/v2/rerank")
        assert reranker.score("q", ["d"], "").relevance == (0.25,)
        reranker.close()


def test_request_carries_model_key_and_instruction() -> None:
    with RerankServer(jina) as server:
        reranker = RemoteReranker(f"{server.url}/v1", model="qwen3-reranker", api_key="secret")
        assert reranker.score("q", ["d"], "prefer statutes").tokens == 17
        reranker.close()
        assert server.asked == [
            ("/v1/rerank", {"query": "q", "documents": ["d"], "top_n": 1, "return_documents": False,
                            "model": "qwen3-reranker", "instruction": "prefer statutes"}),
        ]  # fmt: skip
        assert server.headers[0]["Authorization"] == "Bearer secret"
        assert "secret" not in reranker.identity


def test_no_instruction_sends_no_field() -> None:
    with RerankServer(jina) as server:
        reranker = RemoteReranker(server.url)
        reranker.score("q", ["d"], "")
        reranker.close()
        assert "instruction" not in server.asked[0][1]


def test_preformatted_halves_make_the_cards_prompt() -> None:
    with RerankServer(results({"index": 0, "score": 0.5})) as server:
        reranker = RemoteReranker(server.url, preformatted=True)
        reranker.score("q", ["d"], "prefer statutes")
        reranker.close()
        body = server.asked[0][1]
        assert body["query"] == PREFIX + "<Instruct>: prefer statutes\n<Query>: q\n"
        assert body["documents"] == ["<Document>: d" + SUFFIX]
        assert "instruction" not in body


def test_control_strings_are_broken_before_they_are_sent() -> None:
    with RerankServer(results({"index": 0, "score": 0.5})) as server:
        reranker = RemoteReranker(server.url)
        reranker.score("q<|im_end|>", ["d<think>"], "")
        reranker.close()
        body = server.asked[0][1]
        assert (body["query"], body["documents"]) == ("q< |im_end|>", ["d< think>"])


def test_many_passages_go_in_requests_of_32() -> None:
    with RerankServer(tei) as server:
        reranker = RemoteReranker(server.url, shape="texts")
        scores = reranker.score("abc", ["abc", "x"] * 35, "")
        reranker.close()
        assert scores.relevance == (1.0, 0.0) * 35
        assert [len(body["texts"]) for path, body in server.asked if path == "/rerank"] == [32, 32, 6]


GOOD = {"index": 0, "score": 0.5}


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([GOOD], r"the answer lacks passages \[1\] of 2"),
        ([GOOD, GOOD], "the answer names passage 0 twice"),
        ([GOOD, {"index": 2, "score": 0.5}], "the answer names passage 2 of 2"),
        ([GOOD, {"index": -1, "score": 0.5}], "the answer names passage -1 of 2"),
        ([GOOD, {"index": 1, "score": float("nan")}], r"passage 1 has score nan, outside 0\.\.1"),
        ([GOOD, {"index": 1, "score": 3.2}], r"passage 1 has score 3\.2, outside 0\.\.1"),
        ([GOOD, {"index": 1, "score": 10**400}], r"passage 1 has score 1000.*, outside 0\.\.1"),
        ([GOOD, {"index": 1, "score": "high"}], "passage 1 has no number"),
        ([GOOD, {"index": True, "score": 0.5}], "a result has index True"),
        ([GOOD, {"score": 0.5}], "a result has index None"),
        ([GOOD, "x"], "a result is not an object"),
    ],
)
def test_answers_that_cannot_be_true_are_refused(entries: list[object], message: str) -> None:
    with RerankServer(results(*entries)) as server:
        reranker = RemoteReranker(server.url)
        with pytest.raises(RerankError, match=message):
            reranker.score("q", ["a", "b"], "")
        reranker.close()


@pytest.mark.parametrize(
    ("status", "answer", "message"),
    [
        (200, b"<html>", "answered something that is not JSON"),
        (200, {"scores": [1]}, "holds no list under results, data or list"),
        (200, {"results": {"0": 1}}, "holds no list"),
        (500, {"detail": "text of a document"}, "answered status 500; check address, model name, key"),
        (404, {}, "answered status 404, 404, 404, 404"),
        (401, {}, "answered status 401"),
    ],
)
def test_refusals_and_nonsense_are_errors(status: int, answer: object, message: str) -> None:
    with RerankServer(lambda path, body: (status, answer)) as server:
        reranker = RemoteReranker(server.url)
        with pytest.raises(RerankError, match=message) as caught:
            reranker.score("q", ["a"], "")
        reranker.close()
        assert "text of a document" not in str(caught.value)


def test_silence_is_an_error_after_the_timeout() -> None:
    def slow(path: str, body: dict[str, Any]) -> tuple[int, Any]:
        time.sleep(0.4)
        return 200, {"results": [GOOD]}

    with RerankServer(slow) as server:
        reranker = RemoteReranker(server.url, timeout_s=0.05)
        with pytest.raises(RerankError, match="gave no answer in time"):
            reranker.score("q", ["a"], "")
        reranker.close()


def test_nobody_listening_is_unavailable() -> None:
    with RerankServer(jina) as server:
        url = server.url
    reranker = RemoteReranker(url)
    with pytest.raises(RerankerUnavailable, match="cannot be reached: ConnectError"):
        reranker.score("q", ["a"], "")
    reranker.close()


def test_stop_ends_it_before_the_next_request() -> None:
    with RerankServer(tei) as server:
        reranker = RemoteReranker(server.url)
        with pytest.raises(RerankStopped, match="stopped with 1 passages unscored"):
            reranker.score("q", ["a"], "", stopped=lambda: True)
        reranker.close()
        assert server.asked == []


def test_address_that_is_none_is_refused() -> None:
    with pytest.raises(RerankerUnavailable, match=r"'file:///etc/passwd' is not an http\(s\) address"):
        RemoteReranker("file:///etc/passwd")
