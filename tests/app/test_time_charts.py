"""Charts over time: points where their numbers are, gaps where nothing was, the reader's own clock."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.time_charts import HEIGHT, LEFT, TOP, Dot, Line, nice, over_time, ticks

SVG = "{http://www.w3.org/2000/svg}"
DAY_S = 86_400.0
JUNE = 1_782_864_000.0  # 2026-07-01 00:00 UTC


def _drawn(*lines: Line, most: float = 0.0) -> ElementTree.Element:
    written = over_time(
        "title", "about", lines, between=(0.0, 100.0), offset_min=0, words=lambda value: f"{value:g}",
        most=most,
    )  # fmt: skip
    return ElementTree.fromstring(written)  # noqa: S314 - ours


def _lines(svg: ElementTree.Element) -> list[list[str]]:
    return [each.get("points", "").split() for each in svg.iter(f"{SVG}polyline")]


def test_points_lie_where_their_numbers_are() -> None:
    (line,) = _lines(_drawn(Line("a", [Dot(0.0, 0.0), Dot(100.0, 10.0)])))
    assert line[0] == f"{LEFT:g},{TOP + HEIGHT:g}"
    assert line[1] == f"410,{TOP:g}"


def test_line_is_broken_where_nothing_is_known_and_not_drawn_where_it_may_not_be() -> None:
    dots = [Dot(0, 1), Dot(10, 1), None, Dot(30, 1), None, Dot(50, 1), Dot(60, 1), Dot(70, 1)]
    assert [len(each) for each in _lines(_drawn(Line("a", dots)))] == [2, 1, 3]
    apart = _drawn(Line("a", dots, joined=False))
    assert _lines(apart) == []
    assert len(list(apart.iter(f"{SVG}circle"))) == 6


def test_interval_is_drawn_from_its_low_to_its_high_end() -> None:
    svg = _drawn(Line("a", [Dot(50.0, 0.5, 0.25, 0.75)], joined=False), most=1.0)
    (whisker,) = [each for each in svg.iter(f"{SVG}line") if "whisker" in each.get("class", "")]
    assert float(whisker.get("y1", "")) == pytest.approx(TOP + HEIGHT * 0.75)
    assert float(whisker.get("y2", "")) == pytest.approx(TOP + HEIGHT * 0.25)


def test_words_of_people_are_text_and_nothing_else() -> None:
    svg = _drawn(Line("<script>&", [Dot(1, 1)]))
    assert "<script>&" in [each.text for each in svg.iter(f"{SVG}text")]


@given(st.floats(1e-6, 1e9))
def test_axis_ends_at_a_round_number_that_holds_the_highest(most: float) -> None:
    top = nice(most)
    assert most * 0.99999 <= top <= most * 2.5001


@pytest.mark.parametrize(
    ("length_s", "offset_min", "labels"),
    [
        (3600.0, 0, ["00:00", "00:15", "00:30", "00:45", "01:00"]),
        (DAY_S, 480, ["12:00", "18:00", "00:00", "06:00"]),
        (3 * DAY_S, 480, ["12:00", "00:00", "12:00", "00:00", "12:00", "00:00"]),
        (4 * DAY_S, 0, ["07-01", "07-02", "07-03", "07-04", "07-05"]),
    ],
)
def test_ticks_stand_on_the_readers_hours(length_s: float, offset_min: int, labels: list[str]) -> None:
    assert [label for _, label in ticks(JUNE, JUNE + length_s, offset_min)] == labels


@given(st.floats(600, 400 * DAY_S), st.integers(-840, 840))
def test_ticks_are_few_and_inside(length_s: float, offset_min: int) -> None:
    found = ticks(JUNE, JUNE + length_s, offset_min)
    assert len(found) <= 8
    assert all(JUNE <= at <= JUNE + length_s for at, _ in found)
