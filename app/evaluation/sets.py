"""Evaluation sets on disk: a corpus with judgements, or real files with labelled evidence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from app.evaluation.questions import EvaluationSet, Evidence, Question
from app.evaluation.rows import Row, SetUnreadable, read_judgements, read_rows, texts
from ingest.load import SUFFIXES, find_files
from ingest.scans import is_installed

Documents = Literal["corpus", "files"]
OCR = "the set marks them as answerable with OCR only, which is not installed"


def read_set(folder: Path, scratch: Path, documents: Documents | None = None, *, noisy: bool = True) -> (
    EvaluationSet
):
    """The set in a folder; its shape is that of BEIR, or files beside ``queries.jsonl``.

    ``corpus``: each line of ``corpus.jsonl`` becomes a Markdown file in ``scratch``, judged by ``qrels.tsv``;
    ids are those of the corpus. ``files``: the documents in ``files/`` (or beside the questions), judged by
    ``qrels_file.tsv`` or else by the files that the evidence names; ids are paths. None: the corpus where
    there is one. ``noisy``: the forms in ``queries_noisy.jsonl`` are asked as well. Raises ``SetUnreadable``.
    """
    queries = folder / "queries.jsonl"
    if not queries.is_file():
        raise SetUnreadable(f"{folder} is no evaluation set: {queries.name} is missing")
    documents = documents or ("corpus" if (folder / "corpus.jsonl").is_file() else "files")
    rows = list(read_rows(queries))
    if documents == "corpus":
        ids = _write_corpus(folder / "corpus.jsonl", scratch)
        files = tuple((scratch / name, name) for name in ids)
        gains = read_judgements(folder / "qrels.tsv")
        _check(gains, set(ids.values()), folder / "qrels.tsv")
    else:
        files = _files(folder)
        ids = {name: name for _, name in files}
        gains = _gains_by_file(folder)
    kept = [row for row in rows if row.get("answerable", True) != "ocr" or is_installed()]
    left_out = [f"{len(rows) - len(kept)} questions: {OCR}"] if len(kept) < len(rows) else []
    questions = [_question(row, gains, queries, by_section=documents == "corpus") for row in kept]
    unknown = sorted(set(gains) - {str(row["_id"]) for row in rows})
    if unknown:
        lacking = f"{len(unknown)} questions that queries.jsonl lacks, such as {unknown[0]}"
        left_out.append(f"judgements of {lacking}")
    if noisy and (folder / "queries_noisy.jsonl").is_file():
        questions += _noisy(folder / "queries_noisy.jsonl", {each.id: each for each in questions})
    if not questions:
        raise SetUnreadable(f"{queries} holds no question")
    return EvaluationSet(folder.name, files, ids, tuple(questions), tuple(left_out))


def _write_corpus(path: Path, scratch: Path) -> dict[str, str]:
    """One file a document; name -> id. The title is the document's heading, as in a page."""
    scratch.mkdir(parents=True, exist_ok=True)
    ids: dict[str, str] = {}
    for number, row in enumerate(read_rows(path)):
        name = f"{number:06}.md"
        title = " ".join(str(row.get("title", "")).split())
        text = f"# {title}\n\n{row['text']}\n" if title else f"{row['text']}\n"
        (scratch / name).write_text(text, encoding="utf-8")
        ids[name] = str(row["_id"])
    if not ids:
        raise SetUnreadable(f"{path} holds no document")
    return ids


def _files(folder: Path) -> tuple[tuple[Path, str], ...]:
    """What there is to ingest: ``files/``, ``docs/``, or the readable files beside the questions."""
    inner = next((folder / name for name in ("files", "docs") if (folder / name).is_dir()), None)
    found = find_files([inner or folder]).files
    if inner is None:  # manifests and judgements are no documents
        found = tuple(each for each in found if each[0].suffix.lower() not in (".tsv", ".csv"))
    if not found:
        raise SetUnreadable(f"{folder} holds no file of a readable kind: {', '.join(sorted(SUFFIXES))}")
    return found


def _gains_by_file(folder: Path) -> dict[str, dict[str, float]]:
    by_file = folder / "qrels_file.tsv"
    return read_judgements(by_file) if by_file.is_file() else {}


def _check(gains: Mapping[str, Mapping[str, float]], ids: set[str], path: Path) -> None:
    unknown = {document for judged in gains.values() for document in judged} - ids
    if unknown:
        raise SetUnreadable(f"{path}: {len(unknown)} documents are not in the corpus, such as {min(unknown)}")


def _question(
    row: Row, gains: Mapping[str, Mapping[str, float]], path: Path, *, by_section: bool
) -> Question:
    try:
        evidence = _evidence(row, by_section=by_section)
        judged = gains.get(str(row["_id"]))
        if judged is None:
            answerable = bool(row.get("answerable", True)) and not by_section
            judged = {each.document: 1.0 for each in evidence} if answerable else {}
        elif not evidence:
            evidence = tuple(Evidence(document) for document, gain in judged.items() if gain > 0)
        return Question(
            id=str(row["_id"]),
            text=str(row["text"]),
            kind=str(row.get("type", "plain")),
            answerable=bool(row.get("answerable", True)),
            gains=judged,
            evidence=evidence,
            answers=texts(row, "answer"),
            must_include=texts(row, "must_include"),
            must_not_include=texts(row, "must_not_include"),
            near_miss=str(row.get("near_miss") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SetUnreadable(f"{path}: question {row['_id']} cannot be read: {error!r}") from error


def _evidence(row: Row, *, by_section: bool) -> tuple[Evidence, ...]:
    listed, pages = row.get("evidence", []), row.get("pages", [])
    if not isinstance(listed, list) or not isinstance(pages, list):
        raise TypeError("evidence or pages is not a list")
    named = [
        Evidence(str(each["section"] if by_section else each["file"]), str(each.get("quote", "")))
        for each in listed
    ]
    if not named and "file" in row and not by_section:
        named = [Evidence(str(row["file"]), pages=tuple(int(page) for page in pages))]
    return tuple(named)


def _noisy(path: Path, plain: Mapping[str, Question]) -> list[Question]:
    """Other forms of the questions, judged as those are."""
    found = []
    for row in read_rows(path):
        of = plain.get(str(row.get("of", "")))
        if of is None:
            raise SetUnreadable(f"{path}: question {row['_id']} is of {row.get('of')!r}, which is not there")
        found.append(
            Question(
                id=str(row["_id"]),
                text=str(row["text"]),
                kind=str(row.get("kind", "noisy")),
                answerable=of.answerable,
                gains=of.gains,
                evidence=of.evidence,
                answers=of.answers,
                of=of.id,
            )
        )
    return found
