"""The checkpoint as an ONNX file that answers with log-odds: what runtimes other than torch are given.

Stock exports project every position onto the whole vocabulary. This one is the strongest form a peer's users
could make: last position only, and a head of one row.
"""

import importlib
import logging
import warnings
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from app.bench.card_ids import CardIds

OPSET = 23
"""The first with Attention, RMSNormalization and RotaryEmbedding as operators. Measured on a Zen 5, 10 pairs
of 285 tokens: 18.8 core-seconds with ONNX Runtime 1.31 (opset 20: 21.8), 15.8 with OpenVINO 2026.4 (16.2)."""


class LastLogOdds(torch.nn.Module):
    """transformers' own Qwen3, then logit("yes") - logit("no") at each pair's last token, all in float32."""

    def __init__(self, folder: Path, ids: CardIds) -> None:
        super().__init__()
        loaded: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        head = loaded.lm_head.weight
        self.body = loaded.model
        self.row = torch.nn.Parameter((head[ids.yes] - head[ids.no]).detach().clone(), requires_grad=False)

    def forward(self, input_ids: Tensor, last: Tensor) -> Tensor:
        """(pairs, tokens) right-padded ids and (pairs,) places of the last tokens -> (pairs,)."""
        pairs, tokens = input_ids.shape
        positions = torch.arange(tokens).expand(pairs, tokens)  # given, or it looks for packed sequences
        states = self.body(
            input_ids=input_ids,
            position_ids=positions,
            attention_mask=torch.ones_like(input_ids),
            use_cache=False,
        ).last_hidden_state
        rows: Tensor = states[torch.arange(pairs), last]  # (pairs, tokens, hidden) -> (pairs, hidden)
        return (rows * self.row).sum(-1)  # no matrix product, so that it is never quantised


def export_onnx(folder: Path, file: Path) -> Path:
    """Write the graph to ``file``, its weights to a file beside it; needs the packages onnx and onnxscript.

    Inputs ``input_ids`` and ``last``, output ``log_odds``, any number of pairs and tokens.
    """
    exporter: Any = importlib.import_module("torch.onnx")
    module = LastLogOdds(folder, CardIds(folder)).eval()
    free: Any = torch.export.Dim.DYNAMIC
    sample = (torch.ones((3, 20), dtype=torch.long), torch.tensor([19, 10, 5]))
    talkative = logging.getLogger("torch.onnx")
    before = talkative.level
    talkative.setLevel(logging.ERROR)  # it misses torchvision, which nothing here uses
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations between torch, transformers and onnxscript
            exporter.export(
                module,
                sample,
                file,
                dynamo=True,
                opset_version=OPSET,
                external_data=True,
                verbose=False,
                input_names=["input_ids", "last"],
                output_names=["log_odds"],
                dynamic_shapes={"input_ids": {0: free, 1: free}, "last": {0: free}},
            )
    finally:
        talkative.setLevel(before)
    return file
