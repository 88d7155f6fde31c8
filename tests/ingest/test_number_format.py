"""Numbers and dates read as Excel shows them; what is not understood is the plain value."""

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.number_format import Value, plain, shown

DAY, MOMENT = datetime(2024, 1, 5), datetime(2024, 1, 5, 14, 3, 9)
ACCOUNTING = '_ * #,##0.00_ ;_ * -#,##0.00_ ;_ * "-"??_ ;_ @_ '


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (0.1 + 0.2, "General", "0.3"),
        (123456789012.0, "General", "123456789012"),
        (1e20, "General", "100000000000000000000"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (0.1234, "0.0%", "12.3%"),
        (-0.25, "0%", "-25%"),
        (1.005, "0.00", "1.01"),
        (-0.001, "0.00", "0.00"),
        (0.25, "#.##", ".25"),
        (12, "000", "012"),
        (-5, "0.00;(0.00)", "(5.00)"),
        (-1.5, "0.00_);[Red]\\(0.00\\)", "(1.50)"),
        (0, '0;-0;"-"', "-"),
        (5, ";;;", ""),
        (1500, '"¥"#,##0.00', "¥1,500.00"),
        (1500, "[$¥-804]#,##0", "¥1,500"),
        (3, '0"件"', "3件"),
        (1234567, '0.0,,"M"', "1.2M"),
        (0.00001234, "0.00E+00", "1.23E-05"),
        (2, ACCOUNTING, "2.00"),
        (-2, ACCOUNTING, "-2.00"),
        (0, ACCOUNTING, "-"),
        (0.5, "# ?/?", "0.5"),
        (45, "[>100]0.0;0", "45"),
        (13812345678, "000\\-0000\\-0000", "13812345678"),
        (DAY, "mm-dd-yy", "2024-01-05"),
        (DAY, "[$-804]yyyy年m月d日;@", "2024年1月5日"),
        (DAY, "d-mmm-yy", "5-Jan-24"),
        (DAY, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "Friday, January 05, 2024"),
        (DAY, "aaaa", "星期五"),
        (MOMENT, "yyyy/m/d h:mm AM/PM", "2024/1/5 2:03 PM"),
        (MOMENT, '上午/下午h"时"mm"分"', "下午2时03分"),
        (MOMENT, "mm:ss.0", "03:09.0"),
        (date(2024, 3, 1), "yyyy\\-mm\\-dd", "2024-03-01"),
        (time(9, 5), "hh:mm", "09:05"),
        (timedelta(hours=30, minutes=5), "[h]:mm", "30:05"),
    ],
)
def test_value_reads_as_its_format_shows_it(value: Value, code: str, text: str) -> None:
    assert shown(value, code) == text


@given(st.floats(allow_nan=True), st.text('0#?.,%;"\\[]_*-+eEyYmMdhs /$¥年GenralAPR<>@', max_size=30))
def test_any_format_gives_a_text_for_any_number(value: float, code: str) -> None:
    assert isinstance(shown(value, code), str)


@given(st.floats(-1e15, 1e15))
def test_plain_number_is_the_same_number_to_fifteen_digits(value: float) -> None:
    assert float(plain(value)) == pytest.approx(value, rel=1e-14, abs=1e-300)
