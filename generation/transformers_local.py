"""A language model in this process, through Hugging Face transformers."""

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal, Self

import torch
from jinja2 import TemplateError
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DynamicCache,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from generation.chat_tokens import ChatTokens, Turn
from generation.detokenize import Detokenizer
from generation.errors import GenerationError, GeneratorUnavailable, Truncated
from generation.protocols import Stopped, never
from generation.thinking import without_thoughts
from generation.types import Message, Prompt, Sampling

Dtype = Literal["auto", "float32", "bfloat16", "float16"]

PREFILL_TOKENS = 512
"""Prompt tokens read between two looks at ``stopped``: about a second of a 0.6B model on two CPU cores."""
_LOCK_POLL_S = 0.05
_TURN_ENDS = ("<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|user|>")
"""Control tokens that end a turn in ChatML (Qwen), Llama 3 and GLM, where the configuration names fewer."""


class TransformersGenerator:
    """Generates with an instruct model (Qwen3, Qwen2.5, GLM class) token by token, thinking switched off.

    The loop is our own: it looks at ``stopped`` before every token and every block of the prompt, needs
    no second thread, and at temperature 0 gives the tokens of ``model.generate(do_sample=False)``. One
    answer is written at a time; others wait, and can be stopped while waiting. Weights come from
    safetensors only, code from transformers only.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, *, identity: str
    ) -> None:
        if not tokenizer.chat_template:
            raise GeneratorUnavailable(f"{identity} has no chat template: choose an instruct (chat) model")
        self._model = model.train(False)
        self._tokenizer = tokenizer
        self._identity = identity
        self._ends = _end_ids(model, tokenizer)
        self._lock = threading.Lock()
        self._chat = ChatTokens(
            render=self._fill_template, encode=self._encode_text, control=tokenizer.get_added_vocab()
        )

    @classmethod
    def load(
        cls,
        model: str | Path,
        *,
        revision: str = "main",
        device: str = "auto",
        dtype: Dtype = "auto",
        local_files_only: bool = True,
        name: str = "",
    ) -> Self:
        """Load a hub model or a local folder; ``name`` is what the identity calls it.

        ``device`` auto: CUDA where there is one, else CPU. ``dtype`` auto: bfloat16 on CUDA, float32
        elsewhere. Raises ``GeneratorUnavailable`` when weights or tokenizer are missing or cannot be
        read.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if dtype == "auto":
            dtype = "bfloat16" if device.startswith("cuda") else "float32"
        try:
            tokenizer = AutoTokenizer.from_pretrained(
                model, revision=revision, local_files_only=local_files_only, trust_remote_code=False
            )
            weights = AutoModelForCausalLM.from_pretrained(
                model,
                revision=revision,
                local_files_only=local_files_only,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=getattr(torch, dtype),
            ).to(device)  # type: ignore[arg-type]  # transformers' wrapper hides the method's self
        except (OSError, ValueError, ImportError, RuntimeError) as error:
            raise GeneratorUnavailable(
                f"the generator {model} (revision {revision}) cannot be loaded on {device}: {error}. Give a "
                "folder with config.json, tokenizer.json and *.safetensors, allow the download, or choose "
                "the starter profile, which needs no weights"
            ) from error
        return cls(weights, tokenizer, identity=f"{name or model}@{revision}/{dtype}")

    @property
    def identity(self) -> str:
        """Model, revision and dtype in one string."""
        return self._identity

    @property
    def context_tokens(self) -> int:
        """``max_position_embeddings`` of the model: prompt and answer together."""
        return int(self._model.config.max_position_embeddings)

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages in the chat format, with the opening of the answer."""
        return len(self._chat.encode(messages))

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """The answer piece by piece, as ``Generator.stream`` promises.

        Temperature 0 takes the likeliest token; otherwise tokens are drawn by top_p from a generator of
        their own seeded with ``sampling.seed``, so equal seeds give equal answers on equal machines.
        """
        return without_thoughts(self._pieces(prompt, sampling, stopped))

    def _pieces(self, prompt: Prompt, sampling: Sampling, stopped: Stopped) -> Iterator[str]:
        ids = self._chat.encode(prompt.messages)
        room = self.context_tokens - len(ids)
        if room < 1:
            raise GenerationError(
                f"the prompt has {len(ids)} tokens and {self._identity} reads {self.context_tokens}: "
                "give fewer or shorter passages"
            )
        while not self._lock.acquire(timeout=_LOCK_POLL_S):
            if stopped():
                return
        try:
            yield from self._decoded(self._tokens(ids, min(room, sampling.max_tokens), sampling, stopped))
        finally:
            self._lock.release()

    def _decoded(self, tokens: Iterator[int]) -> Iterator[str]:
        detokenizer = Detokenizer(self._decode)
        limit: Truncated | None = None
        try:
            for token in tokens:
                if piece := detokenizer.push(token):
                    yield piece
        except Truncated as error:
            limit = error
        if rest := detokenizer.finish():
            yield rest
        if limit is not None:
            raise limit

    def _tokens(self, ids: list[int], limit: int, sampling: Sampling, stopped: Stopped) -> Iterator[int]:
        """The tokens of the answer, without the one that ends it."""
        cache = DynamicCache(config=self._model.config)
        for start in range(0, len(ids) - 1, PREFILL_TOKENS):
            if stopped():
                return
            self._read(ids[start : min(start + PREFILL_TOKENS, len(ids) - 1)], cache)
        random = torch.Generator().manual_seed(sampling.seed)
        token = ids[-1]
        for _ in range(limit):
            if stopped():
                return
            token = _choose(self._read([token], cache), sampling, random)
            if token in self._ends:
                return
            yield token
        raise Truncated(f"the answer reached its limit of {limit} tokens")

    @torch.inference_mode()
    def _read(self, ids: list[int], cache: DynamicCache) -> torch.Tensor:
        """Append tokens to the cache; the logits after the last, float32 on the CPU, shape (vocab,)."""
        inputs = torch.tensor([ids], device=self._model.device)  # (1, len(ids))
        try:
            output = self._model(input_ids=inputs, past_key_values=cache, use_cache=True, logits_to_keep=1)
        except RuntimeError as error:
            reason = str(error).partition("\n")[0]
            raise GenerationError(
                f"{self._identity} failed after {cache.get_seq_length()} tokens: {reason}. If memory ran "
                "out, lower rerank.top_n or generation.max_tokens, or choose a smaller model"
            ) from error
        logits: torch.Tensor = output.logits[0, -1].float().cpu()
        if bool(logits.isnan().any()):
            raise GenerationError(
                f"{self._identity} computed no number (NaN): the weights are broken or this dtype overflows "
                "on this device; try float32"
            )
        return logits

    def _fill_template(self, turns: list[Turn]) -> str:
        try:
            text = self._tokenizer.apply_chat_template(
                turns, tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
        except TemplateError as error:
            raise GenerationError(
                f"the chat template of {self._identity} refuses the prompt: {error}"
            ) from error
        return str(text)

    def _encode_text(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    def _decode(self, ids: Sequence[int]) -> str:
        return str(
            self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )


def _end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """The tokens that end an answer: of the generation configuration, the tokenizer and known formats."""
    configured = model.generation_config.eos_token_id if model.generation_config is not None else None
    ends = set(configured) if isinstance(configured, list) else {configured, tokenizer.eos_token_id}
    vocabulary = tokenizer.get_added_vocab()
    ends |= {vocabulary.get(token) for token in _TURN_ENDS}
    return frozenset(end for end in ends if end is not None)


def _choose(logits: torch.Tensor, sampling: Sampling, random: torch.Generator) -> int:
    """A token from logits of shape (vocab,): the likeliest, or nucleus sampling (Holtzman et al. 2020)."""
    if sampling.temperature == 0:
        return int(logits.argmax())
    probabilities, order = (logits / sampling.temperature).softmax(-1).sort(descending=True, stable=True)
    before = probabilities.cumsum(-1) - probabilities
    probabilities[before >= sampling.top_p] = 0.0
    return int(order[torch.multinomial(probabilities, 1, generator=random)])
