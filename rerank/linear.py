"""y = x W^T with float weights, or with 8-bit weights and 8-bit activations.

Both 8-bit kinds have one scale per output channel of the weight and one per token of the activation
(LLM.int8(), arXiv 2208.07339, section 2.1, "vector-wise quantization"). INT8 is symmetric and sums its
products in 32-bit integers. FP8 is e4m3 (arXiv 2209.05433) and sums in floats; its call has run on CPU only,
where torch has the same one, never on a GPU. Who changes how values are rounded renames the scheme in
``rerank.permit``: what was measured before holds no longer.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from rerank.errors import RerankerUnavailable

_LARGEST = 127
_LARGEST_FP8 = 448.0
"""The largest finite e4m3 number; beyond 464 torch's conversion gives NaN instead of it."""
_TINY = 1e-20
"""Least scale: a row of zeros must not divide by zero."""
_ALIGNED = 16
"""FP8 products need inner and outer sizes that are multiples of this (torch, ``_scaled_mm``)."""
_FP8_CAPABILITY = (8, 9)
"""Ada; Hopper is (9, 0)."""
_FP8_TOLERANCE = 0.01
"""Of the largest result: rounding to bfloat16 is off by 0.4 %, a wrong layout or scale by far more."""


class Int8Weight(NamedTuple):
    """``values`` int8 (out, in) times ``scale`` float32 (out,) is the weight."""

    values: Tensor
    scale: Tensor

    def rows(self, start: int, stop: int) -> "Int8Weight":
        """Some output channels, without a copy."""
        return Int8Weight(self.values[start:stop], self.scale[start:stop])


class Fp8Weight(NamedTuple):
    """``values`` float8_e4m3fn (out, in), each row times its entry of ``scale`` float32 (1, out)."""

    values: Tensor
    scale: Tensor

    def rows(self, start: int, stop: int) -> "Fp8Weight":
        """Some output channels, without a copy."""
        return Fp8Weight(self.values[start:stop], self.scale[:, start:stop])


Weight = Tensor | Int8Weight | Fp8Weight


def linear(x: Tensor, weight: Weight) -> Tensor:
    """(rows, in) -> (rows, out), in the dtype of ``x``; FP8 on a GPU gives 16-bit results only."""
    if isinstance(weight, Tensor):
        return F.linear(x, weight)
    if isinstance(weight, Fp8Weight):
        values, scale = quantize_fp8(x)
        # row-major by column-major, scales (rows, 1) and (1, out): torch's row-wise scaling
        return torch._scaled_mm(
            values, weight.values.t(), scale_a=scale, scale_b=weight.scale, out_dtype=x.dtype
        )
    product, scale = _product(x, weight)
    return product.mul_(scale).mul_(weight.scale)


def add_linear(total: Tensor, x: Tensor, weight: Weight) -> None:
    """``total += linear(x, weight)`` in place, without holding the product twice."""
    if isinstance(weight, Tensor):
        total.addmm_(x, weight.t())
        return
    if isinstance(weight, Fp8Weight):
        total.add_(linear(x, weight))
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


def quantize_fp8(x: Tensor) -> tuple[Tensor, Tensor]:
    """float8_e4m3fn values and float32 scales (rows, 1).

    Each value is off by 1/16 of itself or by 1/1024 of its row's scale at most, whichever is more. A row that
    is not finite gives NaN.
    """
    scale = x.abs().amax(-1, keepdim=True).float().clamp_min_(_TINY).div_(_LARGEST_FP8)
    return (x / scale).to(torch.float8_e4m3fn), scale


def quantize_fp8_weight(weight: Tensor) -> Fp8Weight:
    """Round to nearest, one scale for each output channel.

    Raises ``ValueError`` for sizes that FP8 products do not take.
    """
    if weight.size(0) % _ALIGNED or weight.size(1) % _ALIGNED:
        raise ValueError(
            f"fp8 needs sizes that are multiples of {_ALIGNED}, a weight is {tuple(weight.shape)}"
        )
    values, scale = quantize_fp8(weight)
    return Fp8Weight(values, scale.t().contiguous())


def check_fp8(device: torch.device) -> None:
    """Raises ``RerankerUnavailable`` where FP8 cannot be computed, or comes out wrong."""
    cuda = device.type == "cuda" and torch.version.hip is None
    if not cuda or torch.cuda.get_device_capability(device) < _FP8_CAPABILITY:
        raise RerankerUnavailable(
            "fp8 runs on NVIDIA GPUs of compute capability 8.9 and later (Ada, Hopper) only, not on this "
            f"{device.type} device; set rerank.engine.dtype to auto"
        )
    check_fp8_product(device, torch.bfloat16)


def check_fp8_product(device: torch.device, dtype: torch.dtype) -> None:
    """Raises ``RerankerUnavailable`` where the device's product is not that of the values it was given.

    One row, few and many, since kernels are chosen by their number.
    """
    source = torch.Generator().manual_seed(0)
    weight = quantize_fp8_weight(torch.randn(256, 128, generator=source).to(device, dtype))
    for count in (1, 17, 300):
        x = torch.randn(count, 128, generator=source).to(device, dtype)
        values, scale = quantize_fp8(x)
        exact = (values.double() * scale) @ (weight.values.t().double() * weight.scale)
        try:
            wrong = (linear(x, weight).double() - exact).abs().max() / exact.abs().max()
        except RuntimeError as error:
            raise RerankerUnavailable(f"fp8 products fail here ({error}); use dtype auto") from error
        if not float(wrong) <= _FP8_TOLERANCE:
            raise RerankerUnavailable(f"fp8 products are off by {float(wrong):.0%} here; use dtype auto")


def check_int8() -> None:
    """Raises ``RerankerUnavailable`` where this machine's 8-bit product is not exact.

    Without VNNI some kernels add pairs of products in 16 bits, which overflows at the ends of the range.
    """
    extreme = torch.full((32, 256), _LARGEST, dtype=torch.int8)
    extreme[::2] = -_LARGEST
    exact = (extreme.double() @ extreme.double().t()).to(torch.int32)
    if not torch.equal(torch._int_mm(extreme, extreme.t()), exact):
        raise RerankerUnavailable("8-bit products overflow on this CPU; use dtype float32")
