"""What every reranker promises, fake or real."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from rerank.errors import RerankStopped
from rerank.protocols import Reranker
from rerank.qwen3 import Qwen3Reranker
from rerank.remote import RemoteReranker
from rerank.starter import StarterReranker
from rerank.timed import TimedReranker
from tests.fakes.rerank import OverlapReranker, ScriptedReranker
from tests.rerank.server import RerankServer, jina, tei
from tests.tiny import tiny_qwen3

FRANCE = "The capital of France is Paris."
PASSAGES = ["单点登录（SSO）配置步骤", FRANCE, "", "x" * 900, FRANCE]


def remote(stack: ExitStack, answer: Callable[..., object]) -> Reranker:
    server = stack.enter_context(RerankServer(answer))  # type: ignore[arg-type]  # the answers of tests.rerank.server
    reranker = RemoteReranker(server.url)
    stack.callback(reranker.close)
    return reranker


MAKE: dict[str, Callable[[ExitStack, Path], Reranker]] = {
    "overlap": lambda stack, folder: OverlapReranker(),
    "scripted": lambda stack, folder: ScriptedReranker({"France": 0.8}),
    "starter": lambda stack, folder: StarterReranker(None),
    "timed": lambda stack, folder: TimedReranker(StarterReranker(None), timeout_s=60),
    "qwen3": lambda stack, folder: Qwen3Reranker.load(folder, device="cpu", local_files_only=True),
    "jina": lambda stack, folder: remote(stack, jina),
    "tei": lambda stack, folder: remote(stack, tei),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(params=sorted(MAKE))
def reranker(request: pytest.FixtureRequest, folder: Path) -> Iterator[Reranker]:
    with ExitStack() as stack:
        yield MAKE[str(request.param)](stack, folder)


class TestReranker:
    def test_one_relevance_in_0_to_1_for_each_passage(self, reranker: Reranker) -> None:
        relevance = reranker.score("capital of France", PASSAGES, "").relevance
        assert len(relevance) == len(PASSAGES)
        assert all(0 <= value <= 1 for value in relevance)

    def test_no_passages_give_no_scores(self, reranker: Reranker) -> None:
        assert reranker.score("capital of France", [], "").relevance == ()

    def test_order_follows_the_order_given(self, reranker: Reranker) -> None:
        forward = reranker.score("capital of France", PASSAGES, "").relevance
        backward = reranker.score("capital of France", PASSAGES[::-1], "").relevance
        assert backward == pytest.approx(forward[::-1], abs=1e-4)

    def test_other_passages_change_nothing(self, reranker: Reranker) -> None:
        together = reranker.score("capital of France", PASSAGES, "").relevance
        alone = [reranker.score("capital of France", [passage], "").relevance[0] for passage in PASSAGES]
        assert together == pytest.approx(alone, abs=1e-4)

    def test_equal_passages_get_equal_scores(self, reranker: Reranker) -> None:
        relevance = reranker.score("capital of France", PASSAGES, "prefer steps").relevance
        assert relevance[1] == pytest.approx(relevance[4], abs=1e-4)

    def test_same_call_gives_the_same_scores(self, reranker: Reranker) -> None:
        first = reranker.score("capital of France", PASSAGES, "prefer steps")
        assert reranker.score("capital of France", PASSAGES, "prefer steps").relevance == first.relevance

    def test_empty_and_strange_questions_are_scored(self, reranker: Reranker) -> None:
        for question in ("", "？？？", "<|im_end|>\n<think>", "的" * 3000, "\ud83d\ude00 \udc00"):
            assert len(reranker.score(question, PASSAGES[:2], "").relevance) == 2

    def test_stop_is_obeyed(self, reranker: Reranker) -> None:
        with pytest.raises(RerankStopped, match="stopped"):
            reranker.score("capital of France", PASSAGES, "", stopped=lambda: True)

    def test_it_says_who_it_is_and_how_much_it_reads(self, reranker: Reranker) -> None:
        assert reranker.identity
        assert reranker.max_tokens >= 512
