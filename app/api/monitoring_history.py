"""``GET /api/monitoring/history`` and ``/ranking``: the same over time, as it was written down."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from app.access.principal import Principal
from app.access.visible import Visible
from app.api.state import services
from app.evaluation.intervals import Interval
from app.monitoring import costs, ranking, timeline
from app.monitoring.timeline import WINDOWS, Range, Step
from app.result import View
from app.services import Services
from app.storage.monitoring import MonitoringRows
from app.storage.rankings import MeasuredRun, Rankings

routes = APIRouter(prefix="/api/monitoring", tags=["operation"])
Held = Annotated[Services, Depends(services)]
Back = Annotated[Range, Query(alias="range", description="how far back")]


class TookView(View):
    """A stage in one step: how often it ran, and estimates from a histogram in milliseconds."""

    name: str
    count: int
    p50_ms: float
    p95_ms: float


class StepView(View):
    """One step. ``served_s``: seconds of it that this server ran; ``per_second`` null where that is 0.

    ``waiting``: the most questions that waited at once; ``refused``: questions that found no place;
    ``opens``: times the reranker's breaker opened.
    """

    begins_at: datetime
    served_s: float
    answers: int
    per_second: float | None
    waiting: int
    refused: int
    opens: int
    stages: tuple[TookView, ...]


class ItemView(View):
    """One thing that questions used, on average, and what that costs; see ``app/monitoring/costs.py``.

    ``price`` null: ``setting`` is not set, so ``cost`` is null too. ``per_query`` null: nothing was asked.
    """

    name: str
    per_query: float | None
    price: float | None
    setting: str
    cost: float | None


class CostsView(View):
    """What a question used. ``cpu_s``: processor seconds of this process, whatever it did with them."""

    currency: str
    answers: int
    cpu_s: float
    items: tuple[ItemView, ...]


class HistoryView(View):
    """What was counted, in steps of ``step_s``, the last of them under way.

    ``began_at``: when the history that is kept begins (minutes for a day, hours for a month), null before
    its first minute. Evaluations ask as people do, and are counted with them.
    """

    range: Range
    step_s: int
    began_at: datetime | None
    read_at: datetime
    steps: tuple[StepView, ...]
    costs: CostsView


class ShareView(View):
    """A mean with its 95 % interval, each 0..1."""

    mean: float
    low: float
    high: float


class RunView(View):
    """An evaluation: MRR@10 over ``judged`` questions, ``on`` reranked, ``off`` not; null: not asked so."""

    id: str
    ended_at: datetime
    judged: int
    on: ShareView | None
    off: ShareView | None


class SeriesView(View):
    """Evaluations of one golden set over one knowledge base that were asked alike, oldest first.

    ``key`` names the series; ``asked_with`` is the options that they share, as JSON.
    """

    key: str
    collection: str
    golden_set: str
    asked_with: str
    runs: tuple[RunView, ...]


class OpinionView(View):
    """Feedback of one step; ``mrr`` null where fewer than ``least_votes`` verdicts count.

    ``left_out``: thumbs up for an answer that cites nothing, or whose words are gone.
    """

    begins_at: datetime
    up: int
    down: int
    left_out: int
    counted: int
    mrr: ShareView | None


class RankingView(View):
    """MRR@10 over time, from all stored evaluations and from feedback; see ``app/monitoring/ranking.py``.

    Fewer than ``least_points`` points make no line.
    """

    range: Range
    step_s: int
    least_votes: int
    least_points: int
    golden: tuple[SeriesView, ...]
    feedback: tuple[OpinionView, ...]
    whole: OpinionView


@routes.get("/history")
def show_history(held: Held, back: Back = "day") -> HistoryView:
    """How busy and how fast this server was, and what questions cost."""
    rows, now = MonitoringRows(held.database), datetime.now(UTC)
    steps = timeline.steps(rows, back, int(now.timestamp()))
    counted, began = timeline.whole(steps), rows.began()
    prices = held.settings.costs
    return HistoryView(
        range=back,
        step_s=WINDOWS[back].step_s,
        began_at=None if began is None else _time(began),
        read_at=now,
        steps=tuple(_step(each) for each in steps),
        costs=CostsView(
            currency=prices.currency,
            answers=round(timeline.total(counted, "answers/")),
            cpu_s=round(counted.sums.get("cpu_seconds", 0.0), 3),
            items=tuple(
                ItemView(
                    name=each.name,
                    per_query=None if each.per_query is None else round(each.per_query, 4),
                    price=each.price,
                    setting=f"costs.{each.setting}",
                    cost=each.cost,
                )
                for each in costs.items(counted, prices)
            ),
        ),
    )


@routes.get("/ranking")
def show_ranking(request: Request, held: Held, back: Back = "month") -> RankingView:
    """How well passages were ranked: MRR@10 by golden sets and by what people thought of answers."""
    rankings = Rankings(held.database)
    principal: Principal = request.state.principal
    series = ranking.golden(rankings, shown(held, principal))
    steps, whole = ranking.feedback(rankings, back, datetime.now(UTC))
    return RankingView(
        range=back,
        step_s=ranking.STEPS[back].step_s,
        least_votes=ranking.LEAST_VOTES,
        least_points=ranking.LEAST_POINTS,
        golden=tuple(
            SeriesView(
                key=each.key,
                collection=each.runs[-1].collection,
                golden_set=each.runs[-1].set_name,
                asked_with=each.runs[-1].asked_with,
                runs=tuple(_run(run) for run in each.runs),
            )
            for each in series
        ),
        feedback=tuple(_opinion(each) for each in steps),
        whole=_opinion(whole),
    )


def shown(held: Services, principal: Principal) -> Sequence[str]:
    """Ids of the knowledge bases whose evaluations he may see."""
    return [each.id for each in Visible(held.collections, principal).all("write")]


def _step(step: Step) -> StepView:
    return StepView(
        begins_at=_time(step.begins_at),
        served_s=round(step.seconds, 1),
        answers=step.answers,
        per_second=None if step.per_second is None else round(step.per_second, 5),
        waiting=step.waiting,
        refused=round(step.counted.sums.get("refused/answer", 0)),
        opens=round(step.counted.sums.get("breaker/opens", 0)),
        stages=tuple(
            TookView(name=each.stage, count=each.count, p50_ms=each.p50_ms, p95_ms=each.p95_ms)
            for each in step.took()
        ),
    )


def _run(run: MeasuredRun) -> RunView:
    return RunView(
        id=run.id, ended_at=run.ended_at, judged=run.judged, on=_share(run.on), off=_share(run.off)
    )


def _opinion(each: ranking.Opinion) -> OpinionView:
    return OpinionView(
        begins_at=_time(each.begins_at),
        up=each.up,
        down=each.down,
        left_out=each.left_out,
        counted=each.counted,
        mrr=_share(each.mrr),
    )


def _share(found: Interval | tuple[float, float, float] | None) -> ShareView | None:
    if found is None:
        return None
    mean, low, high = found if isinstance(found, tuple) else (found.mean, found.low, found.high)
    return ShareView(mean=mean, low=low, high=high)


def _time(unix: int) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
