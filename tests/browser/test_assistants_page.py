"""The assistants page in Chromium: assistants and their approved answers, and the audience of documents."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import SCREENSHOTS, Complaints, Open
from tests.browser.filling import documents, hand_in, new_collection, payload, row

pytestmark = pytest.mark.browser

HOSTILE = (
    "<script>window.hacked=1</script><img src=x onerror='window.hacked=1'> {{ 7*7 }} ${7*7} "
    "![p](https://evil.example/p.png) [x](javascript:window.hacked=1) https://evil.example/"
)


@pytest.fixture
def server(filling_server: str) -> str:
    return filling_server


def in_days(days: int) -> str:
    return (datetime.now(UTC).date() + timedelta(days)).isoformat()


def post(server: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = (
        httpx.post(f"{server}{path}", json=body, trust_env=False).raise_for_status().json()
    )
    return made


def new_assistant(server: str, template: str = "sales") -> tuple[str, str]:
    """The id and name of a new assistant of a knowledge base of its own."""
    name = f"售前 {uuid.uuid4().hex[:8]}"
    asked = {"name": name, "template": template, "collections": [new_collection(server)]}
    return str(post(server, "/api/assistants", asked)["id"]), name


def new_snippet(server: str, assistant: str, question: str, *, approved: str = "", **more: str) -> str:
    """The id of a new snippet, with one phrasing a line; approved until a day, or a draft."""
    questions = question.split("\n")
    body: dict[str, Any] = {"questions": questions, "answer": "Yes.", "expires_on": in_days(200), **more}
    made = post(server, f"/api/assistants/{assistant}/snippets", body)
    if approved:
        post(server, f"/api/snippets/{made['id']}/approve", {"expires_on": approved})
    return str(made["id"])


def snippets(page: Page) -> Locator:
    return page.get_by_role("list", name=re.compile(r"^(Approved answers|标准答案)")).locator("> li")


def open_assistant(open_page: Open, assistant: str, language: str = "en", **form: object) -> Page:
    page = open_page(language, path=f"/assistants?assistant={assistant}", **form)
    expect(page.locator("#snippets-title")).to_contain_text(re.compile(r"\d"))
    return page


def test_assistant_is_made_edited_and_deleted(open_page: Open, server: str) -> None:
    collection = new_collection(server)
    page = open_page("en", path="/assistants")
    page.locator("#new-assistant:visible, #first-assistant:visible").click()
    form = page.get_by_role("dialog", name="New assistant")
    name = f"Sales {uuid.uuid4().hex[:8]}"
    form.get_by_label("Name").fill(name)
    for each in form.get_by_role("group", name="Knowledge bases").get_by_role("checkbox", checked=True).all():
        each.uncheck()
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).to_have_text("Choose at least one knowledge base.")
    form.get_by_label(collection).check()
    form.get_by_label("Preset").select_option(index=1)
    expect(form.get_by_label("Instruction", exact=True)).not_to_have_value("")
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=name)).to_be_focused()
    expect(page.locator("#assistant-facts")).to_contain_text(collection)
    expect(page.locator("#assistant-facts")).to_contain_text("Answer card for sales")
    expect(page.get_by_text("No approved answers yet.")).to_be_visible()

    page.get_by_role("button", name=f"Edit {name}").click()
    form = page.get_by_role("dialog", name=f"Edit {name}")
    form.get_by_label("Name").fill(f"{name} B")
    form.get_by_label("Answers with sources").check()
    form.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name=f"{name} B")).to_be_visible()
    expect(page.locator("#snippets-title")).to_be_hidden()  # only cards offer them

    page.get_by_role("button", name=f"Delete {name} B").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(page.get_by_role("button", name=re.compile(name))).to_have_count(0)


def test_answer_is_written_approved_edited_deleted_and_taken_back(open_page: Open, server: str) -> None:
    assistant, _ = new_assistant(server)
    page = open_assistant(open_page, assistant)
    page.get_by_role("button", name="New answer").click()
    form = page.get_by_role("dialog", name="New answer")
    form.get_by_label("What customers ask").fill("Is there a trial?\n能试用吗？")
    form.get_by_label("Words for the customer").fill("Yes, for 30 days.")
    form.get_by_label("Note for colleagues").fill("Ask for the company size first.")
    form.get_by_role("button", name="Save draft").click()
    mine = snippets(page).filter(has_text="Is there a trial?")
    expect(mine).to_contain_text("Draft")
    expect(mine).to_contain_text("One more wording")
    mine.get_by_role("button", name="Approve").click()
    page.get_by_role("dialog").get_by_label("Valid until").fill(in_days(90))
    page.get_by_role("dialog").get_by_role("button", name="Approve").click()
    expect(mine.get_by_text("Approved", exact=True)).to_be_visible()
    expect(mine).to_contain_text("approved by")
    expect(page.get_by_role("button", name="Renew: Is there a trial?")).to_be_focused()
    expect(page.locator(".assistant[aria-pressed=true]")).to_contain_text("1 approved")

    mine.get_by_role("button", name="Edit").click()
    form = page.get_by_role("dialog", name="Edit the answer")
    expect(form.get_by_label("What customers ask")).to_have_value("Is there a trial?\n能试用吗？")
    form.get_by_label("Words for the customer").fill("Yes, for 14 days.")
    form.get_by_role("button", name="Save").click()
    expect(mine).to_contain_text("Yes, for 14 days.")

    mine.get_by_role("button", name="Delete").click()
    expect(mine).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(mine).to_contain_text("Yes, for 14 days.")
    mine.get_by_role("button", name="Delete").click()
    page.get_by_label("State").select_option("deleted")
    page.get_by_role("button", name="Restore: Is there a trial?").click()
    expect(page.get_by_text("No answer matches.")).to_be_visible()


def test_somebody_elses_change_is_not_saved_over(
    open_page: Open, server: str, complaints: Complaints
) -> None:
    complaints.expected = ("412",)
    assistant, _ = new_assistant(server)
    snippet = new_snippet(server, assistant, "Where is the data kept?")
    page = open_assistant(open_page, assistant)
    page.get_by_role("button", name="Edit: Where is the data kept?").click()
    form = page.get_by_role("dialog", name="Edit the answer")
    httpx.patch(f"{server}/api/snippets/{snippet}", json={"note": "Changed meanwhile."}, trust_env=False)
    form.get_by_label("Words for the customer").fill("In Shanghai.")
    form.get_by_role("button", name="Save").click()
    expect(form.get_by_role("alert")).not_to_be_empty()
    expect(form.get_by_label("Words for the customer")).to_have_value("In Shanghai.")


def test_answers_that_expire_soon_are_said_found_and_renewed(open_page: Open, server: str) -> None:
    assistant, _ = new_assistant(server)
    new_snippet(server, assistant, "Runs out", approved=in_days(20))
    new_snippet(server, assistant, "Lasts", approved=in_days(200))
    new_snippet(server, assistant, "Not approved yet")
    page = open_assistant(open_page, assistant)
    expect(snippets(page)).to_have_count(3)
    warning = page.get_by_text("One answer expires within 30 days.")
    warning.get_by_role("button", name="Show").click()
    expect(snippets(page)).to_have_count(1)
    page.get_by_role("button", name="Renew: Runs out").click()
    page.get_by_role("dialog").get_by_role("button", name="Renew").click()
    expect(page.get_by_text("Renewed: Runs out")).to_be_visible()
    expect(warning).to_be_hidden()
    for state, count in (("approved", 2), ("draft", 1), ("expired", 0), ("all", 3)):
        page.get_by_label("State").select_option(state)
        expect(snippets(page)).to_have_count(count)
    page.get_by_label("Search").fill("lasts")
    expect(snippets(page)).to_have_count(1)


def test_hostile_answer_is_text(open_page: Open, server: str) -> None:
    assistant, _ = new_assistant(server)
    new_snippet(server, assistant, HOSTILE, answer=HOSTILE, note=HOSTILE)
    page = open_assistant(open_page, assistant)
    expect(snippets(page).get_by_role("heading")).to_have_text(HOSTILE)
    expect(snippets(page).locator(".words")).to_contain_text("<script>window.hacked=1</script>")
    expect(snippets(page).locator(".inside")).to_contain_text(HOSTILE)
    expect(snippets(page).locator("a, img, script")).to_have_count(0)
    assert page.evaluate("window.hacked ?? null") is None
    # Foreign requests and policy violations would be complaints, and fail the test in its teardown.


@pytest.mark.parametrize(("language", "width"), [("zh", 1280), ("en", 360)])
def test_page_fits_and_has_no_wcag_violation(
    open_page: Open, server: str, language: str, width: int
) -> None:
    assistant, _ = new_assistant(server)
    new_snippet(server, assistant, "能不能单点登录集成？", approved=in_days(20), note="先问人数。")
    new_snippet(server, assistant, "Where is the data kept?")
    page = open_assistant(open_page, assistant, language, width=width)
    expect(snippets(page)).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width
    assert violations_in_both_themes(page) == []
    page.screenshot(path=SCREENSHOTS / f"assistants-{language}-{width}.png", full_page=True)
    if width < 600:
        page.get_by_role("button", name=re.compile("^Edit: ")).first.click()
        page.get_by_role("dialog").wait_for()
        assert violations_in_both_themes(page) == []


def test_audience_is_set_for_a_knowledge_base_a_document_and_many(open_page: Open, server: str) -> None:
    page = documents(open_page, new_collection(server))
    hand_in(page, payload("a.md", "# A\n\nAlpha is first."), payload("b.md", "# B\n\nBeta is second."))
    expect(row(page, "b.md").get_by_text("Internal only")).to_be_visible()
    page.get_by_role("tab", name="Settings").click()
    part = page.get_by_role("group", name="Who these documents are for")
    expect(part.get_by_label("Internal only")).to_be_checked()
    part.get_by_label("Fit for customers").check()
    page.locator("#audience-body").get_by_role("button", name="Save").click()
    page.get_by_role("tab", name="Documents").click()
    expect(row(page, "a.md").get_by_text("Fit for customers")).to_be_visible()

    page.get_by_role("button", name="Audience of a.md").click()
    page.get_by_role("dialog").get_by_role("combobox").select_option("internal")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(row(page, "a.md").get_by_text("Internal only")).to_be_visible()
    expect(row(page, "b.md").get_by_text("Fit for customers")).to_be_visible()
    expect(page.get_by_role("button", name="Audience of a.md")).to_be_focused()

    page.get_by_label("Select all").check()
    page.get_by_role("button", name="Audience…").click()
    chosen = page.get_by_role("dialog").get_by_role("combobox")
    chosen.select_option(label="As the knowledge base: Fit for customers")
    page.get_by_role("dialog").get_by_role("button", name="Set").click()
    expect(page.get_by_text("Set for 2 documents.")).to_be_visible()
    expect(row(page, "a.md").get_by_text("Fit for customers")).to_be_visible()
