"""Feedback lands where somebody sees it, can be taken back, and opens no hole in a spreadsheet."""

import csv
import io

from tests.conversations.conftest import House
from tests.conversations.talking import Person


def test_feedback_is_given_changed_and_taken_back(ben: Person) -> None:
    message = ben.answered(ben.talk())
    path = f"/api/messages/{message['id']}/feedback"
    assert message["feedback"] is None
    down = {"verdict": "down", "reasons": ["wrong", "bad_citation", "wrong"], "text": " not so "}
    given = ben.http.put(path, json=down).json()
    assert given["reasons"] == ["wrong", "bad_citation"]
    assert (given["verdict"], given["text"]) == ("down", "not so")
    assert ben.get(f"/api/messages/{message['id']}")["feedback"] == given
    changed = ben.http.put(path, json={"verdict": "up"}).json()
    assert (changed["verdict"], changed["reasons"], changed["text"]) == ("up", [], "")
    assert ben.http.delete(path).status_code == 204
    assert ben.get(f"/api/messages/{message['id']}")["feedback"] is None
    assert ben.http.delete(path).status_code == 404
    assert ben.http.put(path, json={"verdict": "up", "reasons": ["boring"]}).status_code == 422
    assert ben.http.put(path, json={"verdict": "up"}).is_success


def test_words_of_feedback_that_was_taken_back_are_nowhere(house: House, ben: Person) -> None:
    path = f"/api/messages/{ben.answered(ben.talk())['id']}/feedback"
    ben.http.put(path, json={"verdict": "down", "text": "my boss is wrong"})
    ben.http.delete(path)
    rows = house.services.database.connection().execute("SELECT * FROM feedback").fetchall()
    assert not any("my boss" in str(value) for row in rows for value in row)


def test_everyone_sees_his_own_and_an_admin_all_of_it(house: House, ben: Person) -> None:
    cat, anna = house.person("cat"), house.person("anna")
    given = {}
    for person in (ben, cat):
        message = person.answered(person.talk(collections=["handbook"]))["id"]
        person.http.put(f"/api/messages/{message}/feedback", json={"verdict": "down", "reasons": ["other"]})
        given[person] = message
    mine = [each["message_id"] for each in cat.get("/api/feedback")["data"]]
    assert mine == [given[cat]]
    last, before = anna.get("/api/feedback", verdict="down", limit=2)["data"]
    assert [last["message_id"], before["message_id"]] == [given[cat], given[ben]]
    assert (last["owner"], last["collections"]) == (house.people["cat"].id, ["handbook"])
    assert last["question"].startswith("How many days")
    page = anna.get("/api/feedback", limit=1)
    (second,) = anna.get("/api/feedback", limit=1, cursor=page["next_cursor"])["data"]
    assert second["message_id"] == given[ben]


def test_feedback_opens_in_a_spreadsheet_without_running_anything(ben: Person) -> None:
    hostile = ['=HYPERLINK("http://evil.example")', "+1+1", "-2", "@SUM(A1)", "\tx", "＝1", '"quoted", 引号']
    for text in hostile:
        message = ben.answered(ben.talk(), question=text + " annual leave of employees?")
        reply = ben.http.put(f"/api/messages/{message['id']}/feedback", json={"verdict": "up", "text": text})
        assert reply.is_success, reply.text
    got = ben.http.get("/api/feedback", params={"format": "csv"})
    assert got.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert got.headers["Content-Disposition"] == 'attachment; filename="feedback.csv"'
    assert got.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(got.content.decode("utf-8-sig"), newline="")))
    cells = [cell for row in rows for cell in row.values()]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝"))]
    texts = [row["text"] for row in rows]
    assert texts[0] == '"quoted", 引号'
    assert "'=HYPERLINK(\"http://evil.example\")" in texts
