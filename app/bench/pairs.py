"""Stored query and candidate pairs: BEIR's files, with or without a list of candidates.

``corpus.jsonl`` (_id, text, title?), ``queries.jsonl`` (_id, text); where they exist also ``qrels.tsv``
(query-id, corpus-id, score) and ``candidates.tsv`` (query-id, corpus-id in the order found).
"""

import csv
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.errors import TouchstoneError
from retrieval.analysis import terms


class SetUnreadable(TouchstoneError):
    """A folder does not hold such a set; the message names the file, and the line where there is one."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One query with its candidates. ``relevant`` is empty where the set has no labels for it."""

    id: str
    query: str
    passages: tuple[str, ...]
    relevant: tuple[bool, ...]


def read_pairs(folder: Path, *, queries: int, candidates: int) -> list[Judged]:
    """The first ``queries`` queries with at most ``candidates`` candidates each, at least two.

    Without ``candidates.tsv`` they are the labelled documents, then those sharing most terms with the query.
    Raises ``SetUnreadable``.
    """
    corpus = {row["_id"]: _passage(row) for row in _rows(folder / "corpus.jsonl")}
    wanted = [(row["_id"], row["text"]) for row in _rows(folder / "queries.jsonl")][:queries]
    labels = _table(folder / "qrels.tsv")
    stored = _table(folder / "candidates.tsv")
    missing = {each for ids in (*labels.values(), *stored.values()) for each in ids} - set(corpus)
    if missing:
        raise SetUnreadable(f"{folder}: {len(missing)} ids are not in corpus.jsonl, such as {min(missing)}")
    index = {} if stored else {each: frozenset(terms(text)) for each, text in corpus.items()}
    result = []
    for query_id, text in wanted:
        right = [each for each, score in labels.get(query_id, {}).items() if score > 0]
        chosen = list(stored.get(query_id, ())) or [*right, *_nearest(text, index, set(right))]
        chosen = chosen[:candidates]
        if len(chosen) > 1:
            relevant = tuple(each in right for each in chosen) if right else ()
            result.append(Judged(query_id, text, tuple(corpus[each] for each in chosen), relevant))
    if not result:
        raise SetUnreadable(f"{folder}: no query has two candidates")
    return result


def _nearest(query: str, index: dict[str, frozenset[str]], known: set[str]) -> list[str]:
    """Ids by the weight of terms in common with the query, rare ones counting more; equal ones by id."""
    asked = set(terms(query))
    common = Counter(term for found in index.values() for term in found & asked)
    weight = {each: sum(1 / common[term] for term in found & asked) for each, found in index.items()}
    return sorted((each for each in index if each not in known), key=lambda each: (-weight[each], each))[:100]


def _passage(row: dict[str, str]) -> str:
    return f"{row['title']}\n{row['text']}" if row.get("title") else row["text"]


def _rows(path: Path) -> Iterator[dict[str, str]]:
    if not path.is_file():
        raise SetUnreadable(f"{path} is missing")
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            yield {"_id": str(row["_id"]), "text": str(row["text"]), "title": str(row.get("title", ""))}
        except (ValueError, KeyError, TypeError) as error:
            raise SetUnreadable(f"{path}:{number} cannot be read: {error!r}") from error


def _table(path: Path) -> dict[str, dict[str, float]]:
    """Query id -> corpus id -> score (1 where there is none); empty where the file is missing."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as lines:
        for number, row in enumerate(csv.reader(lines, delimiter="\t"), 1):
            if row[:2] == ["query-id", "corpus-id"] or not row:
                continue
            try:
                found[row[0]][row[1]] = float(row[2]) if len(row) > 2 else 1.0
            except (IndexError, ValueError) as error:
                raise SetUnreadable(f"{path}:{number} cannot be read: {error!r}") from error
    return dict(found)
