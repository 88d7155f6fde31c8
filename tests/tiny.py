"""A tiny random Qwen3 with its tokenizer, built on the spot: tests load it where the product loads weights.

It has the real architecture, file layout, special tokens and chat template, so ``AutoTokenizer``,
``AutoModel``, ``AutoModelForCausalLM`` and sentence-transformers open the folder offline. Its answers mean
nothing.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import AddedToken
from tokenizers.pre_tokenizers import ByteLevel
from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM

SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
PLAIN = ("<think>", "</think>")
"""As in Qwen's tokenizer_config.json: added tokens that are not marked special."""

WORDS = (
    "yes", "no", "\n\n", "system", "user", "assistant", "Judge", " whether", " the", " Document", " meets",
    " requirements", " based", " on", " Query", " and", " Instruct", " provided", ".", " Note", " that",
    " answer", " can", " only", " be", ' "', '"', " or", "<", "Instruct", ">:", "Query", "Document", " Given",
    " a", " web", " search", " query", ",", " retrieve", " relevant", " passages",
    "单点登录", "报销", "发票", "的",
)  # fmt: skip
"""Single tokens of the tiny vocabulary besides the 256 bytes: the rerank template and a little Chinese."""

CHAT_TEMPLATE = """\
{%- for message in messages %}
    {%- if message.role == 'assistant' and '</think>' in message.content %}
        {%- set content = message.content.split('</think>')[-1].lstrip('\\n') %}
    {%- else %}
        {%- set content = message.content %}
    {%- endif %}
    {{- '<|im_start|>' + message.role + '\\n' + content + '<|im_end|>' + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}"""
"""Qwen3's chat template without its tool branches (Qwen/Qwen3-0.6B, tokenizer_config.json)."""


def tiny_tokenizer(words: Sequence[str] = WORDS) -> Qwen2Tokenizer:
    """A byte-level BPE tokenizer with Qwen's pre-tokenizer and control tokens; each word is a token."""
    alphabet = sorted(ByteLevel.alphabet())
    merges: list[tuple[str, str]] = []
    for word in words:
        pieces = _merged(_bytes(word), merges)
        while len(pieces) > 1:
            merges.append((pieces[0], pieces[1]))
            pieces = _merged(_bytes(word), merges)
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*alphabet, *map("".join, merges)]))}
    tokenizer = Qwen2Tokenizer(
        vocab=vocabulary,
        merges=merges,  # type: ignore[arg-type]  # annotated as strings, takes pairs
        eos_token="<|im_end|>",  # noqa: S106  a control token, not a password
        pad_token="<|endoftext|>",  # noqa: S106
        model_max_length=131072,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
    )
    tokenizer.add_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, special=False, normalized=False) for token in PLAIN])
    return tokenizer


def tiny_qwen3(
    folder: Path,
    *,
    seed: int = 0,
    layers: int = 2,
    hidden: int = 64,
    words: Sequence[str] = WORDS,
    max_positions: int = 40960,
) -> Path:
    """Save a random ``Qwen3ForCausalLM`` (tied embeddings, GQA, float32 safetensors) with its tokenizer.

    The same arguments give the same weights. They are drawn ten times wider than Qwen's 0.02, so that
    outputs differ visibly between texts.
    """
    tokenizer = tiny_tokenizer(words)
    ids = {token: tokenizer.get_vocab()[token] for token in SPECIAL}
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=2 * hidden,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=hidden // 4,
        tie_word_embeddings=True,
        max_position_embeddings=max_positions,
        initializer_range=0.2,
        bos_token_id=ids["<|endoftext|>"],
        eos_token_id=ids["<|im_end|>"],
        pad_token_id=ids["<|endoftext|>"],
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Qwen3ForCausalLM(config)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _bytes(word: str) -> list[str]:
    """The word's UTF-8 bytes as the letters byte-level BPE gives them."""
    pieces = ByteLevel(add_prefix_space=False, use_regex=False).pre_tokenize_str(word)
    return list(pieces[0][0])


def _merged(pieces: list[str], merges: Sequence[tuple[str, str]]) -> list[str]:
    """BPE as the tokenizer does it: merges in order of rank, each over the whole word."""
    for left, right in merges:
        i = 0
        while i < len(pieces) - 1:
            if pieces[i] == left and pieces[i + 1] == right:
                pieces[i : i + 2] = [left + right]
            i += 1
    return pieces
