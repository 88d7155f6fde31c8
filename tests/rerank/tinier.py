"""A tiny random Qwen3 in memory, as transformers runs it and as the engine does."""

from collections.abc import Sequence

import torch
from torch import Tensor
from transformers import Qwen3Config, Qwen3ForCausalLM

from rerank.decoder import EAGER, Geometry, Steps
from rerank.engine import PackedEngine
from rerank.packing import Request
from rerank.weights import QUANTIZERS, Weights, read_geometry, take_weights

VOCABULARY = 97
YES, NO = 5, 6


def tiny_model(*, layers: int = 3, tied: bool = True) -> Qwen3ForCausalLM:
    """Random float32 weights, wide enough that scores differ; grouped heads, head norms unlike one."""
    config = Qwen3Config(
        vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=layers,
        num_attention_heads=4, num_key_value_heads=2, head_dim=16, tie_word_embeddings=tied,
        max_position_embeddings=2048, initializer_range=0.3, dtype="float32",
    )  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        model = Qwen3ForCausalLM(config)
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if "norm" in name:
                    parameter.uniform_(0.5, 1.5)
    return model


def weights_of(model: Qwen3ForCausalLM, *, dtype: str = "float32") -> Weights:
    geometry: Geometry = read_geometry(model.config, 2048)  # type: ignore[arg-type]  # a protocol of attributes
    state: dict[str, Tensor] = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    device, quantize = torch.device("cpu"), QUANTIZERS.get(dtype)
    return take_weights(geometry, state, yes_id=YES, no_id=NO, device=device, quantize=quantize)


def engine_of(
    model: Qwen3ForCausalLM, *, block_rows: int | None = None, steps: Steps = EAGER
) -> PackedEngine:
    return PackedEngine(weights_of(model), block_rows=block_rows, steps=steps)


@torch.inference_mode()
def reference(model: Qwen3ForCausalLM, requests: Sequence[Request]) -> list[list[float]]:
    """Each pair alone through transformers, all logits, last position."""
    result = []
    for request in requests:
        values = []
        for tail in request.tails:
            logits = model(input_ids=torch.tensor([[*request.shared, *tail]])).logits[0, -1]
            values.append(float(logits[YES] - logits[NO]))
        result.append(values)
    return result


def request(seed: int, shared: int, tails: Sequence[int]) -> Request:
    """Random tokens in these numbers."""
    source = torch.Generator().manual_seed(seed)

    def tokens(count: int) -> list[int]:
        return torch.randint(0, VOCABULARY, (count,), generator=source).tolist()

    return Request(tokens(shared), [tokens(count) for count in tails])
