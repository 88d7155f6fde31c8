"""llama.cpp on CPU with the same weights in a GGUF file."""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rerank.prompt import DEFAULT_INSTRUCTION, PREFIX, SUFFIX, body_text

CONTEXT = 1024
"""Tokens of one pass; the longest pair of all workloads has 512."""


class LlamaCpp:
    """llama.cpp's rank pooling through llama-cpp-python, one pair a pass: merging pairs gains a CPU nothing.

    Calls the C functions: the package's ``embed`` reads a whole state where ranking leaves two values.
    """

    def __init__(self, file: Path, threads: int) -> None:
        self._library: Any = importlib.import_module("llama_cpp")
        self._model = self._library.Llama(
            model_path=str(file),
            embedding=True,
            pooling_type=self._library.LLAMA_POOLING_TYPE_RANK,
            n_ctx=CONTEXT,
            n_batch=CONTEXT,
            n_ubatch=CONTEXT,
            n_threads=threads,
            n_threads_batch=threads,
            verbose=False,
        )
        self.note = (
            "Q8_0 weights; its own tokenizer and rank pooling, through llama-cpp-python, one pair a pass"
        )

    def log_odds(self, query: str, passages: Sequence[str]) -> list[float]:
        """As the protocol says."""
        return [self._pair(query, passage) for passage in passages]

    def _pair(self, query: str, passage: str) -> float:
        text = PREFIX + body_text(DEFAULT_INSTRUCTION, query, passage) + SUFFIX
        tokens = self._model.tokenize(text.encode(), add_bos=False, special=True)
        if len(tokens) > CONTEXT:
            raise ValueError(f"a pair of {len(tokens)} tokens; this peer is set up for {CONTEXT}")
        self._decode(tokens)
        yes, no = self._library.llama_get_embeddings_seq(self._model.ctx, 0)[:2]  # after a softmax
        return math.log(yes) - math.log(no)

    def _decode(self, tokens: Sequence[int]) -> None:
        """One pass over a sequence of its own."""
        library, context = self._library, self._model.ctx
        library.llama_memory_clear(library.llama_get_memory(context), True)
        batch = library.llama_batch_init(len(tokens), 0, 1)
        try:
            batch.n_tokens = len(tokens)
            for i, token in enumerate(tokens):
                batch.token[i], batch.pos[i], batch.logits[i] = token, i, 1  # all, or it warns each time
                batch.n_seq_id[i], batch.seq_id[i][0] = 1, 0
            if (code := library.llama_decode(context, batch)) != 0:
                raise RuntimeError(f"llama_decode returned {code}")
        finally:
            library.llama_batch_free(batch)
