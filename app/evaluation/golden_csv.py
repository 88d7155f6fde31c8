"""Golden sets as CSV: one row for each piece of evidence, safe to open in a spreadsheet."""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from app.evaluation.rows import SetUnreadable
from app.storage.golden import GoldenCase, GoldenEvidence, State
from ingest.decode import decode
from ingest.errors import IngestError

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
# What a spreadsheet would run (OWASP, "CSV injection"), full-width forms included.
_FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")


def write_csv(cases: Iterable[GoldenCase]) -> bytes:
    """UTF-8 with a byte order mark, as Excel wants it. Accepted answers stand one a line in their cell.

    A cell that a spreadsheet would take for a formula gets an apostrophe, which ``read_csv`` takes away.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for case in cases:
        for number, each in enumerate(case.evidence or (GoldenEvidence("", ""),)):
            first = number == 0
            row = (
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
            writer.writerow([_safe(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def read_csv(path: Path) -> list[GoldenCase]:
    """The cases of a file with a header line; ``question`` is the one column it must have.

    Columns are those of ``write_csv``, in English or Chinese, in any order, set apart by comma, semicolon or
    tab. Rows with the id of the row before, or without one and with its question, add evidence to it. Raises
    ``SetUnreadable`` naming file and line.
    """
    try:
        text = decode(path.read_bytes(), path.name)
    except (OSError, IngestError) as error:
        raise SetUnreadable(f"{path} cannot be read: {error}") from error
    header = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=header.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    columns = [_CHINESE.get(name.strip(), name.strip().lower()) for name in next(reader, [])]
    unknown = [name for name in columns if name not in COLUMNS]
    if "question" not in columns or unknown:
        raise SetUnreadable(
            f"{path}:1 is no header of a golden set: "
            f"{'unknown column ' + repr(unknown[0]) if unknown else 'the column question is missing'} "
            f"(known: {', '.join(COLUMNS)})"
        )
    cases: list[GoldenCase] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                _add(cases, dict(zip(columns, (_plain(cell) for cell in row), strict=False)))
    except (csv.Error, ValueError) as error:
        raise SetUnreadable(f"{path}:{reader.line_num} cannot be read: {error}") from error
    if not cases:
        raise SetUnreadable(f"{path} holds no question")
    return cases


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
    answerable, state = row.get("answerable", "").strip().lower(), row.get("state", "").strip().lower()
    if answerable not in _YES | _NO:
        raise ValueError(f"answerable is {answerable!r}; write yes or no")
    if state not in _STATES:
        raise ValueError(f"state is {state!r}; write accepted or draft")
    known = {each.id for each in cases}
    number = next(n for n in range(len(cases) + 1, 2 * len(cases) + 2) if f"q{n}" not in known)
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


def _safe(cell: str) -> str:
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _plain(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
