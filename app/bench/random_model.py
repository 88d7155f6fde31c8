"""A checkpoint of Qwen3-Reranker's geometry with random weights, for machines without the real one.

Times and memory are those of the real weights; scores mean nothing.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, models, trainers
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM

from app.bench.figures import QWEN3_06B, Shape
from app.bench.workloads import demo_text
from rerank.prompt import DEFAULT_INSTRUCTION, PREFIX, SUFFIX, head_text

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PLAIN = ("<think>", "</think>")
"""As in Qwen's tokenizer_config.json: added tokens that are not marked special."""
_MERGES = 6000
_REPEATS = 200
"""Times the template is read in training, so that each of its words becomes one token."""


def random_tokenizer() -> Qwen2Tokenizer:
    """A byte-level BPE tokenizer with Qwen's pre-tokenizer and control tokens, trained on the demo documents.

    Raises ``ValueError`` should "yes", "no" or a word of the template's end not be one token.
    """
    end = "<|im_end|>"
    layout = Qwen2Tokenizer(
        vocab={letter: i for i, letter in enumerate(sorted(ByteLevel.alphabet()))}, merges=[]
    ).backend_tokenizer
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = layout.pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=256 + _MERGES, show_progress=False, initial_alphabet=sorted(ByteLevel.alphabet())
    )
    template = [PREFIX, SUFFIX, head_text(DEFAULT_INSTRUCTION, ""), "yes", "no", "assistant", "\n\n"]
    learner.train_from_iterator([demo_text("zh"), demo_text("en"), *template * _REPEATS], trainer)
    learned = json.loads(learner.to_str())["model"]
    merges: Any = [tuple(pair) for pair in learned["merges"]]  # annotated as strings, takes pairs
    tokenizer = Qwen2Tokenizer(
        vocab=learned["vocab"],
        merges=merges,
        eos_token=end,
        pad_token=SPECIAL[0],
        model_max_length=131072,
        clean_up_tokenization_spaces=False,
    )
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in PLAIN])
    for word in ("yes", "no", "assistant", "\n\n", "\n"):
        if len(ids := tokenizer.encode(word, add_special_tokens=False)) != 1:
            raise ValueError(f"the trained tokenizer reads {word!r} as {ids}, it should be one token")
    return tokenizer


def save_random(folder: Path, shape: Shape = QWEN3_06B, seed: int = 0) -> Path:
    """Save a random ``Qwen3ForCausalLM`` (tied embeddings, bfloat16 as the real one) with its tokenizer."""
    tokenizer = random_tokenizer()
    ids = tokenizer.get_vocab()
    config = Qwen3Config(
        vocab_size=max(shape.vocabulary, len(tokenizer)),
        hidden_size=shape.hidden,
        intermediate_size=shape.intermediate,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        head_dim=shape.head_dim,
        tie_word_embeddings=True,
        max_position_embeddings=40960,
        rope_parameters={"rope_type": "default", "rope_theta": 1_000_000.0},
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|im_end|>"],
        pad_token_id=ids["<|endoftext|>"],
    )
    with torch.random.fork_rng(devices=[]), _default_dtype(torch.bfloat16):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
