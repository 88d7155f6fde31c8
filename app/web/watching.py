"""The monitoring page and its charts over time, drawn from the same figures that the API gives it."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.access.principal import Principal
from app.access.visible import Visible
from app.errors import NotFound
from app.monitoring import ranking, timeline
from app.monitoring.timeline import WINDOWS, Range
from app.services import Services
from app.storage.monitoring import MonitoringRows
from app.storage.rankings import MeasuredRun, Rankings
from app.web.inspecting import SVG
from app.web.pages import Pages
from app.web.time_charts import Dot, Line, over_time
from app.web.waterfall import milliseconds

Back = Annotated[Range, Query(alias="range")]
Offset = Annotated[int, Query(ge=-14 * 60, le=14 * 60, description="minutes the reader is ahead of UTC")]
Stage = Literal[
    "understand", "embed", "vector", "lexical", "fuse", "recall", "rerank", "select", "first_token",
    "generate", "total",
]  # fmt: skip


def routes(services: Services, pages: Pages) -> APIRouter:
    """``/monitoring`` and its charts."""
    found = APIRouter(include_in_schema=False)

    @found.get("/monitoring")
    def monitoring(request: Request) -> Response:
        return pages.page(request, "monitoring.html", section="monitoring", stages=timeline.STAGES)

    @found.get("/charts/rate.svg")
    def rate(request: Request, back: Back = "day", offset: Offset = 0) -> Response:
        """Questions a second of each step."""
        return drawn(
            request,
            "rate",
            [Line(pages.text(request, "page.charts.rate_line"), _rates(steps(back)))],
            between(back),
            offset,
            words=lambda value: f"{value:g}",
        )

    @found.get("/charts/latency.svg")
    def latency(request: Request, back: Back = "day", stage: Stage = "total", offset: Offset = 0) -> Response:
        """Median and 95th percentile of a stage in each step."""
        name = pages.text(request, f"page.charts.stages.{stage}")
        lines = [
            Line(pages.text(request, f"page.charts.latency_{key}", stage=name), dots)
            for key, dots in zip(("p50", "p95"), _latencies(steps(back), stage), strict=True)
        ]
        return drawn(request, "latency", lines, between(back), offset, words=milliseconds, stage=name)

    @found.get("/charts/golden.svg")
    def golden(request: Request, key: Annotated[str, Query(max_length=64)], offset: Offset = 0) -> Response:
        """MRR@10 of a series of evaluations."""
        asker: Principal = request.state.principal
        ids = [each.id for each in Visible(services.collections, asker).all("write")]
        series = next(
            (each for each in ranking.golden(Rankings(services.database), ids) if each.key == key), None
        )
        if series is None:
            raise NotFound(f"no series of evaluations ends with {key!r}")
        lines = [
            Line(pages.text(request, f"page.charts.golden_{way}"), dots, len(dots) >= ranking.LEAST_POINTS)
            for way in ("on", "off")
            if (dots := _shares(series.runs, way))
        ]
        ends = [run.ended_at.timestamp() for run in series.runs]
        room = max((ends[-1] - ends[0]) * 0.04, 1800)
        stretch = (ends[0] - room, ends[-1] + room)
        named = {"name": series.runs[-1].set_name, "collection": series.runs[-1].collection}
        return drawn(request, "golden", lines, stretch, offset, words=_share_words, most=1.0, **named)

    @found.get("/charts/feedback.svg")
    def feedback(request: Request, back: Back = "month", offset: Offset = 0) -> Response:
        """MRR@10 of what people thought of answers."""
        now = datetime.now(UTC)
        opinions, _ = ranking.feedback(Rankings(services.database), back, now)
        half = ranking.STEPS[back].step_s / 2
        dots = [
            Dot(each.begins_at + half, each.mrr.mean, each.mrr.low, each.mrr.high) if each.mrr else None
            for each in opinions
        ]
        joined = sum(dot is not None for dot in dots) >= ranking.LEAST_POINTS
        line = Line(pages.text(request, "page.charts.feedback_line"), dots, joined)
        stretch = (opinions[0].begins_at, opinions[-1].begins_at + 2 * half)
        return drawn(
            request,
            "feedback",
            [line],
            stretch,
            offset,
            words=_share_words,
            most=1.0,
            least=ranking.LEAST_VOTES,
        )

    def steps(back: Range) -> list[timeline.Step]:
        return timeline.steps(MonitoringRows(services.database), back, int(datetime.now(UTC).timestamp()))

    def drawn(
        request: Request,
        key: str,
        lines: Sequence[Line],
        stretch: tuple[float, float],
        offset: int,
        *,
        words: Callable[[float], str],
        most: float = 0.0,
        **blanks: object,
    ) -> Response:
        svg = over_time(
            pages.text(request, f"page.charts.{key}_title", **blanks),
            pages.text(request, f"page.charts.{key}_about", **blanks),
            lines,
            between=stretch,
            offset_min=offset,
            words=words,
            most=most,
        )
        return Response(svg, media_type=SVG, headers={"Cache-Control": "no-store"})

    return found


def between(back: Range) -> tuple[float, float]:
    """The stretch that is shown: the range, up to the end of the step that is under way."""
    now = datetime.now(UTC).timestamp()
    return now - WINDOWS[back].length_s, now


def _rates(steps: Sequence[timeline.Step]) -> list[Dot | None]:
    return [
        None if each.per_second is None else Dot(_middle(each, steps), each.per_second) for each in steps
    ]


def _latencies(steps: Sequence[timeline.Step], stage: str) -> tuple[list[Dot | None], list[Dot | None]]:
    median: list[Dot | None] = []
    high: list[Dot | None] = []
    for each in steps:
        took = next((one for one in each.took() if one.stage == stage), None)
        at = _middle(each, steps)
        median.append(None if took is None else Dot(at, took.p50_ms))
        high.append(None if took is None else Dot(at, took.p95_ms))
    return median, high


def _middle(step: timeline.Step, steps: Sequence[timeline.Step]) -> float:
    """Where a step is drawn: in its middle, the one under way in the middle of what there is of it."""
    length = steps[1].begins_at - steps[0].begins_at
    end = min(step.begins_at + length, datetime.now(UTC).timestamp())
    return (step.begins_at + end) / 2


def _share(run: MeasuredRun, way: str) -> tuple[float, float, float] | None:
    return run.on if way == "on" else run.off


def _shares(runs: Sequence[MeasuredRun], way: str) -> list[Dot | None]:
    """Evaluations that were not asked in this way are no gap: the next one is the neighbour."""
    return [
        Dot(run.ended_at.timestamp(), *share) for run in runs if (share := _share(run, way)) is not None
    ]


def _share_words(value: float) -> str:
    return f"{value:.1f}"
