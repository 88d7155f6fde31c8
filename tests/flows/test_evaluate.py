"""``touchstone evaluate`` and ``touchstone golden`` end to end, with the starter models."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from app.access.principal import LOCAL
from app.cli.evaluate import evaluate
from app.cli.golden import golden
from app.errors import BadRequest
from app.evaluation.gate import GateFailed
from app.services import Services
from app.storage.floors import CalibratedFloor
from app.wiring import build_models
from tests.flows.conftest import Open, starter

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "data" / "golden" / "evaluation"
BASELINE = ROOT / "data" / "baselines" / "eval-small-starter.json"
ANIMALS = ("otter", "heron", "badger", "lynx", "marmot", "osprey", "weasel", "bison", "ibex", "stoat")


def _run(*arguments: str | Path) -> Result:
    """The command, with the environment of a fresh machine; errors are raised."""
    return CliRunner().invoke(
        evaluate, ["--profile", "starter", *map(str, arguments)], catch_exceptions=False
    )


def _set(folder: Path, *, unanswerable: int = 0) -> Path:
    """A question about each animal's food, and others about animals that no document knows."""
    folder.mkdir(exist_ok=True)
    corpus = [
        {"_id": f"doc/{name}", "title": name, "text": f"The {name} eats berries number {number} in winter."}
        for number, name in enumerate(ANIMALS)
    ]
    asked: list[dict[str, Any]] = [
        {"_id": name, "text": f"What does the {name} eat in winter?", "answer": [f"number {number}"]}
        for number, name in enumerate(ANIMALS)
    ]
    asked += [
        {"_id": f"no-{n}", "text": f"Who wrote the {n}th symphony of Mahler?", "answerable": False}
        for n in range(unanswerable)
    ]
    _lines(folder / "corpus.jsonl", corpus)
    _lines(folder / "queries.jsonl", asked)
    rows = "".join(f"{name}\tdoc/{name}\t1\n" for name in ANIMALS)
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\n" + rows, encoding="utf-8")
    return folder


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def _json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    return _set(tmp_path / "animals", unanswerable=4)


