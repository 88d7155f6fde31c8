"""The gap inbox in Chromium: from a question that finds no answer to the document that closes it."""

import csv
import io
import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Complaints, Open
from tests.browser.filling import hand_in, job, new_collection, payload
from tests.browser.test_chat import ask

pytestmark = pytest.mark.browser

NOTES = "# Site\n\nThe canteen of hall 3 opens at noon, and closes at two.\n"
QUESTION = "Where may visitors park their bicycles?"
OTHER = "Where may visitors park bicycles"
PARKING = "# Parking\n\nVisitors may park their bicycles behind the north gate, next to the gatehouse.\n"


@pytest.fixture
def server(filling_server: str) -> str:
    return filling_server


@pytest.fixture
def collection(server: str) -> str:
    """A new knowledge base that says nothing about bicycles."""
    name = new_collection(server)
    path = f"{server}/api/collections/{name}/documents"
    made = httpx.post(path, params={"name": "site.md"}, content=NOTES.encode(), trust_env=False)
    with httpx.stream("GET", f"{server}/api/jobs/events", trust_env=False, timeout=30) as events:
        for _ in events.iter_lines():
            found = httpx.get(f"{server}/api/jobs/{made.json()['id']}", trust_env=False).json()
            if found["job"]["state"] == "ready":
                return name
    raise AssertionError("the document was not taken in")


def asked(server: str, collection: str, *questions: str) -> list[str]:
    """The ids of messages, each answered in a conversation of its own."""
    ids = []
    with httpx.Client(base_url=server, trust_env=False, timeout=30) as client:
        for question in questions:
            talk = client.post("/api/conversations", json={"collections": [collection]}).json()["id"]
            taken = client.post(f"/api/conversations/{talk}/messages", json={"question": question})
            ids.append(taken.json()["message_id"])
            client.get(f"/api/messages/{ids[-1]}/events")  # ends with the answer
    return ids


def the_gap(server: str, collection: str) -> str:
    """The id of the one gap of a knowledge base, once everything that was asked has been looked at."""
    while True:
        found = httpx.get(f"{server}/api/gaps", params={"collection": collection}, trust_env=False).json()
        if not found["notices"]:
            (gap,) = found["data"]
            return str(gap["id"])


def gaps(open_page: Open, collection: str, language: str = "en", **form: object) -> Page:
    """The gaps of a knowledge base."""
    page = open_page(language, path="/gaps", **form)
    page.get_by_label("知识库" if language == "zh" else "Knowledge base").select_option(collection)
    return page


def test_a_question_without_an_answer_leads_to_a_document_and_to_an_answer(
    open_page: Open, server: str, collection: str
) -> None:
    talk = httpx.post(f"{server}/api/conversations", json={"collections": [collection]}, trust_env=False)
    chat = open_page("en", path=f"/c/{talk.json()['id']}")
    chat.locator('#state[data-state="ready"]').wait_for()
    expect(ask(chat, QUESTION)).to_contain_text("The documents do not answer this")
    asked(server, collection, OTHER)
    chat.get_by_role("link", name="Gaps").click()
    page = chat
    page.get_by_label("Knowledge base").select_option(collection)
    expect(page.locator("#count")).to_have_text("1 gap")
    page.locator("#gaps").get_by_role("button", name=re.compile("bicycles")).click()
    card = page.locator("#detail")
    expect(card.get_by_role("heading", level=2)).to_be_focused()
    expect(card.locator("[data-wording]")).to_have_count(2)
    expect(card).to_contain_text("site.md")
    card.get_by_role("button", name="Ask again", exact=True).click()
    expect(card.locator("#check-line")).to_have_text("0 of 2 wordings are answered now.")
    card.get_by_role("link", name="Add a document").click()
    expect(page.locator("#collection")).to_have_value(collection)
    expect(page.get_by_role("button", name="Choose files")).to_be_focused()
    hand_in(page, payload("parking.md", PARKING))
    expect(job(page, "parking.md")).to_have_class(re.compile("ready"), timeout=30_000)
    page.get_by_role("link", name="Back to the gap").click()
    card.get_by_role("button", name="Ask again", exact=True).click()
    expect(card.locator("#check-line")).to_contain_text("Answered now.")
    expect(card).to_contain_text("behind the north gate")
    expect(card.locator(".gap-title + .gap-line + .row-flags")).to_contain_text("Answered now")
    card.get_by_role("button", name="Mark as done").click()
    said = page.locator("#said")
    expect(said).to_contain_text("Done")
    said.get_by_role("button", name="Undo").click()
    expect(said).to_contain_text("Undone")
    card.get_by_role("button", name="Mark as done").click()
    page.get_by_label("Knowledge base").select_option(collection)
    page.get_by_label("State").select_option("open")
    expect(page.locator("#count")).to_have_text("0 gaps")
    page.get_by_label("State").select_option("done")
    expect(page.locator("#gaps > li")).to_have_count(1)


