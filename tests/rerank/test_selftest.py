import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from rerank.errors import RerankError, SelfTestFailed
from rerank.packing import Request
from rerank.protocols import Stopped, never
from rerank.qwen3 import Qwen3Reranker
from rerank.selftest import KNOWN_ANSWERS, self_test
from rerank.starter import StarterReranker
from rerank.timed import TimedReranker
from rerank.tokens import PairEncoder
from rerank.types import Scores
from tests.fakes.rerank import FailingReranker
from tests.tiny import tiny_qwen3, tiny_tokenizer

RIGHT = {answer.right for answer in KNOWN_ANSWERS}


class Scripted:
    """Gives ``right`` to right passages, ``wrong`` to the others."""

    identity = "scripted"
    max_tokens = 1

    def __init__(self, right: float, wrong: float) -> None:
        self.right, self.wrong = right, wrong

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        return Scores(tuple(self.right if passage in RIGHT else self.wrong for passage in passages))


class ByPlace(Scripted):
    """Forgets the order given: the best score always comes first."""

    def score(
        self, query: str, passages: Sequence[str], instruction: str, stopped: Stopped = never
    ) -> Scores:
        return Scores((0.9, 0.1))


def test_good_reranker_passes_and_its_scores_are_kept() -> None:
    result = self_test(Scripted(0.9, 0.2))
    assert result.identity == "scripted"
    assert result.relevance == ((0.9, 0.2),) * 5
    assert result.seconds >= 0


def test_starter_reranker_passes() -> None:
    assert len(self_test(StarterReranker(None)).relevance) == 5
    timed = TimedReranker(StarterReranker(None), timeout_s=30)
    assert self_test(timed).identity.startswith("starter-reranker/1/")


def test_bunched_scores_fail_and_say_what_came_out() -> None:
    with pytest.raises(SelfTestFailed, match=r"capital of France.*right passage 0.750, wrong passage 0.740"):
        self_test(Scripted(0.75, 0.74))


def test_constant_scores_fail() -> None:
    with pytest.raises(SelfTestFailed, match=r"must be 0\.3 higher"):
        self_test(Scripted(0.5, 0.5))


def test_reversed_scores_fail() -> None:
    with pytest.raises(SelfTestFailed, match=r"must be 0\.3 higher"):
        self_test(Scripted(0.1, 0.9))


def test_nan_fails() -> None:
    with pytest.raises(SelfTestFailed, match="score 1 is nan: not a finite number"):
        self_test(Scripted(0.9, math.nan))


def test_raw_logits_fail() -> None:
    with pytest.raises(SelfTestFailed, match=r"score 0 is 4\.5: outside 0\.\.1"):
        self_test(Scripted(4.5, -3.0))


def test_scores_that_follow_the_place_fail() -> None:
    with pytest.raises(SelfTestFailed, match="scores depend on the order of passages"):
        self_test(ByPlace(0, 0))


def test_error_of_the_reranker_fails_the_test() -> None:
    with pytest.raises(SelfTestFailed, match=r"failing/1 failed on .*: out of order"):
        self_test(FailingReranker(RerankError("out of order")))


def test_random_weights_fail(tmp_path: Path) -> None:
    reranker = Qwen3Reranker.load(tiny_qwen3(tmp_path), device="cpu", local_files_only=True)
    with pytest.raises(SelfTestFailed, match="right passage"):
        self_test(reranker)


class Oracle:
    """An engine that would pass, so that only the template can fail."""

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        return [[0.0] * len(request.tails) for request in requests]


def test_broken_template_fails_before_any_score(tmp_path: Path) -> None:
    broken = tiny_tokenizer(["yes", "no", "assistant"])
    reranker = Qwen3Reranker(Oracle(), PairEncoder(broken.backend_tokenizer), identity="x", batch_tokens=9999)
    with pytest.raises(SelfTestFailed, match="it is not Qwen3's; check the model folder"):
        self_test(reranker)
    whole = AutoTokenizer.from_pretrained(tiny_qwen3(tmp_path)).backend_tokenizer
    with pytest.raises(SelfTestFailed, match=r"right passage 0\.500"):
        self_test(Qwen3Reranker(Oracle(), PairEncoder(whole), identity="x", batch_tokens=9999))
