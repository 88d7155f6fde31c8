"""The pages that look into retrieval: playground, inspector, evaluations; and charts."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.errors import BadRequest
from app.web import charts
from app.web.pages import Pages
from app.web.waterfall import KNOWN, milliseconds, spans

LONGEST_MS = 86_400_000.0
SVG = "image/svg+xml"


def routes(pages: Pages) -> APIRouter:
    """``/rerank-playground``, ``/search``, ``/evaluation``, and the charts of one question or one moment.

    What pages show comes from the API.
    """
    found = APIRouter(include_in_schema=False)

    @found.get("/rerank-playground")
    def playground(request: Request) -> Response:
        return pages.page(request, "playground.html", section="playground")

    @found.get("/search")
    def search(request: Request) -> Response:
        return pages.page(request, "search.html", section="search")

    @found.get("/evaluation")
    def evaluation(request: Request) -> Response:
        return pages.page(request, "evaluation.html", section="evaluation")

    @found.get("/charts/waterfall.svg")
    def waterfall(request: Request, stage: Annotated[list[str], Query(max_length=20)]) -> Response:
        """``stage=rerank:12.5`` for each: its name and milliseconds."""
        timings = dict(map(_timing, stage))
        title = pages.text(request, "page.charts.waterfall")
        about = pages.text(request, "page.charts.waterfall_about")
        names = {name: pages.text(request, f"page.charts.stages.{name}") for name in timings}
        return Response(charts.waterfall(title, about, spans(timings, names)), media_type=SVG)

    @found.get("/charts/stages.svg")
    def stages(request: Request, stage: Annotated[list[str], Query(max_length=20)]) -> Response:
        """As ``waterfall.svg``, with every bar from 0."""
        title = pages.text(request, "page.charts.stages_title")
        about = pages.text(request, "page.charts.stages_about")
        rows = [
            (pages.text(request, f"page.charts.stages.{name}"), ms, milliseconds(ms))
            for name, ms in map(_timing, stage)
        ]
        return Response(charts.bars(title, about, rows), media_type=SVG)

    @found.get("/charts/curve.svg")
    def curve(request: Request, point: Annotated[list[str], Query(max_length=40)]) -> Response:
        """``point=0.25:0.5`` for each, in order: a relevance, and the share of questions with an answer."""
        title = pages.text(request, "page.charts.curve")
        about = pages.text(request, "page.charts.curve_about")
        axes = (pages.text(request, "page.charts.curve_x"), pages.text(request, "page.charts.curve_y"))
        return Response(charts.curve(title, about, [_point(each) for each in point], axes), media_type=SVG)

    return found


def _point(written: str) -> tuple[float, float]:
    x, _, y = written.partition(":")
    try:
        point = float(x), float(y)
    except ValueError:
        point = -1.0, -1.0
    if not all(0 <= each <= 1 for each in point):
        raise BadRequest(f"point {written[:40]!r} is not two numbers between 0 and 1, such as 0.25:0.5")
    return point


def _timing(written: str) -> tuple[str, float]:
    name, _, value = written.partition(":")
    try:
        ms = float(value)
    except ValueError:
        ms = -1.0
    if name not in KNOWN or not 0 <= ms <= LONGEST_MS:
        raise BadRequest(f"stage {written[:60]!r} is no known stage with milliseconds, such as rerank:12.5")
    return name, ms
