"""Questions with the passages that answer them, from the choosing half of evaluation sets."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.types import Chunk


@dataclass(frozen=True, slots=True)
class Question:
    """A question and the ids of the passages that answer it (none: the set does not hold the answer)."""

    id: str
    text: str
    relevant: frozenset[str]


@dataclass(frozen=True, slots=True)
class Labelled:
    """A collection with questions about it."""

    name: str
    chunks: tuple[Chunk, ...]
    questions: tuple[Question, ...]


def chosen(question_id: str) -> bool:
    """Whether a question belongs to the half on which settings are chosen: its SHA-256 is even."""
    return hashlib.sha256(question_id.encode()).digest()[-1] % 2 == 0


def read_set(folder: Path) -> Labelled:
    """The choosing half of a set of ``corpus.jsonl``, ``queries.jsonl`` and ``qrels.tsv``."""
    chunks = tuple(
        _chunk(row["_id"], row.get("title", ""), row["text"]) for row in _rows(folder / "corpus.jsonl")
    )
    relevant: dict[str, set[str]] = {}
    for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        question, document, score = line.split("\t")
        if float(score) > 0:
            relevant.setdefault(question, set()).add(document)
    questions = [
        Question(row["_id"], row["text"], frozenset(relevant.get(row["_id"], ())))
        for row in _rows(folder / "queries.jsonl")
        if chosen(row["_id"]) and (row["_id"] in relevant or row.get("answerable") is False)
    ]
    return Labelled(folder.name, chunks, tuple(questions))


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _chunk(name: str, title: str, text: str) -> Chunk:
    return Chunk(
        id=name,
        document_id=name,
        version=1,
        collection="set",
        document=name,
        title=title,
        text=text,
        start=0,
        end=len(text),
        ordinal=0,
        tokens=1,
    )
