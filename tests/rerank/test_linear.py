import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rerank.linear import add_linear, check_int8, linear, quantize, quantize_weight, rows


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


@pytest.mark.parametrize("int8", [False, True])
def test_adding_in_place_equals_the_product_added(int8: bool) -> None:
    source = torch.Generator().manual_seed(1)
    x, w, total = (torch.randn(n, 64, generator=source) for n in (5, 64, 5))
    weight = quantize_weight(w) if int8 else w
    expected = total + linear(x, weight)
    add_linear(total, x, weight)
    assert torch.allclose(total, expected, atol=1e-4)


@pytest.mark.parametrize("int8", [False, True])
def test_some_rows_of_a_weight_give_those_columns(int8: bool) -> None:
    source = torch.Generator().manual_seed(2)
    x, w = torch.randn(5, 64, generator=source), torch.randn(12, 64, generator=source)
    weight = quantize_weight(w) if int8 else w
    assert torch.allclose(linear(x, rows(weight, 3, 9)), linear(x, weight)[:, 3:9], atol=1e-5)


def test_rows_of_zeros_give_zeros_and_broken_rows_stay_broken() -> None:
    x = torch.zeros(3, 64)
    x[1, 5], x[2, 5] = torch.nan, torch.inf
    result = linear(x, quantize_weight(torch.ones(8, 64)))
    assert result[0].tolist() == [0.0] * 8
    assert not bool(result[1:].isfinite().any())


def test_this_machines_int8_product_is_exact() -> None:
    check_int8()
