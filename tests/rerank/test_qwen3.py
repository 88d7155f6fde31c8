import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, Qwen3Config, Qwen3ForSequenceClassification

from rerank.engine import OutOfMemory
from rerank.errors import RerankError, RerankerUnavailable, RerankStopped
from rerank.packing import Request
from rerank.protocols import Stopped, never
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings
from rerank.tokens import PairEncoder
from retrieval.types import Notice
from tests.tiny import tiny_qwen3

DEFAULT = "Given a web search query, retrieve relevant passages that answer the query"
PASSAGES = [
    "【财务制度V3.2】第四章第二节：发票须加盖发票专用章。",
    "x",
    "",
    "The capital of France is Paris. " * 9,
    "单点登录（SSO）配置步骤\n1. 打开控制台\n2. 选择 SAML",
    "é ä 👩‍👩‍👧 \u0301combining",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_qwen3(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def reranker(folder: Path) -> Qwen3Reranker:
    return Qwen3Reranker.load(folder, device="cpu", local_files_only=True)


def card_scores(folder: Path, query: str, passages: Sequence[str], max_length: int = 8192) -> list[float]:
    """The model card's transformers snippet, run as it is printed; log-odds instead of probabilities."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder)
    token_false_id = tokenizer.convert_tokens_to_ids("no")
    token_true_id = tokenizer.convert_tokens_to_ids("yes")
    prefix = (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the "
        'Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
    )
    suffix = "<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"
    prefix_tokens = tokenizer.encode(prefix, add_special_tokens=False)
    suffix_tokens = tokenizer.encode(suffix, add_special_tokens=False)
    pairs = [f"<Instruct>: {DEFAULT}\n<Query>: {query}\n<Document>: {doc}" for doc in passages]
    inputs = tokenizer(
        pairs, padding=False, truncation="longest_first", return_attention_mask=False,
        max_length=max_length - len(prefix_tokens) - len(suffix_tokens),
    )  # fmt: skip
    for i, ids in enumerate(inputs["input_ids"]):
        inputs["input_ids"][i] = prefix_tokens + ids + suffix_tokens
    longest = max(len(ids) for ids in inputs["input_ids"])
    padded = [[tokenizer.pad_token_id] * (longest - len(ids)) + ids for ids in inputs["input_ids"]]
    mask = [[0] * (longest - len(ids)) + [1] * len(ids) for ids in inputs["input_ids"]]
    with torch.no_grad():
        logits = model(input_ids=torch.tensor(padded), attention_mask=torch.tensor(mask)).logits[:, -1, :]
    difference = logits[:, token_true_id] - logits[:, token_false_id]
    return [float(value) for value in difference]


def test_log_odds_equal_the_model_cards_snippet(folder: Path, reranker: Qwen3Reranker) -> None:
    expected = card_scores(folder, "报销发票需要哪些盖章？", PASSAGES)
    assert reranker.log_odds("报销发票需要哪些盖章？", PASSAGES, "") == pytest.approx(expected, abs=1e-3)
    assert max(expected) - min(expected) > 0.05


def test_relevance_is_the_sigmoid_of_the_log_odds(reranker: Qwen3Reranker) -> None:
    odds = reranker.log_odds("q", PASSAGES, "")
    relevance = reranker.score("q", PASSAGES, "").relevance
    assert relevance == pytest.approx([1 / (1 + math.exp(-value)) for value in odds], abs=1e-12)


@settings(max_examples=15)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=6))
def test_batch_mates_change_nothing(reranker: Qwen3Reranker, lengths: list[int]) -> None:
    passages = [f"{i} " + "发票 invoice " * length for i, length in enumerate(lengths)]
    alone = [reranker.log_odds("发票", [passage], "")[0] for passage in passages]
    assert reranker.log_odds("发票", passages, "") == pytest.approx(alone, abs=1e-3)


def test_small_batches_give_the_order_asked_for(folder: Path, reranker: Qwen3Reranker) -> None:
    small = Qwen3Reranker.load(
        folder, device="cpu", local_files_only=True, settings=EngineSettings(batch_tokens=300)
    )
    assert small.log_odds("q", PASSAGES, "") == pytest.approx(reranker.log_odds("q", PASSAGES, ""), abs=1e-3)


def test_instruction_reaches_the_model(reranker: Qwen3Reranker) -> None:
    plain = reranker.log_odds("q", ["passage"], "")
    assert reranker.log_odds("q", ["passage"], DEFAULT) == plain
    assert reranker.log_odds("q", ["passage"], f"<Instruct>: {DEFAULT}\n") == plain
    assert abs(reranker.log_odds("q", ["passage"], "优先选择条文原文")[0] - plain[0]) > 1e-3


def test_no_passages_give_no_scores(reranker: Qwen3Reranker) -> None:
    assert reranker.score("q", [], "").relevance == ()
    assert reranker.log_odds("q", [], "") == ()


def test_long_passage_is_cut_as_the_card_cuts_it_and_says_so(folder: Path) -> None:
    short = Qwen3Reranker.load(folder, device="cpu", max_tokens=256, local_files_only=True)
    passages = ["发票" * 400, "short"]
    scores = short.score("q", passages, "")
    assert scores.notices == (Notice.of("passages_cut", count=1, limit=256),)
    assert scores.cut == (0,)
    expected = card_scores(folder, "q", passages, max_length=256)
    assert short.log_odds("q", passages, "") == pytest.approx(expected, abs=1e-3)


def test_stop_before_the_first_batch_raises(reranker: Qwen3Reranker) -> None:
    with pytest.raises(RerankStopped, match="stopped with 3 of 3 passages unscored"):
        reranker.score("q", ["a", "b", "c"], "", stopped=lambda: True)


def test_identity_tells_weights_dtype_limit_and_template_apart(folder: Path, tmp_path: Path) -> None:
    first = Qwen3Reranker.load(folder, device="cpu", local_files_only=True).identity
    assert first == Qwen3Reranker.load(folder, device="cpu", local_files_only=True).identity
    assert first.endswith("/float32/8192/qwen3-card-1")
    named = Qwen3Reranker.load(folder, name="Qwen/R", revision="abc", device="cpu", local_files_only=True)
    assert named.identity.startswith("Qwen/R@abc+")
    other = tiny_qwen3(tmp_path / folder.name, seed=1)
    assert Qwen3Reranker.load(other, device="cpu", local_files_only=True).identity != first


class SmallMemoryEngine:
    """Runs out of memory above a number of tokens; a score is the tail's length."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        if sum(request.tokens for request in requests) > self.limit:
            raise OutOfMemory("too much")
        return [[float(len(tail)) for tail in request.tails] for request in requests]


@pytest.fixture(scope="module")
def encoder(folder: Path) -> PairEncoder:
    return PairEncoder(AutoTokenizer.from_pretrained(folder).backend_tokenizer)


def test_out_of_memory_halves_the_batch_and_still_scores_everything(encoder: PairEncoder) -> None:
    reranker = Qwen3Reranker(SmallMemoryEngine(100), encoder, identity="x", batch_tokens=100_000)
    scores = reranker.score("q", ["a " * n for n in (3, 1, 2, 5, 4)], "")
    assert sorted(range(5), key=lambda i: scores.relevance[i]) == [1, 2, 0, 4, 3]
    assert [notice.code for notice in scores.notices] == ["rerank_memory"]
    assert int(dict(scores.notices[0].values)["batch_tokens"]) <= 100
    assert reranker.score("q", ["a", "b"], "").notices == ()


def test_one_pair_that_does_not_fit_is_an_error(encoder: PairEncoder) -> None:
    reranker = Qwen3Reranker(SmallMemoryEngine(10), encoder, identity="x", batch_tokens=1000)
    with pytest.raises(RerankError, match=r"one pair of \d+ tokens does not fit .*lower max_tokens"):
        reranker.score("q", ["a"], "")


class CountingEngine:
    """Remembers how many pairs it scored; a score is the tail's length."""

    def __init__(self) -> None:
        self.pairs = 0

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        self.pairs += sum(len(request.tails) for request in requests)
        return [[float(len(tail)) for tail in request.tails] for request in requests]


def test_equal_passages_are_scored_once(encoder: PairEncoder) -> None:
    engine = CountingEngine()
    reranker = Qwen3Reranker(engine, encoder, identity="x", batch_tokens=1000)
    assert len(set(reranker.log_odds("q", ["a", "a", "b b", "a"], ""))) == 2
    assert engine.pairs == 2


def test_remembered_scores_are_the_same_floats_and_cost_nothing(folder: Path) -> None:
    reranker = Qwen3Reranker.load(folder, device="cpu", local_files_only=True)
    first = reranker.score("q", PASSAGES, "")
    again = reranker.score("q", PASSAGES[::-1], "")
    assert again.relevance == first.relevance[::-1]
    assert again.tokens == first.tokens
    assert (reranker.cache.hits, reranker.cache.misses) == (len(PASSAGES), len(PASSAGES))


@pytest.mark.parametrize(("query", "instruction"), [("other", ""), ("q", "other")])
def test_scores_are_not_remembered_across_queries_and_instructions(
    encoder: PairEncoder, query: str, instruction: str
) -> None:
    engine = CountingEngine()
    reranker = Qwen3Reranker(engine, encoder, identity="x", batch_tokens=1000, cached_scores=9)
    reranker.score("q", ["a"], "")
    reranker.score(query, ["a"], instruction)
    assert engine.pairs == 2


def test_int8_reranker_says_so_and_stays_near(folder: Path, reranker: Qwen3Reranker) -> None:
    small = Qwen3Reranker.load(folder, device="cpu", settings=EngineSettings(dtype="int8"), unmeasured=True)
    assert "/int8/" in small.identity
    exact = reranker.log_odds("q", PASSAGES, "")
    assert small.log_odds("q", PASSAGES, "") == pytest.approx(exact, abs=0.5)
    assert small.log_odds("q", PASSAGES, "") != exact


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"use_sliding_window": True, "sliding_window": 512}, "sliding_window=512"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, "rope_parameters="),
        ({"hidden_act": "gelu"}, "hidden_act='gelu'"),
        ({"attention_bias": True}, "attention_bias=True"),
        ({"max_position_embeddings": 4096}, "reads 4096 tokens at most, not 8192"),
    ],
)
def test_features_the_engine_does_not_compute_are_refused_by_name(
    tmp_path: Path, change: dict[str, object], named: str
) -> None:
    model = tiny_qwen3(tmp_path / "m")
    config = json.loads((model / "config.json").read_text())
    (model / "config.json").write_text(json.dumps(config | change))
    with pytest.raises(RerankerUnavailable, match=re.escape(named)):
        Qwen3Reranker.load(model, device="cpu", local_files_only=True)


