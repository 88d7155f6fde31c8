"""Questions answered badly or not at all are found, grouped, asked again, closed; nobody is named."""

import csv
import io
from typing import Any

from tests.conversations.talking import QUESTION, Person
from tests.gaps.conftest import House

PARKING = "Where may visitors park their bicycles?"
PARKING_AGAIN = "Where may visitors park bicycles"
PARKING_ZH = "访客的自行车可以停在哪里？"
ANSWER = "# Parking\n\nVisitors may park their bicycles behind the north gate, next to the gatehouse.\n"


def asked(person: Person, question: str, *collections: str) -> dict[str, Any]:
    """The message of a question in a conversation of its own."""
    return person.answered(person.talk(collections=list(collections)), question)


def gaps(person: Person, **params: object) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = person.get("/api/gaps", **params)["data"]
    return listed


def gap_of(person: Person, question: str) -> dict[str, Any]:
    """The gap that has this wording."""
    for each in gaps(person, limit=200):
        found = person.get(f"/api/gaps/{each['id']}")
        if any(wording["text"] == question for wording in found["wordings"]):
            return found
    raise AssertionError(f"no gap has {question!r}")


def test_what_was_not_answered_is_a_gap_in_every_wording_and_both_languages(house: House) -> None:
    ben, eva = house.person("ben"), house.person("eva")
    for question in (PARKING, PARKING_AGAIN, PARKING_ZH, PARKING):
        assert asked(ben, question, "handbook")["result"]["outcome"] == "abstained"
    found = gap_of(eva, PARKING)
    gap = found["gap"]
    assert (gap["question"], gap["asked"], gap["wordings"]) == (PARKING, 4, 3)
    assert (gap["languages"], gap["collections"]) == (["en", "zh"], ["handbook"])
    assert gap["kinds"] == ["nothing_found"]
    assert 0 <= gap["best_relevance"] < 0.5
    assert gap["first_asked_at"] < gap["last_asked_at"]
    assert [each["asked"] for each in found["wordings"]] == [2, 1, 1]
    assert [each["document"] for each in found["nearest"]] == ["handbook.md"]
    assert len(found["answers"]) == 4
    assert "ben" not in str(found).split()


def test_an_answered_question_and_a_vague_one_are_no_gaps_until_somebody_says_so(house: House) -> None:
    ben, eva = house.person("ben"), house.person("eva")
    before = {each["id"] for each in gaps(eva, limit=200)}
    good = asked(ben, QUESTION, "handbook")
    vague = asked(ben, "And how?", "handbook")
    assert [each["code"] for each in vague["result"]["notices"]] == ["vague_question"]
    assert {each["id"] for each in gaps(eva, limit=200)} == before
    path = f"/api/messages/{good['id']}/feedback"
    said = {"verdict": "down", "reasons": ["outdated_source"], "text": "=it has been 14 days since May"}
    ben.http.put(path, json=said).raise_for_status()
    found = gap_of(eva, QUESTION)
    assert found["gap"]["kinds"] == ["thumbs_down"]
    assert found["gap"]["reasons"] == [{"reason": "outdated_source", "count": 1}]
    assert [each["text"] for each in found["said"]] == ["=it has been 14 days since May"]
    assert found["answers"][0]["answer"] == good["text"]
    rows = _csv(eva, kind="thumbs_down")
    assert rows[0]["feedback"] == "'=it has been 14 days since May"
    ben.http.delete(path).raise_for_status()
    assert {each["id"] for each in gaps(eva, limit=200)} == before


def test_a_question_over_two_knowledge_bases_is_seen_by_who_manages_both(house: House) -> None:
    ben, canary = house.person("ben"), "quixotic-heron-4411"
    asked(ben, f"Which {canary} pays the gardener of the moon?", "handbook", "salaries")
    asked(ben, f"Which {canary} pays the gardener of Mars?", "salaries")
    asked(ben, f"Which {canary} pays the gardener of Venus?")  # over all he sees
    for name, sees in (("ada", 3), ("max", 3), ("eva", 0)):
        person = house.person(name)
        told = person.http.get("/api/gaps", params={"limit": 200}).text
        told += person.http.get("/api/gaps", params={"format": "csv"}).text
        assert (canary in told) == bool(sees), name
        found = [each for each in gaps(person, limit=200) if canary in each["question"]]
        assert sum(each["wordings"] for each in found) == sees
    for each in gaps(house.person("max"), limit=200):
        own = house.person("eva").http.get(f"/api/gaps/{each['id']}")
        assert (own.status_code == 200) == (each["collections"] == ["handbook"])
        for method, path in (("PATCH", ""), ("POST", "/check")):
            body = {"state": "open"} if method == "PATCH" else {}
            if each["collections"] != ["handbook"]:
                refused = house.person("eva").http.request(method, f"/api/gaps/{each['id']}{path}", json=body)
                assert refused.status_code == 404
                assert canary not in refused.text


