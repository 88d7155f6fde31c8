"""Sets on disk: what is read, what is refused, and which half a question belongs to."""

import json
from pathlib import Path
from typing import Any

import pytest

from app.evaluation.questions import Evidence, Question, chosen, in_half
from app.evaluation.rows import SetUnreadable
from app.evaluation.sets import read_set

EVEN = [0, 4, 6]  # of q0 to q7: those whose SHA-256 is an even number
QUERY = {"_id": "q1", "text": "When?", "answer": ["noon"]}


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "set"
    folder.mkdir()
    _lines(
        folder / "corpus.jsonl",
        [{"_id": "a/b#1", "title": "A\nB", "text": "At noon."}, {"_id": "c", "text": "No title."}],
    )
    _lines(
        folder / "queries.jsonl",
        [QUERY, {"_id": "q2", "text": "Why?", "answer": [], "answerable": False, "near_miss": "c"}],
    )
    (folder / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\ta/b#1\t2\n", encoding="utf-8")
    return folder


def test_corpus_becomes_a_file_for_each_document(corpus: Path, tmp_path: Path) -> None:
    found = read_set(corpus, tmp_path / "scratch")
    assert found.ids == {"000000.md": "a/b#1", "000001.md": "c"}
    texts = [path.read_text(encoding="utf-8") for path, _ in found.files]
    assert texts == ["# A B\n\nAt noon.\n", "No title.\n"]


def test_questions_carry_judgements_answers_and_near_misses(corpus: Path, tmp_path: Path) -> None:
    first, second = read_set(corpus, tmp_path / "scratch").questions
    assert (first.gains, first.answers, first.judged) == ({"a/b#1": 2.0}, ("noon",), True)
    assert first.evidence == (Evidence("a/b#1"),)
    assert (second.answerable, second.near_miss, second.judged) == (False, "c", False)


def test_noisy_forms_are_judged_as_the_question_they_are_of(corpus: Path, tmp_path: Path) -> None:
    _lines(corpus / "queries_noisy.jsonl", [{"_id": "q1-typo", "of": "q1", "kind": "typo", "text": "Wen?"}])
    noisy = read_set(corpus, tmp_path / "scratch").questions[-1]
    assert (noisy.kind, noisy.of, noisy.gains) == ("typo", "q1", {"a/b#1": 2.0})
    assert len(read_set(corpus, tmp_path / "scratch", noisy=False).questions) == 2
    _lines(corpus / "queries_noisy.jsonl", [{"_id": "x", "of": "nobody", "text": "Wen?"}])
    with pytest.raises(SetUnreadable, match=r"is of 'nobody', which is not there"):
        read_set(corpus, tmp_path / "scratch")


def test_judgement_of_an_unknown_document_is_refused(corpus: Path, tmp_path: Path) -> None:
    (corpus / "qrels.tsv").write_text("q1\tghost\t1\n", encoding="utf-8")
    with pytest.raises(SetUnreadable, match=r"1 documents are not in the corpus, such as ghost"):
        read_set(corpus, tmp_path / "scratch")


def test_judgements_of_questions_that_are_not_there_are_said(corpus: Path, tmp_path: Path) -> None:
    with (corpus / "qrels.tsv").open("a", encoding="utf-8") as out:
        out.write("q9\tc\t1\n")
    assert read_set(corpus, tmp_path / "scratch").left_out == (
        "judgements of 1 questions that queries.jsonl lacks, such as q9",
    )


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("queries.jsonl", "{", r"queries.jsonl:1 cannot be read"),
        ("queries.jsonl", '{"_id": "q1"}\n', r"queries.jsonl:1 cannot be read: KeyError\('text'\)"),
        ("queries.jsonl", '{"_id": 1, "text": "a"}\n' * 2, r":2: _id '1' was there before"),
        ("queries.jsonl", '{"_id": "q1", "text": "a", "answer": "b"}\n', r"answer is not a list"),
        ("queries.jsonl", "\n", r"holds no question"),
        ("corpus.jsonl", "", r"corpus.jsonl holds no document"),
        ("qrels.tsv", "q1\ta/b#1\n", r"qrels.tsv:1 is not `query-id<TAB>corpus-id<TAB>score`"),
    ],
)
def test_what_cannot_be_read_names_file_and_line(
    corpus: Path, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (corpus / name).write_text(text, encoding="utf-8")
    with pytest.raises(SetUnreadable, match=message):
        read_set(corpus, tmp_path / "scratch")


def test_folder_without_questions_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(SetUnreadable, match=r"is no evaluation set: queries.jsonl is missing"):
        read_set(tmp_path, tmp_path / "scratch")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files-set"
    (folder / "files" / "inner").mkdir(parents=True)
    (folder / "files" / "inner" / "a.md").write_text("# A\n\nAt noon.\n", encoding="utf-8")
    (folder / "files" / "b.md").write_text("# B\n", encoding="utf-8")
    evidence = [{"file": "inner/a.md", "quote": "At noon.", "section": "inner/a.md#0"}]
    _lines(
        folder / "queries.jsonl",
        [
            {**QUERY, "evidence": evidence, "must_include": ["noon|12"]},
            {"_id": "q2", "text": "Why?", "answerable": False, "evidence": evidence},
        ],
    )
    return folder


def test_files_are_known_by_path_and_judged_by_evidence(files: Path, tmp_path: Path) -> None:
    found = read_set(files, tmp_path / "scratch")
    assert found.ids == {"b.md": "b.md", "inner/a.md": "inner/a.md"}
    first, second = found.questions
    assert first.gains == {"inner/a.md": 1.0}
    assert first.evidence == (Evidence("inner/a.md", "At noon."),)
    assert second.gains == {}


def test_judgements_by_file_go_before_evidence(files: Path, tmp_path: Path) -> None:
    (files / "qrels_file.tsv").write_text("q1\tb.md\t1\n", encoding="utf-8")
    assert read_set(files, tmp_path / "scratch").questions[0].gains == {"b.md": 1.0}


def test_set_of_both_kinds_is_read_as_asked(files: Path, tmp_path: Path) -> None:
    _lines(files / "corpus.jsonl", [{"_id": "inner/a.md#0", "text": "At noon."}])
    (files / "qrels.tsv").write_text("q1\tinner/a.md#0\t1\n", encoding="utf-8")
    by_section = read_set(files, tmp_path / "scratch")
    assert by_section.questions[0].evidence == (Evidence("inner/a.md#0", "At noon."),)
    assert read_set(files, tmp_path / "scratch", "files").ids == {"b.md": "b.md", "inner/a.md": "inner/a.md"}


def test_judgements_beside_files_are_no_documents(tmp_path: Path) -> None:
    (tmp_path / "manifest.tsv").write_text("a\tb\n", encoding="utf-8")
    (tmp_path / "a.txt").write_text("text", encoding="utf-8")
    _lines(tmp_path / "queries.jsonl", [{**QUERY, "file": "a.txt", "pages": [2, 3]}])
    found = read_set(tmp_path, tmp_path / "scratch")
    assert list(found.ids) == ["a.txt"]
    assert found.questions[0].evidence == (Evidence("a.txt", pages=(2, 3)),)


def test_halves_are_disjoint_cover_all_and_keep_noisy_forms_together(corpus: Path, tmp_path: Path) -> None:
    _lines(corpus / "queries.jsonl", [{**QUERY, "_id": f"q{number}"} for number in range(40)])
    _lines(
        corpus / "queries_noisy.jsonl",
        [{"_id": f"n{number}", "of": f"q{number}", "text": "Wen?"} for number in range(40)],
    )
    questions = read_set(corpus, tmp_path / "scratch").questions
    halves = {half: {each.id for each in chosen(questions, half, None)} for half in ("choose", "report")}
    assert halves["choose"] | halves["report"] == {each.id for each in questions}
    assert not halves["choose"] & halves["report"]
    assert {each.id[1:] for each in questions if in_half(each, "choose")} == {
        each[1:] for each in halves["choose"] if each.startswith("n")
    }
    sample = chosen(questions, "all", 6)
    asked = [each.id for each in sample if not each.of]
    assert len(asked) == 6
    assert asked != [f"q{number}" for number in range(6)]  # drawn from all of the set, not its beginning
    assert [each.of for each in sample if each.of] == asked


def test_half_of_an_id_never_changes() -> None:
    assert [number for number in range(8) if in_half(Question(f"q{number}", ""), "choose")] == EVEN


def test_digest_changes_with_documents_and_not_with_questions(corpus: Path, tmp_path: Path) -> None:
    before = read_set(corpus, tmp_path / "one").digest()
    _lines(corpus / "queries.jsonl", [QUERY])
    assert read_set(corpus, tmp_path / "two").digest() == before
    _lines(corpus / "corpus.jsonl", [{"_id": "a/b#1", "title": "A", "text": "At one."}])
    assert read_set(corpus, tmp_path / "three").digest() != before
