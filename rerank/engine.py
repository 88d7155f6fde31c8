"""The forward pass of Qwen3-Reranker: token ids in, log-odds of "yes" against "no" out."""

from collections.abc import Sequence
from typing import Protocol

import torch
from transformers import Qwen3ForCausalLM

from rerank.errors import RerankError


class OutOfMemory(RerankError):
    """One batch did not fit into the device's memory; a smaller one may."""


class Engine(Protocol):
    """Computes log-odds for pairs that share their beginning."""

    def log_odds(self, shared: Sequence[int], tails: Sequence[Sequence[int]]) -> list[float]:
        """Per tail, logit("yes") - logit("no") after ``shared + tail``. Raises ``OutOfMemory``."""


class PaddedEngine:
    """One padded batch per call through transformers' own Qwen3 layers.

    Only the last position is projected, onto one float32 row ``w_yes - w_no``, from a hidden state normed in
    float32: the card's softmax over two logits is the sigmoid of exactly this difference, without the grid of
    bfloat16 logits that makes ties, and without 151,669 logits per position.
    """

    def __init__(self, model: Qwen3ForCausalLM, *, yes_id: int, no_id: int, pad_id: int) -> None:
        head = model.lm_head.weight
        self._row = (head[yes_id].float() - head[no_id].float()).detach()
        self._norm = model.model.norm.weight.detach().float()
        self._epsilon = float(model.config.rms_norm_eps)
        self._backbone = model.model
        self._backbone.norm = torch.nn.Identity()  # applied below, in float32
        self._pad_id = pad_id

    @torch.inference_mode()
    def log_odds(self, shared: Sequence[int], tails: Sequence[Sequence[int]]) -> list[float]:
        """Per tail, logit("yes") - logit("no") after ``shared + tail``. Raises ``OutOfMemory``.

        Padding stands on the right, where causal attention cannot see it: positions count from 0 in every
        row, and a row's result is the one it has alone.
        """
        lengths = [len(shared) + len(tail) for tail in tails]
        longest = max(lengths)
        rows = [
            [*shared, *tail] + [self._pad_id] * (longest - length)
            for tail, length in zip(tails, lengths, strict=True)
        ]
        try:
            ids = torch.tensor(rows, dtype=torch.long, device=self._row.device)
            hidden = self._backbone(input_ids=ids, use_cache=False).last_hidden_state
            last = torch.tensor(lengths, device=hidden.device) - 1
            # (batch, length, hidden) -> (batch, hidden)
            state = hidden[torch.arange(len(rows), device=hidden.device), last].float()
            scale = torch.rsqrt(state.square().mean(-1, keepdim=True) + self._epsilon)
            return [float(value) for value in ((state * scale * self._norm) @ self._row).cpu()]
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise OutOfMemory(f"{len(rows)} pairs of {longest} tokens do not fit") from error
        except RuntimeError as error:
            if "allocate memory" not in str(error):  # the CPU allocator has no exception type of its own
                raise
            raise OutOfMemory(f"{len(rows)} pairs of {longest} tokens do not fit") from error