def test_result_holds_every_stage_refusal_citations_times_and_costs(animals: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    printed = _run(animals, "--json", out).output
    report = _json(out)
    assert list(report["stages"]) == ["lexical", "vector", "fused", "reranked"]
    for figures in report["stages"].values():
        assert {"mrr@10", "ndcg@10", "recall@5", "recall@20", "recall@50", "hit@1", "hit@3"} <= set(figures)
    assert report["stages"]["reranked"]["hit@1"] == 1.0
    assert report["stages"]["lexical"]["recall@50"] == 1.0
    assert (report["refusal"]["answerable"], report["refusal"]["unanswerable"]) == (10, 4)
    assert report["refusal"]["balanced_accuracy"]["mean"] == 1.0
    assert report["citations"]["exact"] == 1.0
    assert report["citations"]["document"]["mean"] == 1.0
    assert report["answers"]["right"]["mean"] == 1.0
    assert {"embed", "vector", "lexical", "rerank", "generate", "total"} <= set(report["latency_ms"])
    assert report["cost"]["prompt_tokens"] > 0
    assert report["k"] == {"candidates": 30, "channel": 50, "passages": 3}
    assert report["deep_lists_differ"] == report["unjudged"] == 0
    assert "balanced accuracy 1.000" in printed


def test_run_files_list_the_documents_of_the_set_as_the_product_orders_them(
    animals: Path, tmp_path: Path
) -> None:
    _run(animals, "--retrieval-only", "--runs", tmp_path / "runs")
    names = sorted(path.name for path in (tmp_path / "runs").iterdir())
    assert names == ["fused.tsv", "lexical.tsv", "reranked.tsv", "vector.tsv"]
    rows = [line.split("\t") for line in (tmp_path / "runs" / "reranked.tsv").read_text().splitlines()]
    assert {row[0] for row in rows} == {*ANIMALS, *(f"no-{n}" for n in range(4))}
    first: dict[str, tuple[str, float]] = {}
    for query, document, score in rows:
        assert first.setdefault(query, (document, float(score)))[1] >= float(score)
    assert first["otter"][0] == "doc/otter"


def test_nothing_is_written_where_only_retrieval_is_measured(animals: Path, tmp_path: Path) -> None:
    _run(animals, "--retrieval-only", "--json", tmp_path / "out.json", "--details", tmp_path / "rows.jsonl")
    report = _json(tmp_path / "out.json")
    assert (report["citations"], report["answers"], report["cost"]["prompt_tokens"]) == (None, None, 0)
    assert report["refusal"]["balanced_accuracy"]["mean"] == 1.0
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert {row["outcome"] for row in rows} == {"retrieved", "abstained"}
    assert {row["answer"] for row in rows if row["outcome"] == "retrieved"} == {""}


def test_with_and_without_reranking_side_by_side(animals: Path, tmp_path: Path) -> None:
    printed = _run(animals, "--rerank", "both", "--json", tmp_path / "out.json").output
    report = _json(tmp_path / "out.json")
    assert list(report["rerank_off"]["stages"]) == ["lexical", "vector", "fused"]
    wrong = report["on_off"]["wrong_answer"]
    assert (wrong["without"], wrong["reranked"]) == (4 / 14, 0.0)  # without a floor everything is answered
    assert {"mended", "broke", "moved", "differences"} <= set(report["on_off"])
    assert "without reranking (before), reranked (after)" in printed


def test_gate_lets_the_same_run_pass_and_stops_a_worse_one(animals: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    _run(animals, "--json", base)
    assert _run(animals, "--gate", base).exit_code == 0
    with pytest.raises(GateFailed, match=r"animals: .*right answer 1\.000 → 0\.000"):
        _run(animals, "--gate", base, "--config", _deaf(tmp_path))


def _deaf(tmp_path: Path) -> Path:
    """Settings with which nothing is evidence."""
    path = tmp_path / "deaf.toml"
    path.write_text("[rerank]\nfloor = 1.0\n", encoding="utf-8")
    return path


def test_gate_without_a_baseline_of_the_set_is_refused_at_once(animals: Path, tmp_path: Path) -> None:
    base = tmp_path / "base.json"
    _run(_set(tmp_path / "other"), "--json", base, "--retrieval-only")
    with pytest.raises(BadRequest, match=r"base.json has no baseline of animals; write one with --json"):
        _run(animals, "--gate", base)


def test_several_sets_come_under_their_names_and_files_beside_them_are_passed_over(
    animals: Path, tmp_path: Path
) -> None:
    (tmp_path / "README.md").write_text("x", encoding="utf-8")
    other = _set(tmp_path / "other")
    done = _run(
        animals, tmp_path / "README.md", other, "--retrieval-only", "--limit", "3",
        "--json", tmp_path / "out.json", "--runs", tmp_path / "runs",
    )  # fmt: skip
    assert "README.md is a file; a set is a folder or a golden set" in done.stderr
    reports = _json(tmp_path / "out.json")["sets"]
    assert {name: report["questions"] for name, report in reports.items()} == {"animals": 3, "other": 3}
    assert (tmp_path / "runs" / "animals" / "fused.tsv").is_file()


def test_kept_documents_are_used_again(animals: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    _run(animals, "--retrieval-only", "--keep", keep, "--json", tmp_path / "one.json")
    (folder,) = keep.iterdir()
    marked = (folder / "not-ingested.json").stat().st_mtime_ns
    _run(animals, "--retrieval-only", "--keep", keep, "--json", tmp_path / "two.json")
    assert (folder / "not-ingested.json").stat().st_mtime_ns == marked
    assert _json(tmp_path / "one.json")["stages"] == _json(tmp_path / "two.json")["stages"]


def test_document_that_cannot_be_read_is_named_by_the_id_of_the_set(animals: Path) -> None:
    with (animals / "corpus.jsonl").open("a") as out:
        out.write('{"_id": "blank", "title": "", "text": " "}\n')
    assert "not ingested: blank [empty]" in _run(animals, "--retrieval-only").stderr


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="is no folder; a set is a folder or the name of a golden set"):
        _run(tmp_path / "nowhere")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory with a collection, closed again."""
    monkeypatch.setenv("TOUCHSTONE_DATA_DIR", str(tmp_path / "home"))
    monkeypatch.setenv("TOUCHSTONE_PROFILE", "starter")
    with Services(starter(tmp_path / "home"), build_models=build_models) as services:
        services.load()
        for number, name in enumerate(ANIMALS):
            text = f"# {name}\n\nThe {name} eats berries number {number} in winter.\n"
            services.add(text.encode(), f"{name}.md", "zoo")
    return tmp_path / "home"


def _golden(*arguments: str | Path) -> str:
    return CliRunner().invoke(golden, list(map(str, arguments)), catch_exceptions=False).output


def test_golden_set_from_a_table_is_asked_over_a_copy_of_its_collection(home: Path, tmp_path: Path) -> None:
    table = tmp_path / "cases.csv"
    rows = [f"What does the {name} eat?,{name}.md,berries number {n}" for n, name in enumerate(ANIMALS)]
    table.write_text("question,document,quote\n" + "\n".join(rows) + "\nWhich bird sings?,ghost.md,song\n")
    said = _golden("import", "food", table, "--collection", "zoo")
    assert "10 accepted, 1 drafts in golden set 'food'" in said
    assert "q11 is a draft: collection 'zoo' has no document 'ghost.md'" in said
    done = _run("food", "--json", tmp_path / "out.json")
    assert "left out: 1 drafts: nobody has accepted them yet" in done.stderr
    report = _json(tmp_path / "out.json")
    assert report["questions"] == 10
    assert report["handed_to_generator"]["words of evidence"]["mean"] == 1.0
    assert report["citations"]["words"]["mean"] == 1.0
    _golden("reject", "food", "q11")
    _golden("export", "food", tmp_path / "again.csv")
    assert (tmp_path / "again.csv").read_text(encoding="utf-8-sig").count("\n") == 11
    assert "0" in _golden().split("│")[4]  # no drafts are left


def test_calibrated_floor_is_kept_for_the_collection_and_decides_there(home: Path, tmp_path: Path) -> None:
    folder = _set(tmp_path / "labelled")
    asked = [json.loads(line) for line in (folder / "queries.jsonl").read_text().splitlines()]
    more = [{**row, "_id": f"{row['_id']}-2", "text": f"Winter food of the {row['_id']}?"} for row in asked]
    unanswerable = [
        {"_id": f"no-{name}-{place}", "text": f"What does the {name} eat in {place}?", "answerable": False}
        for name in ANIMALS
        for place in ("Ankara", "Bogota", "Cairo")
    ]
    _lines(folder / "queries.jsonl", [*asked, *more, *unanswerable])
    done = _run(folder, "--retrieval-only", "--calibrate", "zoo", "--json", tmp_path / "out.json")
    found = _json(tmp_path / "out.json")["calibration"]
    assert found["in_force"] is True
    assert found["cross_validated"] > found["present"]
    assert "in force for collection 'zoo' from now on" in done.output
    with Services(starter(home), build_models=build_models) as services:
        services.load()
        refused = services.answer(
            services.ask("What does the otter eat in Cairo?", collections=("zoo",), principal=LOCAL)
        )
        assert (refused.answer.outcome, refused.floor) == ("abstained", found["floor"])
        assert f"{found['floor']:.2f}" in refused.answer.text
        assert "otter" in refused.answer.text
        answered = services.answer(
            services.ask("What does the otter eat in winter?", collections=("zoo",), principal=LOCAL)
        )
        assert answered.answer.outcome == "answered"
    assert found["reranker"] in _golden("floors", "zoo")
    assert "1 floor forgotten" in _golden("floors", "zoo", "--forget")


def test_too_few_questions_for_a_floor_are_refused(home: Path, animals: Path) -> None:
    with pytest.raises(BadRequest, match=r"a floor needs 20 questions of each class .* 10 answerable and 4"):
        _run(animals, "--retrieval-only", "--calibrate", "zoo")


def test_floor_of_another_collection_or_reranker_does_not_decide(open_services: Open, tmp_path: Path) -> None:
    services = open_services(tmp_path / "data")
    for name in ("one", "two"):
        services.add(b"# Otter\n\nThe otter eats berries in winter.\n", "otter.md", name)
    judge = services.answer(services.ask("What does the otter eat?", principal=LOCAL)).models.reranker
    strict = CalibratedFloor(judge, 1.0, 40, 0.9, "set", ())
    services.floors.keep(services.collections.named("one").id, strict)
    other = CalibratedFloor("another/1", 1.0, 40, 0.9, "set", ())
    services.floors.keep(services.collections.named("two").id, other)

    def outcome(*collections: str) -> str:
        return services.answer(
            services.ask("What does the otter eat?", collections=collections, principal=LOCAL)
        ).answer.outcome

    assert [outcome("one"), outcome("two"), outcome()] == ["abstained", "answered", "answered"]


@pytest.mark.parametrize("name", ["cross", "docs", "en", "zh"])
def test_small_sets_are_not_significantly_worse_than_their_baseline(name: str) -> None:
    assert _run(SMALL / name, "--gate", BASELINE).exit_code == 0
