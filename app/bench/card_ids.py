"""Token ids of pairs as the model card's snippet makes them, and padded as exported graphs read them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers import AutoTokenizer

from rerank.prompt import DEFAULT_INSTRUCTION, MAX_TOKENS, PREFIX, SUFFIX, body_text

Whole = NDArray[np.int64]


class CardIds:
    """The snippet's ``format_instruction`` and ``process_inputs`` (source: see ``Card``), before padding."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer: Any = AutoTokenizer.from_pretrained(
            folder, padding_side="left", local_files_only=True
        )
        self._prefix: list[int] = self.tokenizer.encode(PREFIX, add_special_tokens=False)
        self._suffix: list[int] = self.tokenizer.encode(SUFFIX, add_special_tokens=False)
        self.yes = self.tokenizer.convert_tokens_to_ids("yes")
        self.no = self.tokenizer.convert_tokens_to_ids("no")

    def pairs(self, query: str, passages: Sequence[str]) -> list[list[int]]:
        """Ids of each pair, in the order given, under the card's default instruction."""
        inputs = self.tokenizer(
            [body_text(DEFAULT_INSTRUCTION, query, passage) for passage in passages],
            padding=False,
            truncation="longest_first",
            return_attention_mask=False,
            max_length=MAX_TOKENS - len(self._prefix) - len(self._suffix),
        )
        return [self._prefix + ids + self._suffix for ids in inputs["input_ids"]]

    def right_padded(self, query: str, passages: Sequence[str]) -> tuple[Whole, Whole]:
        """One batch (pairs, longest), padded behind the pairs, and the place of each pair's last token.

        What stands behind a token is invisible to it, so a causal model needs no mask for this padding.
        """
        rows = self.pairs(query, passages)
        batch = np.full((len(rows), max(map(len, rows))), self.tokenizer.pad_token_id, dtype=np.int64)
        for row, ids in zip(batch, rows, strict=True):
            row[: len(ids)] = ids
        return batch, np.array([len(ids) - 1 for ids in rows], dtype=np.int64)
