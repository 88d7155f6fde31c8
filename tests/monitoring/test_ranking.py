"""MRR@10 of feedback and golden sets, and costs: figures by definition, none where there is too little."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api_settings import CostSettings
from app.evaluation.intervals import interval
from app.monitoring import costs, ranking
from app.storage.collections import Collections
from app.storage.database import Database
from app.storage.evaluations import EvaluationRows
from app.storage.monitoring import Slice
from app.storage.rankings import Rankings, Vote

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "touchstone.sqlite3")
    yield opened
    opened.close()


def _result(cited: list[int], ranks: list[int | None], completes: dict[int, int] | None = None) -> str:
    """An answer whose candidates, 1 upwards in fused order, have these rerank ranks."""
    return json.dumps({
        "citations": [{"chunk_id": f"d:1:{each}"} for each in cited],
        "passages": [
            {"number": number, "chunk_id": f"d:1:{chunk}", "completes": None}
            for number, chunk in enumerate(range(1, len(ranks) + 1), 1)
        ]
        + [
            {"number": 90 + chunk, "chunk_id": f"d:1:{chunk}", "completes": number}
            for chunk, number in (completes or {}).items()
        ],
        "candidates": [
            {"chunk_id": f"d:1:{fused}", "ranks": {"fused": fused, "rerank": rank}}
            for fused, rank in enumerate(ranks, 1)
        ],
    })  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "result", "counts"),
    [
        ("up", _result([2], [3, 1, 2]), 1.0),
        ("up", _result([1, 3], [3, 1, 2]), 0.5),  # the best of those that are cited
        ("up", _result([2], [None, None]), 0.5),  # not reranked: the fused order
        ("up", _result([11], [*range(1, 12)]), 0.0),  # beyond rank 10
        ("up", _result([77], [2, 1], completes={77: 1}), 0.5),  # completes the passage of candidate 1
        ("up", _result([], [1, 2]), None),
        ("up", "", None),
        ("down", _result([1], [1]), 0.0),
        ("down", "", 0.0),
    ],
)
def test_feedback_counts_by_the_rank_of_the_first_cited_chunk(
    verdict: str, result: str, counts: float | None
) -> None:
    vote = Vote("up" if verdict == "up" else "down", NOW, result)
    assert ranking.reciprocal_rank(vote) == counts


@given(st.sets(st.integers(1, 15), min_size=1), st.permutations(range(1, 16)))
def test_feedback_of_any_answer_lies_between_0_and_1(cited: set[int], order: list[int]) -> None:
    found = ranking.reciprocal_rank(Vote("up", NOW, _result(sorted(cited), [*order])))
    best = min(order[each - 1] for each in cited)
    assert found == (1 / best if best <= 10 else 0.0)


def _vote(database: Database, number: int, verdict: str, at: datetime, *, withdrawn: bool = False) -> None:
    stamp, owner = at.isoformat(), "local"
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO conversation (id, owner, title, collections, created_at, updated_at)"
            " VALUES (?, ?, '', '[]', ?, ?)",
            (f"c{number}", owner, stamp, stamp),
        )
        connection.execute(
            "INSERT INTO message (id, conversation_id, place, variant, chosen, question, settings, state,"
            " result, created_at) VALUES (?, ?, 1, 1, 1, 'q', '{}', 'complete', ?, ?)",
            (f"m{number}", f"c{number}", _result([2], [2, 1]), stamp),
        )
        connection.execute(
            "INSERT INTO feedback (message_id, owner, verdict, reasons, text, withdrawn, created_at,"
            " updated_at) VALUES (?, ?, ?, '[]', '', ?, ?, ?)",
            (f"m{number}", owner, verdict, int(withdrawn), stamp, stamp),
        )


def test_a_figure_needs_ten_verdicts_and_verdicts_taken_back_are_none(database: Database) -> None:
    yesterday, long_ago = NOW - timedelta(days=1), NOW - timedelta(days=60)
    for number in range(8):
        _vote(database, number, "up", yesterday)
    _vote(database, 8, "down", yesterday)
    _vote(database, 9, "up", yesterday, withdrawn=True)
    _vote(database, 10, "up", long_ago)
    rankings = Rankings(database)
    steps, whole = ranking.feedback(rankings, "week", NOW)
    assert (whole.up, whole.down, whole.counted, whole.mrr) == (8, 1, 9, None)
    _vote(database, 11, "down", yesterday)
    steps, whole = ranking.feedback(rankings, "week", NOW)
    expected = interval([1.0] * 8 + [0.0] * 2)
    assert whole.mrr == expected
    assert [each.mrr for each in steps if each.up] == [expected]
    assert all(each.mrr is None for each in steps if not each.up)


def _run(database: Database, collection: str, way: str, on: float, off: float, **options: object) -> str:
    rows = EvaluationRows(database, now=lambda: NOW)
    asked = {"rerank": way, "instruction": None, "top_k": None, "generate": True, "half": "all",
             "limit": None, **options}  # fmt: skip
    made = rows.make(collection, "gold", json.dumps(asked), 20)
    stages = {"fused": off, **({"reranked": on} if way != "off" else {})}
    report = {
        "judged": 20,
        "stages": {stage: {"mrr@10": mrr} for stage, mrr in stages.items()},
        "intervals": {stage: {"mrr@10": [mrr - 0.1, mrr + 0.1]} for stage, mrr in stages.items()},
    }
    rows.begin(made.id)
    rows.end(made.id, "done", report=json.dumps(report))
    return made.id


def test_evaluations_asked_alike_make_a_series_of_its_knowledge_base(database: Database) -> None:
    collections = Collections(database, now=lambda: NOW)
    one, other = collections.create("one").id, collections.create("other").id
    first = _run(database, one, "both", 0.9, 0.6)
    alone = _run(database, one, "on", 0.8, 0.5)
    deeper = _run(database, one, "both", 0.7, 0.5, top_k=50)
    _run(database, other, "both", 0.1, 0.1)
    series = {each.key: each for each in ranking.golden(Rankings(database), [one])}
    assert {key: [run.id for run in each.runs] for key, each in series.items()} == {
        alone: [first, alone],
        deeper: [deeper],
    }
    (before, after) = series[alone].runs
    assert before.on == pytest.approx((0.9, 0.8, 1.0))
    assert before.off == pytest.approx((0.6, 0.5, 0.7))
    assert (after.on is not None, after.off, after.judged) == (True, None, 20)


def test_costs_are_what_was_used_at_the_prices_that_are_set() -> None:
    used = {"answers/answered": 3.0, "answers/abstained": 1.0, "tokens/rerank": 8000.0,
            "tokens/prompt": 2000.0, "tokens/completion": 400.0, "seconds/total": 8.0}  # fmt: skip
    prices = CostSettings(rerank_million=1.0, completion_million=10.0, machine_hour=3.6)
    found = {each.name: each for each in costs.items(Slice(0, 400.0, used, {}), prices)}
    assert found["rerank"].per_query == 2000
    assert found["rerank"].cost == pytest.approx(0.002)
    assert found["completion"].cost == pytest.approx(0.001)
    assert (found["prompt"].per_query, found["prompt"].price, found["prompt"].cost) == (500, None, None)
    assert found["working"].cost == pytest.approx(0.002)  # 2 s at 0.001 a second
    assert found["serving"].cost == pytest.approx(0.1)  # 100 s of the machine for each question
    nothing = costs.items(Slice(0, 400.0, {}, {}), prices)
    assert {(each.per_query, each.cost) for each in nothing} == {(None, None)}