def test_a_thumb_down_is_read_noted_and_dismissed(open_page: Open, server: str, collection: str) -> None:
    (message,) = asked(server, collection, "When does the canteen of hall 3 open?")
    found = httpx.get(f"{server}/api/messages/{message}", trust_env=False).json()
    chat = open_page("en", path=f"/c/{found['conversation_id']}")
    chat.get_by_role("button", name="Not helpful").click()
    form = chat.get_by_role("form", name="Feedback on the answer")
    form.get_by_label("Outdated source").check()
    form.get_by_label("In your words").fill("=it opens at eleven")
    form.get_by_role("button", name="Send").click()
    expect(form).to_be_hidden()
    page = gaps(open_page, collection)
    page.get_by_role("button", name=re.compile("canteen")).press("Enter")
    card = page.locator("#detail")
    expect(card).to_contain_text("=it opens at eleven")
    expect(card).to_contain_text("Outdated source")
    card.get_by_text("Latest answers").click()
    expect(card.locator(".gap-answer")).to_contain_text("opens at noon")
    card.get_by_label("Note").fill("ask the kitchen")
    card.get_by_role("button", name="Save the note").click()
    expect(card).to_contain_text("Saved.")
    card.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("No gap fits")).to_be_visible()
    page.get_by_label("State").select_option("dismissed")
    expect(page.locator("#count")).to_have_text("1 gap")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8-sig"))))
    assert [(row["feedback"], row["note"]) for row in rows] == [("'=it opens at eleven", "ask the kitchen")]


def test_a_gap_becomes_a_case_with_evidence_or_one_that_nothing_answers(
    open_page: Open, server: str, collection: str, complaints: Complaints
) -> None:
    complaints.expected = ("status of 4",)
    asked(server, collection, "When does the canteen of hall 9 open on Sundays?")
    page = open_page("en", path=f"/gaps?gap={the_gap(server, collection)}")
    card, dialog = page.locator("#detail"), page.get_by_role("dialog")
    for evidence in (True, False):
        card.get_by_role("button", name="Make it an evaluation case").click()
        if evidence:
            dialog.get_by_label("Name of the new set").fill(f"gaps {collection}")
            dialog.get_by_role("checkbox", name="site.md").check()
        else:
            dialog.get_by_label("The documents do not answer it").check()
        dialog.get_by_role("button", name="Add the case").click()
        expect(page.locator("#said")).to_contain_text("The case was added.")
    golden = httpx.get(f"{server}/api/golden", params={"collection": collection}, trust_env=False).json()
    assert golden["data"][0]["accepted"] == 2
    cases = f"{server}/api/golden/{golden['data'][0]['id']}/cases"
    first, second = httpx.get(cases, trust_env=False).json()["data"]
    assert (first["answerable"], first["evidence"][0]["document"]) == (True, "site.md")
    assert (second["answerable"], second["kind"]) == (False, "gap")


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_the_page_can_be_used_by_everyone(
    open_page: Open, server: str, collection: str, language: str, width: int
) -> None:
    empty = gaps(open_page, collection, language, width=width, dark=width == 1280)
    expect(empty.locator("#none")).to_be_visible()
    questions = (QUESTION, "访客的自行车可以停在哪里？", "Who repairs the lift of hall 3?")
    message = asked(server, collection, *questions)[0]
    down = {"verdict": "down", "reasons": ["incomplete"], "text": "这里应该写停车的地方。"}
    path = f"{server}/api/messages/{message}/feedback"
    httpx.put(path, json=down, trust_env=False).raise_for_status()
    page = gaps(open_page, collection, language, width=width, dark=width == 1280)
    expect(page.locator("#gaps > li")).to_have_count(2)
    row = page.locator("#gaps").get_by_role("button", name=re.compile("自行车|bicycles"))
    row.click()
    expect(page.locator("#gap-title")).to_be_focused()
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="回到列表" if language == "zh" else "Back to the list").click()
    expect(row).to_be_focused()
    page.get_by_role("button", name="加入评测" if language == "zh" else "Make it an evaluation case").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations_in_both_themes(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
