import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from app.bench.figures import Shape
from app.bench.random_model import save_random
from app.bench.saturation import Plan, _compared, measure, requests_of
from app.bench.traffic import Outcome, arriving, closed
from app.cli.bench import bench
from rerank.checkpoint import open_checkpoint
from rerank.engine import Engine
from rerank.errors import RerankerOverloaded
from rerank.packing import Request
from rerank.protocols import Stopped, never
from rerank.qwen3 import CPU_BATCH_TOKENS, Qwen3Reranker
from rerank.settings import EngineSettings
from rerank.timed import RerankTimeout

TINY = Shape(layers=2, hidden=64, heads=4, kv_heads=2, head_dim=16, intermediate=96, vocabulary=7000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_random(tmp_path_factory.mktemp("random"), TINY, seed=1)


class Counter:
    """A server with so many places, each held for a while; it remembers how many were inside at once."""

    def __init__(self, places: int, seconds: float) -> None:
        self.places = places
        self.seconds = seconds
        self.inside = 0
        self.most = 0
        self.numbers: list[int] = []
        self.lock = threading.Lock()

    def send(self, number: int) -> None:
        with self.lock:
            if self.inside == self.places:
                raise RerankerOverloaded("full")
            self.inside += 1
            self.most = max(self.most, self.inside)
            self.numbers.append(number)
        time.sleep(self.seconds)
        with self.lock:
            self.inside -= 1


def test_clients_that_wait_are_never_more_at_once_than_there_are() -> None:
    server = Counter(places=10, seconds=0.01)
    outcome = closed(server.send, clients=3, seconds=0.2)
    assert server.most == 3
    assert len(outcome.admitted_ms) == len(server.numbers) == len(set(server.numbers))
    assert min(outcome.admitted_ms) >= 10
    assert not outcome.refused_ms
    assert outcome.seconds >= 0.2


def test_a_refused_client_comes_back() -> None:
    outcome = closed(Counter(places=1, seconds=0.02).send, clients=4, seconds=0.3)
    assert len(outcome.refused_ms) > 3
    assert len(outcome.admitted_ms) > 3


def test_arrivals_do_not_wait_for_those_before_them() -> None:
    server = Counter(places=1000, seconds=0.2)
    outcome = arriving(server.send, per_s=100, seconds=0.3)
    assert server.most > 10
    assert len(outcome.admitted_ms) == len(server.numbers)
    assert 15 < len(server.numbers) < 50  # 30 expected, the seed is fixed
    assert outcome.seconds >= 0.3


def test_what_does_not_fit_is_counted_as_refused_and_what_is_late_as_expired() -> None:
    server = Counter(places=2, seconds=0.1)

    def send(number: int) -> None:
        server.send(number)
        if number % 2:
            raise RerankTimeout("late")

    outcome = arriving(send, per_s=100, seconds=0.3)
    figures = outcome.figures()
    assert figures["refused"] == len(outcome.refused_ms) > 5
    assert figures["expired"] == outcome.expired > 0
    assert len(outcome.admitted_ms) + outcome.expired == len(server.numbers)


def test_any_other_error_of_a_request_ends_the_measurement() -> None:
    def broken(number: int) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        arriving(broken, per_s=50, seconds=0.1)
    with pytest.raises(ValueError, match="broken"):
        closed(broken, clients=2, seconds=0.01)


def test_without_an_answer_there_is_no_spread() -> None:
    outcome = Outcome(seconds=1.0, core_s=1.0, expired=3)
    assert outcome.figures()["answered_ms"] is None
    assert outcome.told() == "0.0 answers/s, p50 nan ms, p95 nan ms; 0 refused, 3 too late, 0 answered"


def test_every_request_has_ten_different_candidates_and_no_two_fit_into_the_longest(folder: Path) -> None:
    requests = requests_of(folder)
    assert len({passages for _, passages in requests.asked}) == 40
    assert {len(set(passages)) for _, passages in requests.asked} == {10}
    assert min(requests.tokens) > max(requests.tokens) / 2


class Watched:
    """An engine that remembers how many requests each of its passes held."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.passes: list[int] = []

    def log_odds(self, requests: Sequence[Request], stopped: Stopped = never) -> list[list[float]]:
        self.passes.append(len(requests))
        return self.engine.log_odds(requests, stopped)


@pytest.mark.parametrize("merged", [False, True])
def test_passes_hold_one_request_each_where_requests_are_not_merged(folder: Path, merged: bool) -> None:
    requests = requests_of(folder)
    opened = open_checkpoint(
        folder, revision=None, device="cpu", local_files_only=True, settings=EngineSettings()
    )
    engine = Watched(opened.engine)
    batch_tokens = CPU_BATCH_TOKENS if merged else max(requests.tokens)
    reranker = Qwen3Reranker(engine, opened.encoder, identity="tiny", batch_tokens=batch_tokens)
    outcome = closed(requests.sender(reranker, 60.0), clients=6, seconds=0.3)
    assert sum(engine.passes) == len(outcome.admitted_ms)
    assert (max(engine.passes) > 1) is merged


def test_a_run_compares_merged_with_single_requests_and_stays_bounded_beyond_capacity(folder: Path) -> None:
    told: list[str] = []
    plan = Plan(clients=(1, 4), loads=(1.0, 4.0), seconds=0.3, rounds=1, queue=6)
    found = measure(folder, "tiny", device="cpu", plan=plan, tell=told.append)
    json.dumps(found)
    waiting, loaded = found["clients_that_wait"], found["arrivals_that_do_not_wait"]
    assert isinstance(waiting, list)
    assert isinstance(loaded, list)
    assert [entry["clients"] for entry in waiting] == [1, 4]
    for entry in waiting:
        assert entry["merged"]["answered"] > 0
        assert entry["one_request_a_pass"]["answered"] > 0
        assert entry["times_the_throughput"] > 0
    assert [entry["times_the_capacity"] for entry in loaded] == [1.0, 4.0]
    beyond = loaded[1]
    assert beyond["refused"] > 0
    assert beyond["answered"] > 0
    assert beyond["expired"] == 0
    assert beyond["refused_ms"]["p50"] > 0
    assert beyond["p95_over_full_queue"] > 0
    assert found["queue"] == 6
    assert len(told) == 4


def test_a_round_without_an_answer_is_counted_and_not_divided_by() -> None:
    turns = iter([0, 1])  # of two rounds the first leaves every single request unanswered

    def alone(number: int) -> None:
        if next(turns, 1) == 0:
            time.sleep(0.02)
            raise RerankTimeout("late")
        time.sleep(0.02)

    plan = Plan(rounds=2, seconds=0.01)
    entry, per_s = _compared(lambda number: time.sleep(0.02), alone, 1, plan)
    assert entry["rounds_without_an_answer"] == 1
    assert isinstance(entry["times_by_round"], list)
    assert len(entry["times_by_round"]) == 1
    assert per_s > 0


def test_nothing_to_compare_with_is_said_as_none() -> None:
    def late(number: int) -> None:
        time.sleep(0.02)
        raise RerankTimeout("late")

    entry, per_s = _compared(late, late, 1, Plan(rounds=2, seconds=0.01))
    assert entry["times_the_throughput"] is None
    assert entry["rounds_without_an_answer"] == 2
    assert per_s == 0


def test_the_command_writes_the_result_file(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "saturation.json"
    done = CliRunner().invoke(
        bench, ["saturation", "--model", str(folder), "--seconds", "0.05", "--output", str(target)]
    )
    assert done.exit_code == 0, done.output
    result = json.loads(target.read_text(encoding="utf-8"))
    assert result["benchmark"] == "rerank-saturation"
    assert result["weights"] == folder.name
    assert (result["queue"], result["deadline_s"]) == (64, 60.0)
    assert [entry["clients"] for entry in result["clients_that_wait"]] == [1, 4, 16, 64]
    assert f"written to {target}" in done.output
