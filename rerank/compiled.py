"""The two halves of a layer, fused by ``torch.compile``; the eager ones where that does not work here."""

import logging

import torch

from rerank.decoder import EAGER, Layer, Steps, finish, project
from rerank.weights import Weights
from retrieval.types import Notice

logger = logging.getLogger(__name__)

_PROBE_ROWS = (24, 40)
"""Two sizes, so that what is compiled is already the version for any number of rows."""


def compiled_steps(weights: Weights) -> tuple[Steps, Notice | None]:
    """Steps compiled once for all layers and row counts, tried out on random rows.

    Compiling takes some ten seconds and a C++ compiler on CPU. Where it fails, the eager steps and the notice
    ``rerank_not_compiled`` (reason).
    """
    steps = Steps(torch.compile(project, dynamic=True), torch.compile(finish, dynamic=True))
    try:
        for rows in _PROBE_ROWS:
            _try(steps, weights, weights.layers[0], rows)
    except Exception as error:  # noqa: BLE001  compilers fail in many ways, and each leaves eager mode usable
        logger.warning("the reranker runs uncompiled: %s", type(error).__name__)
        return EAGER, Notice.of("rerank_not_compiled", reason=type(error).__name__)
    return steps, None


@torch.inference_mode()
def _try(steps: Steps, weights: Weights, layer: Layer, rows: int) -> None:
    geometry = weights.geometry
    x = torch.randn(rows, geometry.hidden).to(weights.embedding)
    cos = torch.ones(rows, 1, geometry.head_dim, device=x.device)
    sin = torch.zeros(rows, 1, geometry.head_dim // 2, device=x.device)
    turned, _ = steps.project(x, layer.input_norm, layer.qkv, layer.head_norm, cos, sin, geometry.epsilon)
    attended = turned[:, : geometry.heads].flatten(1)
    steps.finish(x, attended, layer.out, layer.post_norm, layer.gate_up, layer.down, geometry.epsilon)
