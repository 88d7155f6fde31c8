"""Evaluation sets of real files: ``queries.jsonl`` beside ``files/`` or beside the files themselves."""

import json
from dataclasses import dataclass
from pathlib import Path

from app.errors import BadRequest
from ingest.scans import is_installed


@dataclass(frozen=True, slots=True)
class LabelledQuestion:
    """A question with what a right answer rests on and says.

    ``documents`` are the names of files of which one must be cited, ``pages`` (may be empty) the right pages.
    ``must_include``: strings the answer has to say, ``|`` between alternatives. ``kind`` is the set's own
    label.
    """

    id: str
    question: str
    kind: str
    answerable: bool
    documents: tuple[str, ...]
    pages: tuple[int, ...]
    must_include: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FileSet:
    """A folder of documents with labelled questions. ``left_out`` counts questions that need OCR."""

    name: str
    folder: Path
    questions: tuple[LabelledQuestion, ...]
    left_out: int


def read_file_set(folder: Path) -> FileSet:
    """The set in a folder. Raises ``BadRequest`` naming what is missing or unreadable."""
    queries = folder / "queries.jsonl"
    if not queries.is_file():
        raise BadRequest(f"{folder} is no evaluation set: {queries.name} is missing")
    questions, left_out = [], 0
    for number, line in enumerate(queries.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            if row.get("answerable", True) == "ocr" and not is_installed():
                left_out += 1
                continue
            questions.append(_question(row))
        except (ValueError, KeyError, TypeError) as error:
            raise BadRequest(f"{queries}:{number} cannot be read: {error!r}") from error
    files = folder / "files"
    return FileSet(folder.name, files if files.is_dir() else folder, tuple(questions), left_out)


def _question(row: dict[str, object]) -> LabelledQuestion:
    evidence = row.get("evidence", [])
    if not isinstance(evidence, list):
        raise TypeError("evidence is not a list")
    documents = [str(each["file"]) for each in evidence] or ([str(row["file"])] if "file" in row else [])
    pages, include = row.get("pages", []), row.get("must_include", [])
    if not isinstance(pages, list) or not isinstance(include, list):
        raise TypeError("pages or must_include is not a list")
    return LabelledQuestion(
        id=str(row["_id"]),
        question=str(row["text"]),
        kind=str(row.get("type", "fact")),
        answerable=bool(row.get("answerable", True)),
        documents=tuple(dict.fromkeys(documents)),
        pages=tuple(int(page) for page in pages),
        must_include=tuple(str(each) for each in include),
    )
