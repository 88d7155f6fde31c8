"""A checkpoint's configuration and state dict → the decoder's geometry and layers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from rerank.decoder import Geometry, Layer
from rerank.linear import Weight, quantize_fp8_weight, quantize_weight

Quantize = Callable[[Tensor], Weight]
QUANTIZERS: Mapping[str, Quantize] = {"int8": quantize_weight, "fp8": quantize_fp8_weight}
"""By the dtype's name in the settings; other dtypes are loaded as they are."""


class Qwen3Configuration(Protocol):
    """What is read of transformers' ``Qwen3Config``."""

    num_hidden_layers: int
    hidden_size: int
    num_attention_heads: int
    num_key_value_heads: int
    head_dim: int
    intermediate_size: int
    rms_norm_eps: float
    max_position_embeddings: int
    hidden_act: str
    attention_bias: bool
    sliding_window: int | None
    layer_types: list[str]
    rope_parameters: dict[str, object]


@dataclass(frozen=True, slots=True)
class Weights:
    """Everything the forward pass reads. ``head`` is float32 w_yes - w_no (hidden,)."""

    geometry: Geometry
    embedding: Tensor
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Tensor


def read_geometry(config: Qwen3Configuration, max_tokens: int) -> Geometry:
    """The numbers of a plain Qwen3, for pairs of at most ``max_tokens``.

    Raises ``ValueError`` naming each feature the forward pass does not have: it would compute something else
    than the checkpoint was trained for.
    """
    rope = config.rope_parameters
    unknown = {
        "hidden_act": config.hidden_act != "silu",
        "attention_bias": config.attention_bias,
        "sliding_window": config.sliding_window is not None,
        "layer_types": set(config.layer_types) != {"full_attention"},
        "rope_parameters": set(rope) != {"rope_theta", "rope_type"} or rope["rope_type"] != "default",
        "quantization_config": getattr(config, "quantization_config", None) is not None,
        "head_dim": config.head_dim % 2 != 0,
        "num_key_value_heads": config.num_attention_heads % config.num_key_value_heads != 0,
    }
    if any(unknown.values()):
        named = ", ".join(f"{name}={getattr(config, name)!r}" for name, bad in unknown.items() if bad)
        raise ValueError(f"its configuration has {named}, which this engine does not compute")
    if max_tokens > config.max_position_embeddings:
        raise ValueError(f"it reads {config.max_position_embeddings} tokens at most, not {max_tokens}")
    return Geometry(
        layers=config.num_hidden_layers,
        hidden=config.hidden_size,
        heads=config.num_attention_heads,
        kv_heads=config.num_key_value_heads,
        head_dim=config.head_dim,
        intermediate=config.intermediate_size,
        epsilon=float(config.rms_norm_eps),
        rope_theta=float(str(rope["rope_theta"])),
        max_positions=max_tokens,
    )


def take_weights(
    geometry: Geometry,
    state: dict[str, Tensor],
    *,
    yes_id: int,
    no_id: int,
    device: torch.device,
    quantize: Quantize | None = None,
) -> Weights:
    """Move a state dict into the decoder's layout, layer by layer.

    ``state`` is emptied on the way, so that memory holds the weights once and one layer twice. ``quantize``
    rounds the seven products of each layer and nothing else.

    Raises ``ValueError`` where a name is missing or left over, or a size cannot be quantised.
    """

    def take(name: str) -> Tensor:
        if name not in state:
            raise ValueError(f"its weights lack {name}")
        return state.pop(name).detach()

    def packed(*names: str) -> Weight:
        joined = torch.cat([take(f"{name}.weight") for name in names])
        moved = joined.to(device)
        return moved if quantize is None else quantize(moved)

    layers = []
    for i in range(geometry.layers):
        at, attention, mlp = (f"model.layers.{i}{part}" for part in ("", ".self_attn", ".mlp"))
        q_norm = take(f"{attention}.q_norm.weight").float().expand(geometry.heads, -1)
        k_norm = take(f"{attention}.k_norm.weight").float().expand(geometry.kv_heads, -1)
        layers.append(
            Layer(
                input_norm=take(f"{at}.input_layernorm.weight").to(device),
                qkv=packed(*(f"{attention}.{name}_proj" for name in "qkv")),
                head_norm=torch.cat((q_norm, k_norm)).to(device),
                out=packed(f"{attention}.o_proj"),
                post_norm=take(f"{at}.post_attention_layernorm.weight").to(device),
                gate_up=packed(f"{mlp}.gate_proj", f"{mlp}.up_proj"),
                down=packed(f"{mlp}.down_proj"),
            )
        )
    embedding = take("model.embed_tokens.weight")
    head = state.pop("lm_head.weight", embedding).detach()  # tied where it is not there
    weights = Weights(
        geometry,
        embedding.to(device),
        tuple(layers),
        take("model.norm.weight").to(device),
        (head[yes_id].float() - head[no_id].float()).to(device),
    )
    if state:
        raise ValueError(f"its weights have unknown names: {', '.join(sorted(state)[:5])}")
    return weights
