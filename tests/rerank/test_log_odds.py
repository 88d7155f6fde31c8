import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rerank.log_odds import MOST, log_odds


@given(st.floats(-15, 15))
def test_log_odds_undo_the_logistic_function(value: float) -> None:
    assert log_odds(1 / (1 + math.exp(-value))) == pytest.approx(value, abs=1e-8)


@pytest.mark.parametrize(("relevance", "expected"), [(0.0, -MOST), (1.0, MOST), (0.5, 0.0), (5e-324, -MOST)])
def test_log_odds_are_finite(relevance: float, expected: float) -> None:
    assert log_odds(relevance) == expected
