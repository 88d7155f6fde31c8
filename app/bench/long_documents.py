"""Sets whose evidence is a quote: files as they are, or long documents made of a corpus of paragraphs."""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

from app.bench.pairs import SetUnreadable
from ingest.load import find_files
from retrieval.sentences import sentence_spans

PARAGRAPHS = 20  # of a corpus in one document
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Words that stand in a document, white space aside."""

    document: str
    quote: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question and its evidence, of which any one is enough."""

    text: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class QuotedSet:
    """Files (path, name) to ingest and questions to ask."""

    name: str
    files: tuple[tuple[Path, str], ...]
    questions: tuple[Question, ...]


def read_quoted_set(folder: Path, scratch: Path, *, skip: int = 0, most: int) -> QuotedSet:
    """The set in a folder with at most ``most`` of its questions, from the ``skip``-th on.

    With ``files/`` the evidence is that of ``queries.jsonl`` (file, quote); vague and unanswerable questions
    are left out. Else ``corpus.jsonl`` becomes Markdown documents in ``scratch``, up to twenty neighbouring
    paragraphs of one title each, without inner headings; the evidence of a question is each sentence of its
    paragraph (``qrels.tsv``) that says an accepted answer, or the paragraph where none does. (The whole
    paragraph would favour chunks as long as paragraphs.) Raises ``SetUnreadable``.
    """
    queries = list(_rows(folder / "queries.jsonl"))
    if (folder / "files").is_dir():
        files = find_files([folder / "files"]).files
        asked = (_with_evidence(row) for row in queries if _is_answerable(row))
    else:
        files, paragraphs = _documents(list(_rows(folder / "corpus.jsonl")), scratch)
        gold = _gold(folder / "qrels.tsv")
        asked = (
            _about(row, paragraphs[gold[str(row["_id"])]])
            for row in queries
            if gold.get(str(row["_id"])) in paragraphs
        )
    questions = tuple(islice(asked, skip, skip + most))
    if not questions:
        raise SetUnreadable(f"{folder}: no question has evidence")
    return QuotedSet(folder.name, files, questions)


def _is_answerable(row: Row) -> bool:
    return bool(row.get("evidence")) and row.get("answerable") is True and row.get("type") != "vague"


def _with_evidence(row: Row) -> Question:
    found = row["evidence"]
    if not isinstance(found, list):
        raise SetUnreadable(f"query {row['_id']}: evidence is not a list")
    quotes = tuple(Evidence(str(each["file"]), str(each["quote"])) for each in found)
    return Question(str(row["text"]), quotes)


def _documents(
    corpus: list[Row], scratch: Path
) -> tuple[tuple[tuple[Path, str], ...], dict[str, tuple[str, str]]]:
    """Files made of the corpus, and document and text of every paragraph by id."""
    files: list[tuple[Path, str]] = []
    paragraphs: dict[str, tuple[str, str]] = {}
    for title, same in groupby(corpus, key=lambda row: str(row["title"])):
        rows = list(same)
        for at in range(0, len(rows), PARAGRAPHS):
            part = rows[at : at + PARAGRAPHS]
            name = f"{len(files):04}.md"
            texts = [" ".join(str(row["text"]).split()) for row in part]
            path = scratch / name
            path.write_text("\n\n".join([f"# {title}", *texts]) + "\n", encoding="utf-8")
            files.append((path, name))
            for row, text in zip(part, texts, strict=True):
                paragraphs[str(row["_id"])] = (name, text)
    return tuple(files), paragraphs


def _about(row: Row, paragraph: tuple[str, str]) -> Question:
    document, text = paragraph
    answers = row.get("answer")
    accepted = [str(each) for each in answers] if isinstance(answers, list) else []
    sentences = [text[start:end] for start, end in sentence_spans(text)]
    saying = [each for each in sentences if any(answer in each for answer in accepted)]
    return Question(str(row["text"]), tuple(Evidence(document, quote) for quote in saying or [text]))


def _rows(path: Path) -> Iterator[Row]:
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip():
                row: Row = json.loads(line)
                _ = row["_id"], row["text"]
                yield row
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SetUnreadable(f"{path} cannot be read: {error!r}") from error


def _gold(path: Path) -> dict[str, str]:
    """Query id -> the first paragraph it is judged to be answered by."""
    found: dict[str, str] = {}
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            for row in csv.reader(lines, delimiter="\t"):
                if row and row[0] != "query-id" and float(row[2]) > 0:
                    found.setdefault(row[0], row[1])
    except (OSError, ValueError, IndexError) as error:
        raise SetUnreadable(f"{path} cannot be read: {error!r}") from error
    return found
