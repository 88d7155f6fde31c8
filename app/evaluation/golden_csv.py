"""Golden sets as CSV: one row for each piece of evidence, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from app.asking import MAX_QUESTION
from app.evaluation.rows import SetUnreadable
from app.spreadsheet import csv_bytes, plain_cell
from app.storage.golden import GoldenCase, GoldenEvidence, State
from ingest.decode import decode
from ingest.errors import IngestError

MAX_ID = 100  # characters
MOST_LINES = 20  # that are told to be wrong
COLUMNS = ("id", "question", "answerable", "document", "quote", "pages", "answers", "kind", "state", "note")
_CHINESE = {
    "编号": "id",
    "问题": "question",
    "可回答": "answerable",
    "文档": "document",
    "原文": "quote",
    "页码": "pages",
    "答案": "answers",
    "类型": "kind",
    "状态": "state",
    "备注": "note",
}
_YES = frozenset(("", "true", "yes", "y", "1", "是"))
_NO = frozenset(("false", "no", "n", "0", "否"))
_STATES: dict[str, State] = {
    "": "accepted",
    "accepted": "accepted",
    "已确认": "accepted",
    "draft": "draft",
    "草稿": "draft",
}


def write_csv(cases: Iterable[GoldenCase]) -> bytes:
    """UTF-8 with a byte order mark, as Excel wants it. Accepted answers stand one a line in their cell.

    A cell that a spreadsheet would take for a formula gets an apostrophe, which ``read_csv`` takes away.
    """
    return csv_bytes(COLUMNS, (row for case in cases for row in _rows(case)))


def _rows(case: GoldenCase) -> Iterator[tuple[str, ...]]:
    for number, each in enumerate(case.evidence or (GoldenEvidence("", ""),)):
        first = number == 0
        yield (
            case.id,
            case.question,
            str(case.answerable).lower() if first else "",
            each.document,
            each.quote,
            ", ".join(map(str, each.pages)),
            "\n".join(case.answers) if first else "",
            case.kind if first else "",
            case.state if first else "",
            case.note if first else "",
        )


def read_csv(path: Path) -> list[GoldenCase]:
    """The cases of a file; see ``parse_csv``."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise SetUnreadable(f"{path} cannot be read: {error}") from error
    return parse_csv(data, str(path))


def parse_csv(data: bytes, name: str) -> list[GoldenCase]:
    """The cases of the bytes of a file with a header line; ``question`` is the one column it must have.

    Columns are those of ``write_csv``, in English or Chinese, in any order, set apart by comma, semicolon or
    tab. Rows with the id of the row before, or without one and with its question, add evidence to it. Raises
    ``SetUnreadable`` naming file and line, with every line that is wrong (``MOST_LINES`` at most) in
    ``lines``.
    """
    try:
        text = decode(data, Path(name).name)
    except IngestError as error:
        raise SetUnreadable(f"{name} cannot be read: {error}") from error
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    cases: list[GoldenCase] = []
    wrong: list[tuple[int, str]] = []
    try:
        columns = _columns(next(reader, []), name)
        for row in reader:
            if any(cell.strip() for cell in row):
                try:
                    _add(cases, dict(zip(columns, (plain_cell(cell) for cell in row), strict=False)))
                except ValueError as error:
                    wrong.append((reader.line_num, str(error)))
    except csv.Error as error:
        wrong.append((reader.line_num, str(error)))
    if wrong:
        line, why = wrong[0]
        more = f" ({len(wrong) - 1} more lines are wrong)" if len(wrong) > 1 else ""
        raise SetUnreadable(f"{name}:{line} cannot be read: {why}{more}", wrong[:MOST_LINES])
    if not cases:
        raise SetUnreadable(f"{name} holds no question")
    return cases


def _columns(header: list[str], name: str) -> list[str]:
    columns = [_CHINESE.get(each.strip(), each.strip().lower()) for each in header]
    unknown = [each for each in columns if each not in COLUMNS]
    if "question" not in columns or unknown:
        raise SetUnreadable(
            f"{name}:1 is no header of a golden set: "
            f"{'unknown column ' + repr(unknown[0]) if unknown else 'the column question is missing'} "
            f"(known: {', '.join(COLUMNS)})",
            [(1, "no header of a golden set")],
        )
    return columns


def _add(cases: list[GoldenCase], row: dict[str, str]) -> None:
    question, given = row.get("question", "").strip(), row.get("id", "").strip()
    evidence = _evidence(row)
    if cases and (given == cases[-1].id if given else question in ("", cases[-1].question)):
        if question not in ("", cases[-1].question):
            raise ValueError(f"id {given!r} stands before two questions")
        last = cases.pop()
        cases.append(replace(last, evidence=(*last.evidence, *evidence)))
        return
    if not question:
        raise ValueError("the question is empty")
    if len(question) > MAX_QUESTION:
        raise ValueError(f"the question has {len(question)} characters; at most {MAX_QUESTION} are asked")
    answerable, state = row.get("answerable", "").strip().lower(), row.get("state", "").strip().lower()
    if answerable not in _YES | _NO:
        raise ValueError(f"answerable is {answerable!r}; write yes or no")
    if state not in _STATES:
        raise ValueError(f"state is {state!r}; write accepted or draft")
    known = {each.id for each in cases}
    number = next(n for n in range(len(cases) + 1, 2 * len(cases) + 2) if f"q{n}" not in known)
    if len(given) > MAX_ID:
        raise ValueError(f"the id has {len(given)} characters; at most {MAX_ID} are kept")
    if given in known:
        raise ValueError(f"id {given!r} was there before; rows of one question stand together")
    cases.append(
        GoldenCase(
            id=given or f"q{number}",
            question=question,
            answerable=answerable in _YES,
            evidence=evidence,
            answers=tuple(each.strip() for each in row.get("answers", "").splitlines() if each.strip()),
            kind=row.get("kind", "").strip() or "plain",
            state=_STATES[state],
            source="csv",
            note=row.get("note", ""),
        )
    )


def _evidence(row: dict[str, str]) -> tuple[GoldenEvidence, ...]:
    document, quote = row.get("document", "").strip(), row.get("quote", "").strip()
    if quote and not document:
        raise ValueError("a quote needs the name of its document")
    pages = tuple(int(each) for each in re.findall(r"\d+", row.get("pages", "")))
    return (GoldenEvidence(document, quote, pages),) if document else ()

