"""y = x W^T with float weights, or with 8-bit weights and 8-bit activations.

INT8 is symmetric: one scale per output channel of the weight, one per token of the activation, products
summed in 32 bits (LLM.int8(), arXiv 2208.07339, section 2.1, "vector-wise quantization").
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rerank.errors import RerankerUnavailable

_LARGEST = 127
_TINY = 1e-20
"""Least scale: a row of zeros must not divide by zero."""


class Int8Weight(NamedTuple):
    """``values`` int8 (out, in) times ``scale`` float32 (out,) is the weight."""

    values: Tensor
    scale: Tensor

    def rows(self, start: int, stop: int) -> "Int8Weight":
        """Some output channels, without a copy."""
        return Int8Weight(self.values[start:stop], self.scale[start:stop])


Weight = Tensor | Int8Weight


def linear(x: Tensor, weight: Weight) -> Tensor:
    """(rows, in) -> (rows, out), in the dtype of ``x``."""
    if isinstance(weight, Tensor):
        return F.linear(x, weight)
    product, scale = _product(x, weight)
    return product.mul_(scale).mul_(weight.scale)


def add_linear(total: Tensor, x: Tensor, weight: Weight) -> None:
    """``total += linear(x, weight)`` in place, without holding the product twice."""
    if isinstance(weight, Tensor):
        total.addmm_(x, weight.t())
        return
    product, scale = _product(x, weight)
    total.addcmul_(product.mul_(scale), weight.scale)


def _product(x: Tensor, weight: Int8Weight) -> tuple[Tensor, Tensor]:
    """The product without its scales (rows, out) in the dtype of ``x``, and the rows' scales (rows, 1)."""
    values, scale = quantize(x)
    return torch._int_mm(values, weight.values.t()).to(x.dtype), scale


def rows(weight: Weight, start: int, stop: int) -> Weight:
    """Some output channels of a weight, without a copy."""
    return weight[start:stop] if isinstance(weight, Tensor) else weight.rows(start, stop)


def quantize(x: Tensor) -> tuple[Tensor, Tensor]:
    """int8 values and float scales (rows, 1); each value is off by half its row's scale at most.

    A row that is not finite gets a scale that is not, so the product is not either.
    """
    scale = x.abs().amax(-1, keepdim=True).clamp_min_(_TINY).div_(_LARGEST)
    return (x / scale).round_().to(torch.int8), scale


def quantize_weight(weight: Tensor) -> Int8Weight:
    """Round to nearest, one scale for each output channel."""
    values, scale = quantize(weight.float())
    return Int8Weight(values, scale.squeeze(-1).contiguous())


def check_int8() -> None:
    """Raises ``RerankerUnavailable`` where this machine's 8-bit product is not exact.

    Without VNNI some kernels add pairs of products in 16 bits, which overflows at the ends of the range.
    """
    extreme = torch.full((32, 256), _LARGEST, dtype=torch.int8)
    extreme[::2] = -_LARGEST
    exact = (extreme.double() @ extreme.double().t()).to(torch.int32)
    if not torch.equal(torch._int_mm(extreme, extreme.t()), exact):
        raise RerankerUnavailable("8-bit products overflow on this CPU; use dtype float32")