class BrokenEngine:
    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        return [[math.nan] * len(request.tails) for request in requests]


def test_scores_that_are_not_finite_are_an_error(encoder: PairEncoder) -> None:
    with pytest.raises(RerankError, match="2 of 2 scores are not finite"):
        Qwen3Reranker(BrokenEngine(), encoder, identity="x", batch_tokens=1000).score("q", ["a", "b"], "")


def test_missing_weights_are_refused_by_name(tmp_path: Path) -> None:
    broken = tiny_qwen3(tmp_path / "m")
    weights = load_file(broken / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RerankerUnavailable, match=r"missing keys: model\.layers\.1\.mlp\.up_proj\.weight"):
        Qwen3Reranker.load(broken, device="cpu", local_files_only=True)


def test_weights_of_another_model_are_refused_by_name(tmp_path: Path) -> None:
    broken = tiny_qwen3(tmp_path / "m")
    weights = load_file(broken / "model.safetensors")
    weights["score.weight"] = torch.zeros(1, 64)
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(RerankerUnavailable, match=r"unexpected keys: score\.weight"):
        Qwen3Reranker.load(broken, device="cpu", local_files_only=True)


def test_sequence_classification_checkpoint_is_refused(folder: Path, tmp_path: Path) -> None:
    config = Qwen3Config.from_pretrained(folder)
    model = Qwen3ForSequenceClassification(config)  # type: ignore[no-untyped-call]
    model.save_pretrained(tmp_path)
    AutoTokenizer.from_pretrained(folder).save_pretrained(tmp_path)
    with pytest.raises(RerankerUnavailable, match=r"architecture is .*Qwen3ForSequenceClassification"):
        Qwen3Reranker.load(tmp_path, device="cpu", local_files_only=True)


def test_missing_folder_is_unavailable(tmp_path: Path) -> None:
    with pytest.raises(RerankerUnavailable, match=r"cannot load the reranker .*nowhere"):
        Qwen3Reranker.load(tmp_path / "nowhere", device="cpu", local_files_only=True)


def test_truncated_weights_file_is_unavailable(tmp_path: Path) -> None:
    broken = tiny_qwen3(tmp_path / "m")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(RerankerUnavailable, match="cannot load the reranker"):
        Qwen3Reranker.load(broken, device="cpu", local_files_only=True)


def test_sixteen_bit_on_cpu_is_refused(folder: Path) -> None:
    with pytest.raises(RerankerUnavailable, match="float16 on this CPU is several times slower"):
        Qwen3Reranker.load(folder, device="cpu", settings=EngineSettings(dtype="float16"))


def test_vocabulary_without_a_single_yes_token_is_refused(tmp_path: Path) -> None:
    folder = tiny_qwen3(tmp_path / "m", words=("no", "\n\n", "assistant"))
    with pytest.raises(RerankerUnavailable, match='"yes" and "no" must be single tokens'):
        Qwen3Reranker.load(folder, device="cpu", local_files_only=True)
