"""The history of monitoring: nothing counted is lost or counted twice, and it stays small."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.access.principal import LOCAL
from app.errors import StorageBusy
from app.monitoring import timeline
from app.monitoring.recorder import Recorder
from app.monitoring.timeline import WINDOWS
from app.services import Services
from app.settings import Settings
from app.storage.database import Database
from app.storage.monitoring import HOUR_S, MINUTE_S, MonitoringRows, Slice
from app.wiring import build_models
from tests.fakes.clock import FrozenClock

DAY_S = 86_400
NOW = 1_800_000_000 - 1_800_000_000 % DAY_S


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[MonitoringRows]:
    database = Database(tmp_path / "touchstone.sqlite3")
    yield MonitoringRows(database)
    database.close()


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    starter = Settings.model_validate({"data_dir": tmp_path / "data", "profile": "starter", "demo": False})
    with Services(starter, build_models=build_models) as opened:
        yield opened


def _slice(at: int, **sums: float) -> Slice:
    return Slice(at, 60.0, {name.replace("_", "/"): value for name, value in sums.items()}, {})


def test_two_slices_of_one_minute_are_one_row(rows: MonitoringRows) -> None:
    rows.add(Slice(NOW + 3, 20.0, {"answers/answered": 2}, {"waiting/answer": 4}))
    rows.add(Slice(NOW + 41, 10.0, {"answers/answered": 1, "answers/abstained": 1}, {"waiting/answer": 1}))
    expected = Slice(NOW, 30.0, {"answers/abstained": 1, "answers/answered": 3}, {"waiting/answer": 4})
    assert rows.since(0) == [expected]


@settings(max_examples=25)
@given(counts=st.lists(st.tuples(st.integers(0, 40 * 24 * 60), st.integers(0, 9)), max_size=30))
def test_rolling_up_loses_nothing_that_is_young_enough(
    tmp_path_factory: pytest.TempPathFactory, counts: list[tuple[int, int]]
) -> None:
    database = Database(tmp_path_factory.mktemp("rolled") / "touchstone.sqlite3")
    rows = MonitoringRows(database)
    for minutes_ago, count in counts:
        rows.add(_slice(NOW - minutes_ago * MINUTE_S, answers_answered=count))
    for _ in range(2):  # a second time changes nothing
        rows.roll_up(minutes_before=NOW - DAY_S, hours_before=NOW - 32 * DAY_S)
    kept = rows.since(0)
    young = [count for ago, count in counts if NOW - ago * MINUTE_S >= NOW - 32 * DAY_S]
    assert sum(each.sums.get("answers/answered", 0) for each in kept) == sum(young)
    assert sum(each.seconds for each in kept) == 60.0 * len(young)
    old = [each for each in kept if each.begins_at < NOW - DAY_S]
    assert all(each.begins_at % HOUR_S == 0 for each in old)
    assert len({each.begins_at for each in old}) == len(old)
    database.close()


@pytest.mark.parametrize("back", list(WINDOWS))
def test_every_step_is_there_and_holds_what_was_counted_in_it(
    rows: MonitoringRows, back: timeline.Range
) -> None:
    for hours in range(30 * 24):
        rows.add(_slice(NOW - hours * HOUR_S - 60, answers_answered=1))
    rows.roll_up(minutes_before=NOW - DAY_S, hours_before=0)
    window = WINDOWS[back]
    steps = timeline.steps(rows, back, NOW)
    starts = [each.begins_at for each in steps]
    assert starts == list(range(NOW - window.length_s, NOW + 1, window.step_s))
    assert sum(each.answers for each in steps) == window.length_s // HOUR_S
    assert steps[-1].per_second is None  # nothing was served in the step that begins now


def test_percentiles_of_a_step_are_those_of_all_its_minutes(rows: MonitoringRows) -> None:
    rows.add(Slice(NOW, 60.0, {"took/rerank/0.1": 9, "seconds/rerank": 0.9}, {}))
    rows.add(Slice(NOW + 60, 60.0, {"took/rerank/5": 1, "took/rerank/+Inf": 0}, {}))
    (found,) = timeline.steps(rows, "day", NOW + 120)[-1].took()
    assert (found.stage, found.count) == ("rerank", 10)
    assert found.p50_ms == pytest.approx(50 + 50 * 5 / 9, abs=0.01)  # inside the bucket from 0.05 s to 0.1 s
    assert found.p95_ms == pytest.approx(3750)  # inside the one from 2.5 s to 5 s


def test_questions_are_written_down_beside_the_counters_and_survive_a_restart(
    services: Services, tmp_path: Path
) -> None:
    clock, now = FrozenClock(), datetime.fromtimestamp(NOW, UTC)
    services.load()
    (tmp_path / "a.md").write_text("# Leave\n\nEmployees have 12 days of annual leave a year.\n")
    services.ingest([(tmp_path / "a.md", "a.md")], "handbook")
    recorder = Recorder(services, [], now=lambda: now, monotonic=clock)
    ask = services.ask("How many days of annual leave do employees have?", principal=LOCAL, generate=False)
    services.answer(ask)
    clock.pass_s(60)
    now += timedelta(seconds=60)
    recorder.write()
    services.answer(ask)
    clock.pass_s(30)
    recorder.close()
    again = MonitoringRows(services.database)
    assert again.began() == NOW
    steps = timeline.steps(again, "hour", NOW + 60)
    assert [each.answers for each in steps[-2:]] == [1, 1]
    assert sum(each.seconds for each in steps) == 90.0
    stages = {each.stage: each.count for each in timeline.steps(again, "day", NOW + 60)[-1].took()}
    assert stages["total"] == stages["recall"] == 2


def test_what_could_not_be_written_is_written_the_next_time(services: Services) -> None:
    clock, now = FrozenClock(), datetime.fromtimestamp(NOW, UTC)
    recorder = Recorder(services, [], now=lambda: now, monotonic=clock)
    services.database._busy_s = 0.01  # the wait of a writer
    held, go = threading.Event(), threading.Event()

    def hold() -> None:
        with services.database.transaction():
            held.set()
            go.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(10)
    clock.pass_s(60)
    with pytest.raises(StorageBusy), services.database.transaction():
        pass
    recorder.write()
    go.set()
    other.join()
    clock.pass_s(60)
    recorder.write()
    (row,) = MonitoringRows(services.database).since(0)
    assert row.seconds == 120.0


def test_totals_are_the_counters_of_the_metrics(services: Services) -> None:
    services.metrics._stages.labels("rerank").observe(0.03)
    services.metrics._stages.labels("rerank").observe(0.04)
    services.metrics._stages.labels("rerank").observe(1000)
    found = Counter({name: value for name, value in services.metrics.totals().items() if value})
    assert found["took/rerank/0.05"] == 2
    assert found["took/rerank/+Inf"] == 1
    assert found["seconds/rerank"] == pytest.approx(1000.07)
    assert sum(value for name, value in found.items() if name.startswith("took/")) == 3
