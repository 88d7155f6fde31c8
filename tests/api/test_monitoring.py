"""Monitoring and calibration over HTTP: percentiles of histograms, the counters of /metrics, a curve."""

import time
from collections.abc import Iterator
from itertools import pairwise

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.main import create_app
from app.monitoring.quantiles import quantile
from app.services import Services
from app.settings import Settings
from app.wiring import build_models

INF = float("inf")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("monitoring")
    settings = Settings.model_validate({"data_dir": folder, "profile": "starter", "demo": True})
    services = Services(settings, build_models=build_models)
    with TestClient(create_app(services), base_url="http://localhost") as served:
        while services.state.name == "loading":
            time.sleep(0.02)
        yield served


@pytest.mark.parametrize(
    ("buckets", "q", "wanted"),
    [
        ({0.1: 0.0, 1.0: 0.0, INF: 0.0}, 0.5, None),
        ({0.1: 10.0, 1.0: 10.0, INF: 10.0}, 0.5, 0.05),
        ({0.1: 5.0, 1.0: 10.0, INF: 10.0}, 0.75, 0.55),
        ({0.1: 0.0, 1.0: 0.0, INF: 4.0}, 0.5, 1.0),  # the last bucket has no end
        ({}, 0.5, None),
    ],
)
def test_quantile_is_linear_inside_its_bucket(
    buckets: dict[float, float], q: float, wanted: float | None
) -> None:
    assert quantile(buckets, q) == (None if wanted is None else pytest.approx(wanted))


@given(st.lists(st.integers(0, 50), min_size=3, max_size=3), st.floats(0.01, 0.99))
def test_quantile_lies_in_the_bucket_that_holds_it(counts: list[int], q: float) -> None:
    bounds = (1.0, 2.0, INF)
    total = [float(sum(counts[: i + 1])) for i in range(3)]
    found = quantile(dict(zip(bounds, total, strict=True)), q)
    if not total[-1]:
        assert found is None
        return
    holding = next(i for i, each in enumerate(total) if each >= q * total[-1])
    assert found is not None
    assert (0.0, *bounds)[holding] <= found <= (0.0, *bounds)[holding + 1]


def test_quantiles_never_fall() -> None:
    buckets = {0.1: 3.0, 0.5: 9.0, 1.0: 9.0, INF: 12.0}
    found = [quantile(buckets, q / 100) or 0.0 for q in range(1, 100)]
    assert all(a <= b for a, b in pairwise(found))


def test_question_is_counted_where_metrics_count_it(client: TestClient) -> None:
    before = client.get("/api/monitoring").json()
    client.post("/api/search", json={"question": "报销发票需要哪些盖章？"}).raise_for_status()
    after = client.get("/api/monitoring").json()
    counted = {each["name"]: each["count"] for each in after["answers"]}
    counted_before = {each["name"]: each["count"] for each in before["answers"]}
    assert counted["retrieved"] == counted_before.get("retrieved", 0) + 1
    total = next(each for each in after["stages"] if each["name"] == "total")
    assert total["count"] >= 1
    assert 0 < total["p50_ms"] <= total["p95_ms"] <= total["p99_ms"]
    assert after["breaker"] == "closed"
    assert {"answer", "evaluate"} <= {each["name"] for each in after["gates"]}
    assert after["documents"] > 0
    assert after["uptime_s"] > 0


def test_curve_of_an_evaluation_rises_with_relevance(client: TestClient) -> None:
    made = client.post("/api/golden", json={"collection": "demo", "name": "curve"}).json()
    cases = f"/api/golden/{made['id']}/cases"
    answered = {"question": "报销发票需要哪些盖章？", "evidence": [{"document": "财务制度V3.2.pdf"}]}
    client.post(cases, json=answered).raise_for_status()
    client.post(cases, json={"question": "火星上的企鹅交多少房产税？", "answerable": False})
    run = client.post("/api/collections/demo/evaluations", json={"golden_set": "curve"}).json()
    address = f"/api/evaluations/{run['id']}"
    deadline = time.monotonic() + 30
    while client.get(address).json()["state"] != "done" and time.monotonic() < deadline:
        time.sleep(0.1)
    found = client.get(f"{address}/calibration").json()
    assert (found["answerable"], found["unanswerable"], found["enough"]) == (1, 1, False)
    shares = [each["share"] for each in found["steps"]]
    assert shares == sorted(shares) == [0.0, 1.0]
    assert found["steps"][0]["relevance"] < found["floor"] < found["steps"][1]["relevance"]
    assert client.get("/api/evaluations/nothing/calibration").status_code == 404


def test_history_and_ranking_have_a_series_for_an_evaluation_and_a_chart_of_it(client: TestClient) -> None:
    made = client.post("/api/golden", json={"collection": "demo", "name": "over time"}).json()
    answered = {"question": "报销发票需要哪些盖章？", "evidence": [{"document": "财务制度V3.2.pdf"}]}
    client.post(f"/api/golden/{made['id']}/cases", json=answered).raise_for_status()
    run = client.post("/api/collections/demo/evaluations", json={"golden_set": "over time"}).json()
    deadline = time.monotonic() + 30
    while client.get(f"/api/evaluations/{run['id']}").json()["state"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = client.get("/api/monitoring/ranking", params={"range": "week"}).json()
    series = next(each for each in found["golden"] if each["golden_set"] == "over time")
    assert (series["key"], [each["judged"] for each in series["runs"]]) == (run["id"], [1])
    result = client.get(f"/api/evaluations/{run['id']}").json()["result"]
    assert series["runs"][0]["on"]["mean"] == result["stages"]["reranked"]["mrr@10"]
    assert series["runs"][0]["off"]["mean"] == result["stages"]["fused"]["mrr@10"]
    assert found["whole"] == {**found["feedback"][0], "up": 0, "down": 0, "counted": 0, "mrr": None}
    drawn = client.get("/charts/golden.svg", params={"key": run["id"], "lang": "zh"}).text
    assert "重排" in drawn
    assert "polyline" not in drawn  # one evaluation is a point, and no line
    assert client.get("/charts/golden.svg", params={"key": "nothing"}).status_code == 404


@pytest.mark.parametrize("back", ["hour", "day", "week", "month"])
def test_history_has_every_step_and_charts_of_the_same_time(client: TestClient, back: str) -> None:
    found = client.get("/api/monitoring/history", params={"range": back}).json()
    assert found["range"] == back
    assert 60 <= len(found["steps"]) <= 169
    assert [each["setting"] for each in found["costs"]["items"]][-1] == "costs.machine_hour"
    assert {each["cost"] for each in found["costs"]["items"]} == {None}
    for chart in ("rate", "latency", "feedback"):
        answer = client.get(f"/charts/{chart}.svg", params={"range": back, "offset": 480})
        assert answer.headers["content-type"].startswith("image/svg+xml")
    assert client.get("/charts/latency.svg", params={"range": back, "stage": "x"}).status_code == 422
    assert client.get("/api/monitoring/history", params={"range": "year"}).status_code == 422