def test_a_viewer_gets_neither_page_nor_list(house: House) -> None:
    ben = house.person("ben").http
    for path in ("/gaps", "/api/gaps", "/api/gaps/any"):
        assert ben.get(path).status_code == 403, path
    assert 'href="/gaps"' not in ben.get("/").text
    assert 'href="/gaps"' in house.person("eva").http.get("/").text


def test_a_question_that_its_owner_deletes_is_gone_and_comes_back_from_the_trash(house: House) -> None:
    ben, eva = house.person("ben"), house.person("eva")
    question = "Which plumber repairs the fountain in the yard?"
    message = asked(ben, question, "handbook")
    gap = gap_of(eva, question)["gap"]["id"]
    talk = f"/api/conversations/{message['conversation_id']}"
    ben.http.delete(talk).raise_for_status()
    assert eva.http.get(f"/api/gaps/{gap}").status_code == 404
    assert question not in str(gaps(eva, limit=200))
    ben.http.post(f"{talk}/restore").raise_for_status()
    assert gap_of(eva, question)["gap"]["id"] == gap
    connection = house.services.database.connection()
    connection.execute("DELETE FROM conversation WHERE id = ?", (message["conversation_id"],))
    assert question not in str(gaps(eva, limit=200))
    for table in ("gap", "gap_wording", "gap_asking", "gap_pending"):
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608 - names of this file
        assert not any(question in str(tuple(row)) or gap in tuple(row) for row in rows), table
    kept = [each for each in ben.get("/api/answers")["data"] if each["question"] == question]
    assert len(kept) == 1  # the answer of the conversation is kept on, and is no question of its own


def test_a_document_closes_a_gap_once_it_was_asked_again_and_somebody_says_so(house: House) -> None:
    ben, max_ = house.person("ben"), house.person("max")
    question = "Where may visitors leave a rented tricycle?"
    other = "Where may a visitor leave the rented tricycle?"
    asked(ben, question, "salaries")
    asked(ben, other, "salaries")
    found = gap_of(max_, question)
    assert found["gap"]["wordings"] == 2
    path = f"/api/gaps/{found['gap']['id']}"
    assert max_.http.post(f"{path}/check").json()["gap"]["checked"]["answered"] == 0
    answers = len(max_.get("/api/answers")["data"])
    text = "# Parking\n\nVisitors may leave a rented tricycle behind the north gate, next to the gatehouse.\n"
    house.services.add(text.encode(), "parking.md", "salaries")
    one = found["wordings"][0]["id"]
    done = max_.http.post(f"{path}/check", json={"wordings": [one]}).json()
    assert done["left"] == 1
    (again,) = done["data"]
    assert again["again"]["answered"]
    assert again["again"]["relevance"] > again["floor"] > again["again"]["before"]
    assert "north gate" in again["answer"]
    assert again["nearest"][0]["document"] == "parking.md"
    whole = max_.http.post(f"{path}/check", json={}).json()
    assert (whole["left"], len(whole["data"])) == (0, 2)
    assert whole["gap"]["checked"]["answered"] == 2
    assert whole["gap"]["state"] == "open"
    assert len(max_.get("/api/answers")["data"]) == answers  # what was asked again is kept nowhere
    assert max_.http.post(f"{path}/check", json={"wordings": ["strange"]}).status_code == 422
    shown = max_.http.get(path)
    changed = max_.http.patch(
        path, json={"state": "done", "note": "see parking.md"}, headers={"If-Match": shown.headers["ETag"]}
    )
    assert (changed.json()["state"], changed.json()["note"]) == ("done", "see parking.md")
    late = max_.http.patch(path, json={"state": "open"}, headers={"If-Match": shown.headers["ETag"]})
    assert late.status_code == 412
    entry = house.services.accounts.audit.page(limit=1)[0]
    assert (entry.action, entry.actor_name, entry.details["state"]) == ("gap_change", "max", "done")
    assert "parking" not in str(entry)
    assert found["gap"]["id"] not in [each["id"] for each in gaps(max_, state="open", limit=200)]
    path_said = f"/api/messages/{asked(ben, question, 'salaries')['id']}/feedback"
    ben.http.put(path_said, json={"verdict": "down"}).raise_for_status()
    back = gap_of(max_, question)["gap"]
    assert (back["state"], back["reopened"], back["note"]) == ("open", True, "see parking.md")


