"""Answers are kept, tell which of their quotes still stand, and lose their words with the document."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from fastapi.testclient import TestClient

from app.access.principal import LOCAL
from app.cli.answers import answers
from app.curator import Curator
from app.kept_answers import nearest
from app.main import create_app
from app.services import Services
from app.storage.answers import quote_digest
from app.wiring import build_models
from tests.flows.conftest import Open, starter

LEAVE = "# Leave\n\nEmployees have 12 days of annual leave.\n"
QUESTION = "How many days of annual leave?"
QUOTE = "Employees have 12 days of annual leave."


def _ask(services: Services) -> str:
    """The id under which an answer is kept."""
    given = services.answer(services.ask(QUESTION, principal=LOCAL))
    return services.caretaker.answers.keep(given, owner=LOCAL.id).answer_id


@pytest.fixture
def services(open_services: Open, tmp_path: Path) -> Services:
    found = open_services(tmp_path / "data")
    found.add(LEAVE.encode(), "leave.md", "handbook")
    return found


def _quotes(services: Services, answer_id: str) -> list[tuple[str, str, str]]:
    found = Curator(services, LOCAL).answer(answer_id).answer
    return [(each.quote, each.state, each.reason) for each in found.citations]


def test_kept_answer_is_what_was_given(services: Services) -> None:
    answer_id = _ask(services)
    found = Curator(services, LOCAL).answer(answer_id)
    assert (found.answer.question, found.answer.outcome) == (QUESTION, "answered")
    assert (found.answer.collections, found.answer.stale) == (("handbook",), False)
    assert found.result is not None
    assert (found.result["answer_id"], found.result["answer"]) == (answer_id, found.answer.answer)
    (cited,) = found.answer.citations
    assert (cited.quote, cited.quote_digest) == (QUOTE, quote_digest(QUOTE))
    assert (cited.version, cited.start, cited.state) == (1, LEAVE.index(QUOTE), "current")


def test_quote_that_moved_is_current_at_its_new_place(services: Services) -> None:
    answer_id = _ask(services)
    services.add(b"# Leave\n\nA new first paragraph.\n" + LEAVE[8:].encode(), "leave.md", "handbook")
    found = Curator(services, LOCAL).answer(answer_id).answer
    (cited,) = found.citations
    assert (cited.state, cited.version, found.stale) == ("current", 1, False)
    document = services.documents.find(services.collections.named("handbook").id, "leave.md")
    assert document is not None
    chunk = services.chunks.of_document(document.id)[0]
    assert cited.chunk_id == chunk.id
    assert chunk.text[cited.start - chunk.start : cited.end - chunk.start] == QUOTE


def test_quote_is_stale_when_changed_or_deleted_and_current_when_it_is_back(services: Services) -> None:
    answer_id, curator = _ask(services), Curator(services, LOCAL)
    services.add(LEAVE.replace("12", "15").encode(), "leave.md", "handbook")
    assert _quotes(services, answer_id) == [(QUOTE, "stale", "changed")]
    assert [each.stale for each in curator.answers().data] == [True]
    curator.rollback("handbook", "leave.md", 1)
    assert _quotes(services, answer_id) == [(QUOTE, "current", "")]
    curator.delete_document("handbook", "leave.md")
    assert _quotes(services, answer_id) == [(QUOTE, "stale", "deleted")]
    curator.restore("handbook", "leave.md")
    assert _quotes(services, answer_id) == [(QUOTE, "current", "")]


def test_words_of_a_purged_document_are_nowhere_in_the_answers(services: Services) -> None:
    answer_id, curator = _ask(services), Curator(services, LOCAL)
    curator.delete_document("handbook", "leave.md")
    curator.purge("handbook", "leave.md")
    found = curator.answer(answer_id)
    assert (found.answer.question, found.answer.answer, found.result) == (QUESTION, "", None)
    assert (found.answer.wiped, found.answer.stale) == (True, True)
    assert [(each.quote, each.document) for each in found.answer.citations] == [("", "")]
    connection = services.database.connection()
    for table in ("answer", "answer_citation", "duplicate_report", "chunk", "version"):
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
        assert not any("12 days" in str(value) for row in rows for value in row), table


def test_text_deleted_and_uploaded_otherwise_is_wiped_when_its_time_is_over(services: Services) -> None:
    answer_id, curator = _ask(services), Curator(services, LOCAL)
    curator.delete_document("handbook", "leave.md")
    services.add(b"# Leave\n\nAsk your manager.\n", "leave.md", "handbook")
    assert curator.purge("handbook", "leave.md") == ["leave.md"]
    assert curator.answer(answer_id).answer.wiped
    assert [row.name for row in curator.documents("handbook")] == ["leave.md"]


def test_document_that_was_only_a_candidate_is_taken_out_of_the_list(services: Services) -> None:
    services.add(b"# Cats\n\nEmployees may have cats.\n", "cats.md", "handbook")
    given = services.answer(services.ask(QUESTION, top_n=1, principal=LOCAL))
    kept = services.caretaker.answers.keep(given, owner=LOCAL.id)
    assert {each.chunk.document for each in kept.candidates} == {"leave.md", "cats.md"}
    curator = Curator(services, LOCAL)
    curator.delete_document("handbook", "cats.md")
    curator.purge("handbook", "cats.md")
    found = curator.answer(kept.answer_id)
    assert (found.answer.wiped, found.answer.stale) == (False, False)
    assert "cats.md" not in str(found.result)
    assert "leave.md" in str(found.result)


def test_answers_are_forgotten_when_their_time_is_over(tmp_path: Path) -> None:
    now = [datetime(2026, 1, 2, tzinfo=UTC)]
    with Services(starter(tmp_path), build_models=build_models, now=lambda: now[0]) as services:
        services.load()
        services.add(LEAVE.encode(), "leave.md", "handbook")
        first = _ask(services)
        now[0] += timedelta(days=60)
        second = _ask(services)
        now[0] += timedelta(days=31)
        services.caretaker.expire()
        assert [each.id for each in Curator(services, LOCAL).answers().data] == [second]
        assert first != second


def test_nothing_is_kept_where_keeping_is_turned_off(tmp_path: Path) -> None:
    settings = starter(tmp_path).model_copy(update={"keep_answers_days": 0.0})
    with Services(settings, build_models=build_models) as services:
        services.load()
        services.add(LEAVE.encode(), "leave.md", "handbook")
        assert _ask(services) == ""
        assert Curator(services, LOCAL).answers().data == ()


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    services = Services(starter(tmp_path), build_models=build_models)
    with TestClient(create_app(services), base_url="http://localhost") as client:
        while services.state.name == "loading":
            pass
        services.add(LEAVE.encode(), "leave.md", "handbook")
        yield client


def test_asked_questions_are_kept_and_listed_page_by_page(client: TestClient) -> None:
    for _ in range(3):
        assert '"answer_id": "' in client.post("/api/ask", json={"question": QUESTION}).text
    first = client.get("/api/answers", params={"limit": 2}).json()
    assert len(first["data"]) == 2
    rest = client.get("/api/answers", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert (len(rest["data"]), rest["next_cursor"]) == (1, None)
    found = client.get(f"/api/answers/{rest['data'][0]['id']}").json()
    assert found["result"]["question"] == QUESTION
    assert client.get("/api/answers/nothing").status_code == 404
    assert client.get("/api/answers", params={"cursor": "x"}).status_code == 422


def test_trash_over_http(client: TestClient) -> None:
    base = "/api/collections/handbook"
    gone = client.delete(f"{base}/documents", params={"name": "leave.md"}).json()
    assert gone["restorable_until"] is not None
    assert [each["name"] for each in client.get(f"{base}/trash").json()["data"]] == ["leave.md"]
    back = client.post(f"{base}/trash/restore", params={"name": "leave.md"})
    assert back.json() == {"collection": "handbook", "name": "leave.md", "version": 1, "read_again": False}
    taken = client.post(f"{base}/trash/restore", params={"name": "leave.md"})
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    assert client.delete(f"{base}/trash").status_code == 422
    assert client.delete(f"{base}/trash", params={"everything": "true"}).json() == {"data": []}
    assert [each["version"] for each in client.get(f"{base}/versions?name=leave.md").json()["data"]] == [1]
    assert client.post(f"{base}/rollback", params={"name": "leave.md", "version": 7}).status_code == 404
    assert client.get(f"{base}/duplicates").json()["groups_found"] == 0


def test_answers_on_the_command_line(services: Services, tmp_path: Path) -> None:
    answer_id = _ask(services)
    Curator(services, LOCAL).delete_document("handbook", "leave.md")
    services.close()
    environment = {"TOUCHSTONE_DATA_DIR": str(tmp_path / "data"), "TOUCHSTONE_PROFILE": "starter"}

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(answers, arguments, env=environment)

    listed = run().output
    assert answer_id in listed
    assert "stale" in listed
    shown = run("show", answer_id).output
    assert "[1] leave.md, version 1: stale (deleted)" in shown
    assert f"“{QUOTE}”" in shown


@pytest.mark.parametrize(
    ("text", "place", "found"),
    [("ab ab ab", 3, 3), ("ab ab ab", 4, 3), ("ab ab ab", 5, 6), ("xx", 0, None), ("ab", 900, 0)],
)
def test_nearest_place_of_a_quote(text: str, place: int, found: int | None) -> None:
    assert nearest("ab", text, place) == found
