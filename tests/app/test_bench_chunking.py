"""The chunking benchmark on a small set: what counts as right, what is refused, what the figures say."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.bench.chunking import CouldNotMeasure, all_sizes, measure
from app.bench.long_documents import Evidence, read_quoted_set
from app.bench.pairs import SetUnreadable
from app.cli.options import loaded
from app.evaluation.intervals import Interval, interval
from ingest.settings import ChunkSize
from tests.flows.conftest import starter

LEAVE = "Employees have 12 days of annual leave. They may carry over five of them until March."
PARKING = "The car park closes at nine in the evening. Visitors park on the second floor."
FILLER = "Nothing else is said about this in the present rules of the house. " * 12


def _write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / name).write_text(text, encoding="utf-8")


def _corpus(folder: Path) -> Path:
    texts = {"p0": LEAVE, "p1": FILLER, "p2": PARKING}
    _write(folder, "corpus.jsonl", [{"_id": i, "title": "Rules", "text": t} for i, t in texts.items()])
    _write(
        folder,
        "queries.jsonl",
        [
            {"_id": "q0", "text": "How many days of annual leave do employees have?", "answer": ["12 days"]},
            {"_id": "q1", "text": "When does the car park close?", "answer": ["21:00"]},
            {"_id": "q2", "text": "Who is the director?", "answer": []},
        ],
    )
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq0\tp0\t1\nq1\tp2\t1\n", encoding="utf-8")
    return folder


def _files(folder: Path, quote: str) -> Path:
    (folder / "files").mkdir()
    (folder / "files" / "a.md").write_text(f"# Rules\n\n{LEAVE}\n\n{FILLER}\n", encoding="utf-8")
    question = "How many days of annual leave do employees have?"
    evidence = [{"file": "a.md", "heading": "Rules", "quote": quote}]
    row = {"_id": "q0", "text": question, "answerable": True, "type": "fact", "evidence": evidence}
    unasked = [
        {**row, "_id": "q1", "type": "vague"},
        {**row, "_id": "q2", "answerable": False},
        {**row, "_id": "q3", "evidence": []},
    ]
    _write(folder, "queries.jsonl", [row, *unasked])
    return folder


def _measure(tmp_path: Path, *folders: Path, sizes: tuple[ChunkSize, ...]) -> dict[str, Any]:
    told: list[str] = []
    settings = starter(tmp_path / "unused")
    measured = measure(loaded, settings, folders, sizes=sizes, skip=0, questions=9, tell=told.append)
    assert len(told) == len(folders) * len(sizes)
    assert not (tmp_path / "unused").exists()
    return measured


def test_paragraphs_of_one_title_become_one_document_and_the_sentence_that_answers_is_the_evidence(
    tmp_path: Path,
) -> None:
    found = read_quoted_set(_corpus(tmp_path), tmp_path, most=9)
    ((path, name),) = found.files
    assert path.read_text(encoding="utf-8").startswith(f"# Rules\n\n{LEAVE}\n\nNothing else")
    assert [each.evidence for each in found.questions] == [
        (Evidence(name, "Employees have 12 days of annual leave."),),
        (Evidence(name, PARKING),),  # no sentence says 21:00: the paragraph it is judged by
    ]


def test_questions_may_be_left_out_at_the_start(tmp_path: Path) -> None:
    found = read_quoted_set(_corpus(tmp_path), tmp_path, skip=1, most=1)
    assert [each.text for each in found.questions] == ["When does the car park close?"]


def test_long_articles_become_several_documents(tmp_path: Path) -> None:
    _corpus(tmp_path)
    rows = [{"_id": f"p{n}", "title": "A" if n < 45 else "B", "text": f"Text {n}."} for n in range(50)]
    _write(tmp_path, "corpus.jsonl", rows)
    files = read_quoted_set(tmp_path, tmp_path, most=9).files
    documents = [path.read_text(encoding="utf-8") for path, _ in files]
    assert [text.count("Text") for text in documents] == [20, 20, 5, 5]
    assert [text.splitlines()[0] for text in documents] == ["# A", "# A", "# A", "# B"]


def test_only_questions_with_one_right_answer_are_asked_of_files(tmp_path: Path) -> None:
    found = read_quoted_set(_files(tmp_path, "12 days"), tmp_path, most=9)
    assert [each.evidence for each in found.questions] == [(Evidence("a.md", "12 days"),)]
    assert [name for _, name in found.files] == ["a.md"]


def test_figures_of_a_set_compare_every_size_with_the_default(tmp_path: Path) -> None:
    sizes = (ChunkSize(64, 0), ChunkSize(320, 0))
    measured = _measure(tmp_path, _corpus(tmp_path), sizes=sizes)
    assert (measured["profile"], measured["default"]) == ("starter", {"tokens": 320, "overlap": 0})
    (only,) = measured["sets"]
    assert (only["documents"], only["questions"]) == (1, 2)
    assert measured["all"] == {"questions": 2, "runs": only["runs"]}
    small, default = only["runs"]
    assert (small["chunk_tokens"], default["chunk_tokens"]) == (64, 320)
    assert small["chunks"] > default["chunks"] > 0
    assert default["hit_at_3"] == {"mean": 1.0, "low": 1.0, "high": 1.0}
    assert small["tokens_sent"]["mean"] < default["tokens_sent"]["mean"]
    zero = {"mean": 0.0, "low": 0.0, "high": 0.0}
    assert set(map(str, default["against_default"].values())) == {str(zero)}
    assert small["against_default"]["tokens_sent"]["mean"] == pytest.approx(
        small["tokens_sent"]["mean"] - default["tokens_sent"]["mean"], abs=1e-3
    )


def test_passage_that_holds_less_than_half_of_the_evidence_is_not_right(tmp_path: Path) -> None:
    one, all_of_it = tmp_path / "one", tmp_path / "all"
    for folder, quote in ((one, LEAVE.split(". ")[0]), (all_of_it, f"{LEAVE} {FILLER}")):
        folder.mkdir()
        _files(folder, quote)
    measured = _measure(tmp_path, one, all_of_it, sizes=(ChunkSize(48, 0), ChunkSize(320, 0)))
    hits = {(each["set"], run["chunk_tokens"]): run["hit_at_3"]["mean"] for each in measured["sets"]
            for run in each["runs"]}  # fmt: skip
    assert hits == {("one", 48): 1.0, ("one", 320): 1.0, ("all", 48): 0.0, ("all", 320): 1.0}
    assert measured["all"]["questions"] == 2


def test_quote_that_stands_nowhere_stops_the_measurement(tmp_path: Path) -> None:
    with pytest.raises(CouldNotMeasure, match="no evidence stands in its document: How many days"):
        _measure(tmp_path, _files(tmp_path, "14 days"), sizes=(ChunkSize(320, 0),))


def test_file_that_cannot_be_ingested_stops_the_measurement(tmp_path: Path) -> None:
    folder = _files(tmp_path, "12 days")
    (folder / "files" / "b.pdf").write_bytes(b"%PDF-1.7 this is no PDF")
    with pytest.raises(CouldNotMeasure, match=r"b\.pdf"):
        _measure(tmp_path, folder, sizes=(ChunkSize(320, 0),))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("queries.jsonl", "{not json", "queries.jsonl cannot be read"),
        ("queries.jsonl", "", "no question has evidence"),
        ("qrels.tsv", "q0\tp0\tmany\n", "qrels.tsv cannot be read"),
        ("corpus.jsonl", '{"_id": "p0"}', "corpus.jsonl cannot be read"),
    ],
)
def test_set_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: str, said: str) -> None:
    (_corpus(tmp_path) / name).write_text(content, encoding="utf-8")
    with pytest.raises(SetUnreadable, match=said):
        read_quoted_set(tmp_path, tmp_path, most=9)


def test_sizes_are_every_budget_with_every_overlap() -> None:
    sizes = all_sizes()
    assert len(sizes) == 12
    assert (sizes[0], sizes[4], sizes[-1]) == (ChunkSize(160, 0), ChunkSize(256, 26), ChunkSize(512, 102))


def test_interval_is_wide_where_values_differ_and_none_where_they_do_not() -> None:
    assert interval([1.0] * 7) == Interval(1.0, 1.0, 1.0)
    found = interval([0.0, 1.0] * 50)
    assert found.mean == 0.5
    # the normal approximation gives 0.402 to 0.598
    assert 0.38 <= found.low <= 0.42
    assert 0.58 <= found.high <= 0.62
    assert interval([0.0, 1.0] * 50) == found


def test_interval_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no value to average over"):
        interval([])