def test_questions_of_programs_are_gaps_as_well(house: House) -> None:
    ben, eva = house.person("ben"), house.person("eva")
    question = "Who waters the orchids of the ministry?"
    body = {"question": question, "collection": "handbook"}
    ben.http.post("/api/ask", json=body).raise_for_status()
    other = "Who waters the orchids at the ministry?"
    chat = {"model": "touchstone/handbook", "messages": [{"role": "user", "content": other}]}
    ben.http.post("/v1/chat/completions", json=chat).raise_for_status()
    found = gap_of(eva, question)
    assert (found["gap"]["asked"], found["gap"]["wordings"]) == (2, 2)
    assert len(found["answers"]) == 2
    assert found["nearest"]


def test_a_follow_up_belongs_to_all_knowledge_bases_its_words_come_from(house: House) -> None:
    """The conversation turned from one knowledge base to another: managers of one alone see nothing of it."""
    ben, eva = house.person("ben"), house.person("eva")
    talk = ben.talk(collections=["salaries"])
    ben.answered(talk, "When is the yearly bonus paid?")
    ben.http.patch(f"/api/conversations/{talk}", json={"collections": ["handbook"]}).raise_for_status()
    message = ben.answered(talk, "And for gardeners of the moon?")
    told = [each["text"] for each in message["result"]["notices"] if each["code"] == "follow_up_completed"]
    if message["result"]["outcome"] != "abstained":
        ben.http.put(f"/api/messages/{message['id']}/feedback", json={"verdict": "down"}).raise_for_status()
    assert told
    read_as = told[0].removeprefix("Read as part of the conversation: ")
    assert "yearly bonus" in read_as
    assert read_as not in str(gaps(eva, limit=200))
    found = gap_of(house.person("max"), read_as)  # as it was completed, so that it can be asked again
    assert found["gap"]["collections"] == ["handbook", "salaries"]
    assert found["answers"][0]["question"] == "And for gardeners of the moon?"


def test_lists_come_in_pages_in_every_order_and_by_every_filter(house: House) -> None:
    ada = house.person("ada")
    for order in ("weight", "asked", "latest"):
        whole = [each["id"] for each in gaps(ada, order=order, limit=200)]
        paged: list[str] = []
        cursor = ""
        while True:
            page = ada.get("/api/gaps", order=order, limit=2, cursor=cursor)
            assert page["total"] == len(whole)
            paged += [each["id"] for each in page["data"]]
            cursor = page["next_cursor"] or ""
            if not cursor:
                break
        assert paged == whole
        assert len(whole) > 3
    latest = gaps(ada, order="latest", limit=200)
    assert [each["last_asked_at"] for each in latest] == sorted(
        (each["last_asked_at"] for each in latest), reverse=True
    )
    assert all("thumbs_down" in each["kinds"] for each in gaps(ada, kind="thumbs_down"))
    assert all("salaries" in each["collections"] for each in gaps(ada, collection="salaries"))
    assert gaps(ada, days=1, limit=200) != []
    assert gaps(ada, days=1e-9) == []
    assert ada.http.get("/api/gaps", params={"cursor": "bm90IG9uZQ"}).status_code == 422


def test_a_knowledge_base_made_later_under_an_old_name_shows_no_question_of_before(house: House) -> None:
    ben, max_ = house.person("ben"), house.person("max")
    max_.http.post("/api/collections", json={"name": "attic"}).raise_for_status()
    house.services.add(ANSWER.encode(), "attic.md", "attic")
    ada = house.person("ada")
    question = "Which ghost of the attic is the oldest?"
    ada.http.post("/api/ask", json={"question": question, "collection": "attic"}).raise_for_status()
    assert question in str(gaps(max_, limit=200))
    max_.http.delete("/api/collections/attic").raise_for_status()
    assert question not in str(gaps(max_, limit=200))
    max_.http.post("/api/collections", json={"name": "attic"}).raise_for_status()
    assert question not in str(gaps(max_, limit=200))
    ben.http.post("/api/ask", json={"question": question}).raise_for_status()


def _csv(person: Person, **params: str) -> list[dict[str, str]]:
    got = person.http.get("/api/gaps", params={"format": "csv", **params})
    assert got.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert got.content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(io.StringIO(got.content.decode("utf-8-sig"), newline="")))
