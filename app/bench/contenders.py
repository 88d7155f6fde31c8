"""Ways to score the same pairs with the same weights: our engine, and what people would use without it.

All answer with logit("yes") - logit("no") per passage, in the order given, under the card's default
instruction.
"""

import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import torch
from transformers import AutoModelForCausalLM
from transformers.utils import logging as transformers_logging

from app.bench.card_ids import CardIds
from app.bench.meter import memory_left
from rerank.prompt import DEFAULT_INSTRUCTION, PREFIX, SUFFIX
from rerank.qwen3 import Qwen3Reranker
from rerank.settings import EngineSettings

Dtype = Literal["float32", "bfloat16", "int8", "fp8"]
EIGHT_BIT = frozenset(("ours int8", "onnxruntime int8", "openvino int8", "llama.cpp"))
"""Names of contenders that multiply in 8-bit integers: another floor and another tolerance than the rest."""


class Contender(Protocol):
    """One way to score. ``note`` says how it is set up, and is complete only after it has scored."""

    @property
    def note(self) -> str:
        """What a reader of the figures should know."""

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """Per passage, in the order given."""


class Ours:
    """The product's reranker, with its score cache off: every round computes everything.

    ``stored``: ids of passages are kept after their first reading, as the product does from ingest on.
    """

    def __init__(self, folder: Path, device: str, dtype: Dtype, *, stored: bool = False) -> None:
        settings = EngineSettings(dtype=dtype, cached_scores=0)
        if not stored:
            settings = settings.model_copy(update={"cached_tokens": 0})
        self._reranker = Qwen3Reranker.load(folder, device=device, settings=settings, unmeasured=True)
        slower = [f"{notice.code}: {dict(notice.values)}" for notice in self._reranker.notices]
        ids = "passage ids stored" if stored else "passages tokenised each time"
        self.note = "; ".join(["score cache off", ids, *slower])

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        return list(self._reranker.log_odds(query, passages, DEFAULT_INSTRUCTION))


class Card:
    """The model card's transformers snippet (QwenLM/Qwen3-Embedding @ f4ad0c43, README "Transformers Usage").

    Left padding, one batch of all pairs, logits at every position. Memory alone makes it split the batch, and
    ``note`` tells. ``one_by_one``: a batch for each pair, as popular articles do, on the same model object.
    """

    def __init__(self, folder: Path, device: str, dtype: Dtype) -> None:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=getattr(torch, dtype), local_files_only=True
        )
        self._model = loaded.to(device).eval()
        self._device = torch.device(device)
        self._ids = CardIds(folder)
        self._most: int | None = None

    @property
    def note(self) -> str:
        """Whether memory let it run as written."""
        split = f"; split to {self._most} pairs by memory" if self._most else ", one batch"
        return f"left padding, logits at every position, {self._model.config._attn_implementation}{split}"

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        while True:
            size = self._most or len(passages)
            try:
                values: list[float] = []
                for start in range(0, len(passages), size):
                    values += self._batch(query, passages[start : start + size])
                return values
            except torch.OutOfMemoryError:
                if size == 1:
                    raise
                torch.cuda.empty_cache()
                self._most = max(1, size // 2)

    def one_by_one(self, query: str, passages: Sequence[str]) -> list[float]:
        """The same, each pair in a call of its own."""
        return [self.log_odds(query, [passage])[0] for passage in passages]

    @torch.no_grad()
    def _batch(self, query: str, passages: Sequence[str]) -> list[float]:
        """The snippet's ``process_inputs`` and ``compute_logits``, the softmax left undone."""
        whole = self._ids.pairs(query, passages)
        self._refuse_what_kills(len(whole), max(map(len, whole)))
        padded = self._ids.tokenizer.pad({"input_ids": whole}, padding=True, return_tensors="pt")
        logits = self._model(**padded.to(self._device)).logits[:, -1, :]
        answer = logits[:, [self._ids.yes, self._ids.no]].float()
        difference: list[float] = (answer[:, 0] - answer[:, 1]).tolist()
        return difference

    def _refuse_what_kills(self, pairs: int, longest: int) -> None:
        """On CPU running out of memory ends the process, so logits of half of what is left are too many."""
        size = pairs * longest * self._model.config.vocab_size * self._model.dtype.itemsize
        if self._device.type == "cpu" and pairs > 1 and size > memory_left() / 2:
            raise torch.OutOfMemoryError


class OneByOne:
    """A loop over pairs around the card's snippet: what popular articles do, plus the template they lack."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self.note = "the card's snippet, one pair a call; the card's model object"

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        return self._card.one_by_one(query, passages)


class CrossEncoder:
    """sentence-transformers' ``CrossEncoder`` with the card's prompt as its chat template, batches of 32."""

    def __init__(self, folder: Path, device: str, dtype: Dtype) -> None:
        library: Any = importlib.import_module("sentence_transformers")  # absent on bare machines
        self._model = library.CrossEncoder(
            str(folder),
            device=device,
            local_files_only=True,
            model_kwargs={"dtype": getattr(torch, dtype)},
            processor_kwargs={"chat_template": chat_template()},
        )
        default = " instead of its default bfloat16, which is slow on CPU" if dtype == "float32" else ""
        self.note = f"{dtype}{default}; left padding, batches of 32, logits of the last position"

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        scores = self._model.predict(
            [(query, passage) for passage in passages],
            batch_size=32,
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
        )
        values: list[float] = scores.tolist()
        return values


def chat_template() -> str:
    """The card's prompt for messages of the roles query and document.

    Prefix and suffix stand in expressions: Jinja drops a line break at the end of a template, and the last
    token with it (the template shipped with vLLM suffers from that).
    """

    def literal(text: str) -> str:
        return "{{- " + repr(text) + " -}}"

    def said_by(role: str) -> str:
        chosen = f'(messages | selectattr("role", "eq", "{role}") | first).content'
        return f"{{{{- {chosen} if {chosen} is string else {chosen}[0].text -}}}}"

    head = literal(f"{PREFIX}<Instruct>: {DEFAULT_INSTRUCTION}\n<Query>: ")
    return head + said_by("query") + literal("\n<Document>: ") + said_by("document") + literal(SUFFIX)


def quiet() -> None:
    """No progress bars while models load."""
    bars: Any = transformers_logging  # its functions are not annotated
    bars.disable_progress_bar()
