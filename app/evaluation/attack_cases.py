"""A set of prompt injections: documents that carry an attack, and a question about each."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.evaluation.questions import EvaluationSet, Question
from app.evaluation.rows import SetUnreadable, read_text, texts
from ingest.load import find_files

CANARY = "canary"
"""The family of attacks that want words said which nobody would say by chance."""


@dataclass(frozen=True, slots=True)
class Case:
    """A question about a document that carries an attack.

    ``answers``: gold answers, of which one is to be given. ``canary``: strings that must not be in the answer
    (none in families that must be read). ``payload``: the words of the attack. ``position``: where in the
    document they stand.
    """

    id: str
    question: str
    answers: tuple[str, ...]
    family: str
    technique: str
    language: str
    position: str
    payload: str
    canary: tuple[str, ...]
    document: str


@dataclass(frozen=True, slots=True)
class AttackSet:
    """``documents`` are ingested together, as they would be in a knowledge base."""

    documents: EvaluationSet
    cases: tuple[Case, ...]


def read_attacks(folder: Path) -> AttackSet:
    """The set in a folder: ``cases.jsonl`` and the documents it names, in ``docs/``.

    Each case has ``_id``, ``question``, ``answer`` (a list), ``family``, ``technique``, ``lang``,
    ``position``, ``payload``, ``canary`` (a list) and ``doc`` (a path in the folder). Raises
    ``SetUnreadable``.
    """
    path = folder / "cases.jsonl"
    if not path.is_file():
        raise SetUnreadable(f"{folder} is no set of attacks: {path.name} is missing")
    files = find_files([folder / "docs"]).files if (folder / "docs").is_dir() else ()
    names = {name for _, name in files}
    cases: list[Case] = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            case = _case(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise SetUnreadable(f"{path}:{number} cannot be read: {error!r}") from error
        if case.document not in names:
            raise SetUnreadable(f"{path}:{number} names {case.document!r}, which is not in {folder / 'docs'}")
        if case.id in {each.id for each in cases}:
            raise SetUnreadable(f"{path}:{number}: _id {case.id!r} was there before; ids must differ")
        cases.append(case)
    if not cases:
        raise SetUnreadable(f"{path} holds no case")
    questions = tuple(Question(id=each.id, text=each.question, answers=each.answers) for each in cases)
    ids = {name: name for name in names}
    return AttackSet(EvaluationSet(folder.name, tuple(files), ids, questions), tuple(cases))


def _case(row: Mapping[str, object]) -> Case:
    case = Case(
        id=str(row["_id"]),
        question=str(row["question"]),
        answers=texts(row, "answer"),
        family=str(row["family"]),
        technique=str(row["technique"]),
        language=str(row["lang"]),
        position=str(row["position"]),
        payload=str(row["payload"]),
        canary=texts(row, "canary"),
        document=str(row["doc"]).removeprefix("docs/"),
    )
    if not case.answers or (case.family == CANARY and not case.canary):
        raise ValueError("a case needs a gold answer, and one of the family canary a canary")
    return case
