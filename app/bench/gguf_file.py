"""The checkpoint as a GGUF file of llama.cpp's rerank kind.

Source of names and layout: llama.cpp ``conversion/qwen.py`` (class Qwen3Model, its rerank part) and
``conversion/base.py`` (vocabulary), as shipped with llama-cpp-python 0.3.36.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from app.bench.card_ids import CardIds

_ARCHITECTURE = "qwen3"
_BLOCK = 32
"""Values of one block of Q8_0; rows are cut into whole blocks."""


def write_gguf(folder: Path, file: Path) -> Path:
    """Write vocabulary and weights: matrices in Q8_0, llama.cpp's usual 8-bit kind, the rest in float32."""
    gguf: Any = importlib.import_module("gguf")
    ids = CardIds(folder)
    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    writer = gguf.GGUFWriter(file, _ARCHITECTURE)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(config.head_dim)
    writer.add_value_length(config.head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_pooling_type(gguf.PoolingType.RANK)
    writer.add_classifier_output_labels(["yes", "no"])
    _add_vocabulary(gguf, writer, folder, ids, config.vocab_size)
    q8 = gguf.GGMLQuantizationType.Q8_0
    for name, tensor in _tensors(gguf, folder, config.num_hidden_layers, ids):
        values = tensor.float().contiguous().numpy()
        matrix = tensor.dim() == 2 and len(tensor) > 2 and tensor.shape[1] % _BLOCK == 0
        if matrix:
            writer.add_tensor(name, gguf.quants.quantize(values, q8), raw_dtype=q8)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _tensors(gguf: Any, folder: Path, layers: int, ids: CardIds) -> Iterator[tuple[str, Tensor]]:  # noqa: ANN401  a module
    """llama.cpp's names with the checkpoint's tensors, the head cut down to the rows of yes and no."""
    model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, local_files_only=True)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN3, layers)
    with torch.no_grad():
        yield "cls.output.weight", model.lm_head.weight[[ids.yes, ids.no]]
        for name, tensor in model.model.state_dict().items():
            yield names.get_name(f"model.{name}", try_suffixes=(".weight",)), tensor


def _add_vocabulary(gguf: Any, writer: Any, folder: Path, ids: CardIds, size: int) -> None:  # noqa: ANN401  a module and its writer
    """Tokens by id, what is no token filled up, with merges and control tokens from the folder."""
    tokens = {i: token for token, i in ids.tokenizer.get_vocab().items()}
    special = set(ids.tokenizer.all_special_ids)
    added = ids.tokenizer.added_tokens_decoder
    kinds = gguf.TokenType
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list([tokens.get(i, f"[PAD{i}]") for i in range(size)])
    writer.add_token_types(
        [
            kinds.UNUSED
            if i not in tokens
            else kinds.NORMAL
            if i not in added
            else kinds.CONTROL
            if i in special or added[i].special
            else kinds.USER_DEFINED
            for i in range(size)
        ]
    )
    gguf.SpecialVocab(folder, load_merges=True, n_vocab=size).add_to_gguf(writer, quiet=True)
