import shutil
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Qwen3ForCausalLM

from rerank.attention import attend_sdpa
from rerank.compiled import working_engine
from rerank.decoder import EAGER, Decoder, Steps
from rerank.engine import OutOfMemory, PackedEngine, to_device
from rerank.errors import RerankStopped
from rerank.graphs import bucket, padded
from rerank.linear import Weight
from rerank.packing import Request, pack
from rerank.protocols import never
from rerank.weights import read_geometry, take_weights
from tests.rerank.tinier import NO, YES, engine_of, reference, request, tiny_model, weights_of

SIZES = st.lists(
    st.tuples(st.integers(0, 70), st.lists(st.integers(1, 70), min_size=1, max_size=4)),
    min_size=1,
    max_size=3,
)

IMPORTING_INDUCTOR = pytest.mark.filterwarnings("ignore:.*torch.jit.script_method.*:DeprecationWarning")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Products this small wait for each other's threads longer than they compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def model() -> Qwen3ForCausalLM:
    return tiny_model()


@pytest.fixture(scope="module")
def engine(model: Qwen3ForCausalLM) -> PackedEngine:
    return engine_of(model)


@settings(max_examples=25)
@given(SIZES)
def test_packed_scores_equal_those_of_transformers_one_by_one(
    model: Qwen3ForCausalLM, engine: PackedEngine, sizes: list[tuple[int, list[int]]]
) -> None:
    requests = [request(i, shared, tails) for i, (shared, tails) in enumerate(sizes)]
    for got, expected in zip(engine.log_odds(requests), reference(model, requests), strict=True):
        assert got == pytest.approx(expected, abs=1e-3)


def test_order_equals_that_of_transformers(model: Qwen3ForCausalLM, engine: PackedEngine) -> None:
    asked = request(1, 30, [5, 80, 33, 33, 12, 150, 1, 64])
    got, expected = engine.log_odds([asked])[0], reference(model, [asked])[0]
    assert sorted(range(8), key=got.__getitem__) == sorted(range(8), key=expected.__getitem__)
    assert max(expected) - min(expected) > 1


@settings(max_examples=15)
@given(SIZES)
def test_batch_mates_change_nothing(engine: PackedEngine, sizes: list[tuple[int, list[int]]]) -> None:
    requests = [request(i, shared, tails) for i, (shared, tails) in enumerate(sizes)]
    together = engine.log_odds(requests)
    for one, values in zip(requests, together, strict=True):
        alone = [engine.log_odds([Request(one.shared, [tail])])[0][0] for tail in one.tails]
        assert values == pytest.approx(alone, abs=2e-5)


@pytest.mark.parametrize("block_rows", [1, 7, 64])
def test_blocks_of_rows_change_nothing(
    model: Qwen3ForCausalLM, engine: PackedEngine, block_rows: int
) -> None:
    requests = [request(5, 40, [20, 33, 50])]
    blocked = engine_of(model, block_rows=block_rows).log_odds(requests)[0]
    assert blocked == pytest.approx(engine.log_odds(requests)[0], abs=2e-5)


@settings(max_examples=10)
@given(SIZES)
def test_padding_for_a_graph_changes_no_state(
    model: Qwen3ForCausalLM, sizes: list[tuple[int, list[int]]]
) -> None:
    weights = weights_of(model)
    decoder = Decoder(weights.geometry, weights.embedding, weights.layers, weights.norm, attend=attend_sdpa)
    packed = pack([request(i, shared, tails) for i, (shared, tails) in enumerate(sizes)])
    batch = to_device(packed, torch.device("cpu"))
    with torch.inference_mode():
        plain = decoder.states(batch, never)
        wide = decoder.states(padded(batch, bucket(batch)), never)
    assert torch.allclose(wide[: len(packed.last)], plain, atol=1e-4)


def test_untied_head_is_read(engine: PackedEngine) -> None:
    model = tiny_model(tied=False)
    requests = [request(2, 9, [8, 20])]
    expected = reference(model, requests)[0]
    assert engine_of(model).log_odds(requests)[0] == pytest.approx(expected, abs=1e-3)
    assert engine.log_odds(requests)[0] != pytest.approx(expected, abs=1e-3)


def test_one_layer_is_enough() -> None:
    model = tiny_model(layers=1)
    requests = [request(2, 9, [8, 20])]
    assert engine_of(model).log_odds(requests)[0] == pytest.approx(reference(model, requests)[0], abs=1e-3)


