import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rerank.errors import RerankerUnavailable
from rerank.linear import (
    Weight,
    add_linear,
    check_fp8,
    check_fp8_product,
    check_int8,
    linear,
    quantize,
    quantize_fp8,
    quantize_fp8_weight,
    quantize_weight,
    rows,
)
from rerank.weights import QUANTIZERS

CPU = torch.device("cpu")


def weight_in(dtype: str, w: torch.Tensor) -> Weight:
    return w if dtype == "float" else QUANTIZERS[dtype](w)


@given(st.integers(1, 40), st.floats(1e-6, 1e6))
def test_each_value_is_off_by_half_its_rows_scale_at_most(count: int, size: float) -> None:
    x = torch.randn(count, 64, generator=torch.Generator().manual_seed(count)) * size
    values, scale = quantize(x)
    assert values.dtype == torch.int8
    assert bool(((values * scale - x).abs() <= scale * 0.5001).all())


def test_int8_product_is_within_the_error_its_scales_allow() -> None:
    source = torch.Generator().manual_seed(0)
    x, w = torch.randn(33, 64, generator=source), torch.randn(48, 64, generator=source)
    weight = quantize_weight(w)
    _, scale = quantize(x)
    exact = x @ w.t()
    # |xw - x'w'| <= sum |x| dw + sum |w'| dx, with dw and dx half a step
    bound = 0.5 * x.abs().sum(1, keepdim=True) * weight.scale
    bound = bound + 0.5 * scale * (weight.values.float().abs() * weight.scale[:, None]).sum(1)
    assert bool(((linear(x, weight) - exact).abs() <= bound * 1.001).all())
    assert float((linear(x, weight) - exact).abs().mean() / exact.abs().mean()) < 0.02


def test_tokens_do_not_share_a_scale() -> None:
    x = torch.stack((torch.full((64,), 1e-3), torch.full((64,), 1e3)))
    result = linear(x, quantize_weight(torch.ones(8, 64)))
    assert result[0].tolist() == pytest.approx([0.064] * 8, rel=1e-3)


@pytest.mark.parametrize("dtype", ["float", "int8", "fp8"])
def test_adding_in_place_equals_the_product_added(dtype: str) -> None:
    source = torch.Generator().manual_seed(1)
    x, w, total = (torch.randn(n, 64, generator=source) for n in (5, 64, 5))
    weight = weight_in(dtype, w)
    expected = total + linear(x, weight)
    add_linear(total, x, weight)
    assert torch.allclose(total, expected, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float", "int8", "fp8"])
def test_some_rows_of_a_weight_give_those_columns(dtype: str) -> None:
    source = torch.Generator().manual_seed(2)
    x, w = torch.randn(5, 64, generator=source), torch.randn(64, 64, generator=source)
    weight = weight_in(dtype, w)
    assert torch.allclose(linear(x, rows(weight, 16, 48)), linear(x, weight)[:, 16:48], atol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "fp8"])
def test_rows_of_zeros_give_zeros_and_broken_rows_stay_broken(dtype: str) -> None:
    x = torch.zeros(3, 64)
    x[1, 5], x[2, 5] = torch.nan, torch.inf
    result = linear(x, weight_in(dtype, torch.ones(16, 64)))
    assert result[0].tolist() == [0.0] * 16
    assert not bool(result[1:].isfinite().any())


def test_this_machines_int8_product_is_exact() -> None:
    check_int8()


@given(st.integers(1, 40), st.floats(1e-6, 1e6), st.sampled_from([torch.float32, torch.bfloat16]))
def test_each_fp8_value_is_off_by_a_sixteenth_or_a_thousandth_of_its_scale(
    count: int, size: float, dtype: torch.dtype
) -> None:
    x = (torch.randn(count, 64, generator=torch.Generator().manual_seed(count)) * size).to(dtype)
    values, scale = quantize_fp8(x)
    assert (values.dtype, scale.dtype, tuple(scale.shape)) == (torch.float8_e4m3fn, torch.float32, (count, 1))
    exact = x.double()
    bound = torch.maximum(exact.abs() / 16, scale.double() / 1024)
    assert bool(((values.double() * scale - exact).abs() <= bound * 1.0001).all())


