"""Charts: well-formed SVG whose bars have the lengths of their numbers, with every word escaped."""

from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.main import create_app
from app.services import Services
from app.settings import Settings
from app.web.charts import PLOT, Span, bars, curve, waterfall
from app.web.waterfall import spans
from app.wiring import build_models

SVG = "{http://www.w3.org/2000/svg}"
NAMES = {name: name for name in ("understand", "embed", "vector", "lexical", "fuse", "recall", "rerank",
                                 "select", "generate", "hydrate", "first_token", "total")}  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("charts")
    settings = Settings.model_validate({"data_dir": folder, "profile": "starter", "demo": False})
    services = Services(settings, build_models=build_models)
    with TestClient(create_app(services), base_url="http://localhost") as served:
        yield served


words = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=20)


def _bars(svg: str) -> list[tuple[float, float]]:
    found = ElementTree.fromstring(svg)  # noqa: S314 - ours
    return [(float(each.get("x", "")), float(each.get("width", "")))
            for each in found.iter(f"{SVG}rect")
            if each.get("class") in ("chart-bar", "chart-part")]  # fmt: skip


def test_bars_are_as_long_as_their_numbers() -> None:
    (_, whole), (_, half), (_, nothing) = _bars(bars("t", "d", [("a", 10, ""), ("b", 5, ""), ("c", 0, "")]))
    assert whole == pytest.approx(PLOT, abs=0.01)
    assert half == pytest.approx(PLOT / 2, abs=0.01)
    assert nothing == 1.5  # still seen


@given(st.lists(st.tuples(words, st.floats(0, 1e6)), max_size=8), words, words)
def test_any_words_and_numbers_give_well_formed_svg_with_title_and_description(
    rows: list[tuple[str, float]], title: str, about: str
) -> None:
    drawn = bars(title, about, [(each, value, each) for each, value in rows])
    svg = ElementTree.fromstring(drawn)  # noqa: S314
    assert (svg.findtext(f"{SVG}title") or "") == title
    assert (svg.findtext(f"{SVG}desc") or "") == about
    assert svg.get("role") == "img"
    assert len(list(svg.iter(f"{SVG}text"))) == 2 * len(rows)


def test_stages_follow_each_other_and_parts_lie_inside_theirs() -> None:
    ms = {"understand": 1.0, "embed": 2.0, "vector": 3.0, "recall": 6.0, "rerank": 10.0, "total": 18.0}
    assert [(each.label, each.start, each.length, each.inside) for each in spans(ms, NAMES)] == [
        ("understand", 0, 1, False),
        ("recall", 1, 6, False),
        ("embed", 1, 2, True),
        ("vector", 3, 3, True),
        ("rerank", 7, 10, False),
        ("total", 0, 18, False),
    ]


def test_waterfall_ends_at_the_right_edge() -> None:
    svg = waterfall("t", "d", [Span("a", 0, 1, "1"), Span("b", 1, 3, "3")])
    (first, width), (second, rest) = _bars(svg)
    assert first + width == pytest.approx(second, abs=0.01)
    assert second + rest == pytest.approx(first + PLOT, abs=0.01)


def test_curve_lies_where_its_numbers_are() -> None:
    svg = ElementTree.fromstring(curve("t", "d", [(0.0, 0.0), (0.5, 1.0)], ("<x>", "y")))  # noqa: S314
    dots = [(dot.get("cx"), dot.get("cy")) for dot in svg.iter(f"{SVG}circle")]
    assert dots == [("48", "310"), ("198", "10")]
    (line,) = svg.iter(f"{SVG}polyline")
    assert line.get("points") == "48,310 198,10"
    assert "<x>" in [each.text for each in svg.iter(f"{SVG}text")]


@pytest.mark.parametrize("stage", ["nothing:1", "rerank:", "rerank:nan", "rerank:-1", "rerank:1e99", "x"])
def test_what_is_no_stage_with_milliseconds_is_refused(client: TestClient, stage: str) -> None:
    assert client.get("/charts/waterfall.svg", params={"stage": stage}).status_code == 422


@pytest.mark.parametrize("point", ["0.1", "2:0.5", "nan:0.5", "0.5:-1", "a:b"])
def test_what_is_no_point_of_the_unit_square_is_refused(client: TestClient, point: str) -> None:
    assert client.get("/charts/curve.svg", params={"point": point}).status_code == 422


def test_chart_is_sent_as_an_image_in_the_readers_language(client: TestClient) -> None:
    answer = client.get("/charts/waterfall.svg?stage=rerank:12.5&lang=zh")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "重排" in answer.text
    assert "12.5" not in answer.text  # 12 ms