def test_sixteen_bits_stay_within_the_references_own_scatter(model: Qwen3ForCausalLM) -> None:
    asked = request(7, 30, [40, 41, 42, 60, 20, 10])
    exact = reference(model, [asked])[0]
    half = tiny_model().bfloat16()
    theirs = reference(half, [asked])[0]
    ours = engine_of(half).log_odds([asked])[0]
    scatter = max(abs(a - b) for a, b in zip(theirs, exact, strict=True))
    assert max(abs(a - b) for a, b in zip(ours, exact, strict=True)) <= scatter


@pytest.mark.parametrize(("dtype", "share"), [("int8", 0.2), ("fp8", 0.4)])
def test_eight_bits_stay_near(model: Qwen3ForCausalLM, dtype: str, share: float) -> None:
    asked = request(7, 30, [40, 41, 42, 60, 20, 10])
    exact = reference(model, [asked])[0]
    near = PackedEngine(weights_of(model, dtype=dtype), block_rows=16).log_odds([asked])[0]
    spread = max(exact) - min(exact)
    assert near == pytest.approx(exact, abs=share * spread)
    assert near != exact


def test_stop_is_obeyed_between_layers(engine: PackedEngine) -> None:
    polls = iter([False, True])
    with pytest.raises(RerankStopped, match="stopped between two layers"):
        engine.log_odds([request(1, 5, [5])], stopped=lambda: next(polls))


def test_weights_are_taken_out_of_the_state(model: Qwen3ForCausalLM) -> None:
    state = dict(model.state_dict())
    geometry = read_geometry(model.config, 2048)  # type: ignore[arg-type]  # a protocol of attributes
    place = torch.device("cpu")
    take_weights(geometry, state, yes_id=YES, no_id=NO, device=place)
    assert state == {}
    with pytest.raises(ValueError, match=r"lack model\.layers\.0\.self_attn\.q_norm\.weight"):
        take_weights(geometry, state, yes_id=YES, no_id=NO, device=place)
    extra = {**model.state_dict(), "model.layers.0.self_attn.q_proj.bias": torch.zeros(64)}
    with pytest.raises(ValueError, match=r"unknown names: model\.layers\.0\.self_attn\.q_proj\.bias"):
        take_weights(geometry, extra, yes_id=YES, no_id=NO, device=place)


def allocating(size_bytes: int) -> Steps:
    """Steps whose second half asks the real allocator for that much."""

    def finish(x: torch.Tensor, attended: torch.Tensor, *weights: Weight | float) -> None:
        torch.empty(size_bytes, dtype=torch.uint8)
        EAGER.finish(x, attended, *weights)  # type: ignore[arg-type]

    return Steps(EAGER.project, finish)


def test_memory_that_cannot_be_had_is_named(model: Qwen3ForCausalLM) -> None:
    engine = engine_of(model, steps=allocating(1 << 62))
    with pytest.raises(OutOfMemory, match="15 tokens do not fit"):
        engine.log_odds([request(1, 5, [10])])


@IMPORTING_INDUCTOR
@pytest.mark.skipif(torch.cuda.is_available(), reason="graphs fail only where there is no GPU")
def test_whatever_does_not_work_is_left_out_and_said(model: Qwen3ForCausalLM) -> None:
    weights = weights_of(model)

    def make(steps: Steps, graphs: bool) -> PackedEngine:
        if steps is not EAGER:
            steps = allocating(1 << 62)
        return PackedEngine(weights, steps=steps, graphs=graphs)  # graphs need a GPU

    engine, notices = working_engine(make, compiled=True, graphs=True)
    assert [(notice.code, dict(notice.values)["reason"]) for notice in notices] == [
        ("rerank_no_graphs", "RuntimeError"),
        ("rerank_not_compiled", "OutOfMemory"),
    ]
    asked = [request(1, 5, [10])]
    assert engine.log_odds(asked)[0] == pytest.approx(reference(model, asked)[0], abs=1e-3)


@IMPORTING_INDUCTOR
@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="no C++ compiler")
@pytest.mark.parametrize("dtype", ["float32", "fp8"])
def test_compiled_steps_give_the_same_scores(model: Qwen3ForCausalLM, dtype: str) -> None:
    weights = weights_of(model, dtype=dtype)
    engine = PackedEngine(weights)
    compiled, notices = working_engine(
        lambda steps, graphs: PackedEngine(weights, steps=steps, graphs=graphs), compiled=True, graphs=False
    )
    assert notices == ()
    for seed in range(3):
        requests = [request(seed, 9 + seed, [8, 20 + seed])]
        assert compiled.log_odds(requests)[0] == pytest.approx(engine.log_odds(requests)[0], abs=1e-4)
