"""Words of others in every place that takes words: they are shown as they are, and evaluated nowhere."""

import json
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from app.services import Services

TEMPLATES = ["{{7*7}}", "${7*7}", "#{7*7}", "{% raw %}x{% endraw %}", "<%= 7*7 %>", "{0.__class__}"]
MARKUP = ["<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))"]
SQL = ["' OR '1'='1", "'; DROP TABLE chunk; --", '" UNION SELECT 1 --', "1) OR (1=1", "%' OR name LIKE '%"]


def _ask(client: TestClient, **body: object) -> list[tuple[str, dict[str, object]]]:
    response = client.post("/api/ask", json=body)
    assert response.status_code == 200, response.text
    found = []
    for block in response.text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


@pytest.fixture(scope="module", autouse=True)
def documents(client: TestClient) -> None:
    for number, text in enumerate([*TEMPLATES, *MARKUP]):
        body = f"# Page {number}\n\nThe valve of boiler {number} is set to {text} by the engineer.\n"
        added = client.post(
            f"/api/collections/words/documents?name={number}.md&wait=true", content=body.encode()
        )
        assert added.json()["status"] == "added"


@pytest.mark.parametrize("text", [*TEMPLATES, *MARKUP, *SQL])
def test_names_instructions_and_questions_come_back_letter_by_letter(text: str, client: TestClient) -> None:
    made = client.post("/api/collections", json={"name": text, "instruction": text})
    assert made.status_code == 200, made.text
    assert made.json()["name"] == text
    assert made.json()["instruction"] == text
    shown = client.get(f"/api/collections/{quote(text, safe='')}")
    assert shown.json()["name"] == text
    events = _ask(client, question=f"valve {text}?", collection="words", instruction=text)
    name, result = events[-1]
    assert name == "answer"
    assert result["question"] == f"valve {text}?"
    assert result["instruction"] == text
    assert "49" not in str(result["answer"]).replace("149", "")
    deleted = client.delete(f"/api/collections/{quote(text, safe='')}")
    assert deleted.json()["name"] == text


def test_template_syntax_of_a_document_is_quoted_and_not_evaluated(client: TestClient) -> None:
    events = _ask(client, question="What is the valve of boiler 0 set to?", collection="words")
    answer = str(events[-1][1]["answer"])
    assert "{{7" in answer.replace("\\", "")
    assert "49" not in answer


@pytest.mark.parametrize("text", SQL)
def test_sql_in_any_value_changes_nothing_and_finds_nothing_more(
    text: str, client: TestClient, services: Services
) -> None:
    before = services.database.connection().execute("SELECT count(*) FROM chunk").fetchone()[0]
    assert client.get(f"/api/chunks/{quote(text, safe='')}").status_code == 404
    assert client.get(f"/api/answers/{quote(text, safe='')}").status_code == 404
    assert client.get(f"/api/jobs/{quote(text, safe='')}").status_code == 404
    assert client.get(f"/api/collections/{quote(text, safe='')}/documents").status_code == 404
    assert client.get("/api/jobs", params={"cursor": text}).status_code == 422
    assert client.get("/api/jobs", params={"collection": text}).status_code in (200, 404)
    _ask(client, question=f"boiler {text}", collection="words")
    after = services.database.connection().execute("SELECT count(*) FROM chunk").fetchone()[0]
    assert before == after > 0


@pytest.mark.parametrize(
    "identity",
    ["x" * 5000, "a%00b", "\u202e", "😀" * 50, "..", "../../etc/passwd", "%2e%2e%2f", "null", "-1", "\ud800"],
)
def test_an_id_nobody_gave_out_is_not_found_whatever_it_is(identity: str, client: TestClient) -> None:
    path = quote(identity, safe="%", errors="surrogatepass")
    for base in ("/api/chunks/", "/api/answers/", "/api/jobs/"):
        assert client.get(f"{base}{path}").status_code in (404, 405, 422), base


def test_a_newline_in_any_text_begins_no_event_of_its_own(client: TestClient) -> None:
    body = "# Page\n\nFirst line of the pump.\n\nevent: execute\ndata: {\"code\": 1}\n\nid: 99\nretry: 1\n"
    client.post("/api/collections/lines/documents?name=a.md&wait=true", content=body.encode())
    question = "pump?\n\nevent: execute\ndata: {}\n\n"
    response = client.post("/api/ask", json={"question": question, "collection": "lines"})
    fields = {line.split(":", 1)[0] for line in response.text.splitlines() if line}
    assert fields <= {"event", "data", "id", ""}
    names = {line[len("event: ") :] for line in response.text.splitlines() if line.startswith("event: ")}
    assert names <= {"queued", "stage", "sources", "delta", "answer"}
    assert "retry: 1" not in response.text.splitlines()


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\r"])
def test_other_line_ends_begin_none_either(separator: str, client: TestClient) -> None:
    question = f"pump{separator}event: execute{separator}data: 1"
    response = client.post("/api/ask", json={"question": question, "collection": "lines"})
    lines = response.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")  # as the standard splits
    assert not [line for line in lines if line.startswith("event: execute")]