def test_largest_value_of_a_row_becomes_448() -> None:
    values, scale = quantize_fp8(torch.tensor([[3.0, -1.5, 0.0]]))
    assert values.double().tolist() == [[448.0, -224.0, 0.0]]
    assert scale.item() == pytest.approx(3 / 448)


def test_fp8_tokens_do_not_share_a_scale() -> None:
    x = torch.stack((torch.full((64,), 1e-3), torch.full((64,), 1e3)))
    result = linear(x, quantize_fp8_weight(torch.ones(16, 64)))
    assert result[0].tolist() == pytest.approx([0.064] * 16, rel=1e-3)
    assert result[1].tolist() == pytest.approx([64_000.0] * 16, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_fp8_product_is_that_of_its_values_and_scales(dtype: torch.dtype) -> None:
    check_fp8_product(CPU, dtype)
    source = torch.Generator().manual_seed(3)
    x, w = (torch.randn(n, 64, generator=source).to(dtype) for n in (33, 48))
    near, exact = linear(x, quantize_fp8_weight(w)), x.float() @ w.float().t()
    assert near.dtype == dtype
    assert float((near.float() - exact).abs().mean() / exact.abs().mean()) < 0.05


def test_wrong_fp8_products_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    right = torch._scaled_mm

    def without_weight_scales(
        a: torch.Tensor,
        b: torch.Tensor,
        *,
        scale_a: torch.Tensor,
        scale_b: torch.Tensor,
        out_dtype: torch.dtype,
    ) -> torch.Tensor:
        return right(a, b, scale_a=scale_a, scale_b=torch.ones_like(scale_b), out_dtype=out_dtype)

    monkeypatch.setattr(torch, "_scaled_mm", without_weight_scales)
    with pytest.raises(RerankerUnavailable, match="fp8 products are off by"):
        check_fp8_product(CPU, torch.bfloat16)


@pytest.mark.parametrize("count", [1, 7])
@pytest.mark.parametrize("part", [False, True])
def test_fp8_layout_is_what_a_gpu_takes(count: int, part: bool) -> None:
    # torch checks shapes, strides and scales of tensors without data by the rules of CUDA
    weight = quantize_fp8_weight(torch.ones(64, 32, device="meta", dtype=torch.bfloat16))
    x = torch.empty(count, 32, device="meta", dtype=torch.bfloat16)
    result = linear(x, rows(weight, 16, 48) if part else weight)
    assert (tuple(result.shape), result.dtype) == ((count, 32 if part else 64), torch.bfloat16)


def test_those_rules_refuse_another_layout() -> None:
    a = torch.empty(7, 32, device="meta", dtype=torch.float8_e4m3fn)
    scales = (torch.empty(7, 1, device="meta"), torch.empty(1, 64, device="meta"))
    row_major = torch.empty(32, 64, device="meta", dtype=torch.float8_e4m3fn)
    with pytest.raises(RuntimeError, match="mat2 must be col_major"):
        torch._scaled_mm(a, row_major, scale_a=scales[0], scale_b=scales[1], out_dtype=torch.bfloat16)


def test_sizes_that_fp8_does_not_take_are_refused() -> None:
    with pytest.raises(ValueError, match=r"multiples of 16, a weight is \(24, 64\)"):
        quantize_fp8_weight(torch.ones(24, 64))


def test_fp8_is_refused_on_a_cpu_with_the_remedy() -> None:
    wanted = r"compute capability 8\.9 .* not on this cpu device; set rerank\.engine\.dtype to auto"
    with pytest.raises(RerankerUnavailable, match=wanted):
        check_fp8(CPU)
