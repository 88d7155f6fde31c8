"""Conversations of the chat page: their list, their addresses, other answers, opinions; and WCAG."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import SCREENSHOTS, Complaints, Open
from tests.browser.test_chat import EXPORT, INVOICE, ask

pytestmark = pytest.mark.browser


def rows(page: Page) -> Locator:
    """The conversations in the list."""
    return page.get_by_role("navigation", name=re.compile("^(对话|Conversations)$")).get_by_role("listitem")


def test_each_conversation_has_an_address_that_the_browser_goes_back_to(open_page: Open) -> None:
    page = open_page("zh")
    ask(page, INVOICE)
    first = page.url
    assert re.search(r"/c/[^/]+$", first)
    expect(page).to_have_title(re.compile("报销发票"))
    page.get_by_role("link", name="新对话").click()
    expect(page.locator("#welcome")).to_be_visible()
    expect(page.locator(".turn")).to_have_count(0)
    ask(page, "如何申请单点登录？")
    assert page.url != first
    page.go_back()
    page.go_back()
    expect(page.locator(".turn h2")).to_contain_text(INVOICE)
    expect(page.locator(".prose .chip").first).to_be_visible()
    assert page.url == first
    page.reload()
    expect(page.locator(".turn h2")).to_contain_text(INVOICE)


def test_conversation_is_found_renamed_deleted_and_taken_back(open_page: Open) -> None:
    page = open_page("zh")
    ask(page, INVOICE)
    mine = rows(page).filter(has=page.locator('a[aria-current="page"]'))
    mine.get_by_role("button", name=re.compile("^重命名")).click()
    name = page.get_by_label("对话名称")
    name.fill("盖章规定 4711")
    name.press("Enter")
    expect(mine.get_by_role("link")).to_have_text("盖章规定 4711")
    expect(page).to_have_title(re.compile("盖章规定 4711"))
    page.get_by_label("搜索对话").fill("没有这样的对话")
    expect(page.get_by_text("没有找到匹配的对话。")).to_be_visible()
    page.get_by_label("搜索对话").fill("4711")
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_role("heading", name="今天")).to_be_visible()
    address = page.url
    mine.get_by_role("button", name=re.compile("^删除")).click()
    expect(rows(page)).to_have_count(0)
    expect(page.locator("#welcome")).to_be_visible()
    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".turn h2")).to_contain_text(INVOICE)
    assert page.url == address
    expect(rows(page)).to_have_count(1)


def test_earlier_questions_of_a_long_conversation_are_fetched_when_asked_for(open_page: Open) -> None:
    page = open_page("en")
    ask(page, EXPORT)
    ask(page, "How do I request single sign-on?")
    last = re.compile(r"/messages$")
    page.route(last, lambda route: route.continue_(url=f"{route.request.url}?limit=1"))
    page.reload()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator(".turn h2")).to_contain_text("single sign-on")
    page.get_by_role("button", name="Show earlier questions").click()
    expect(page.locator(".turn")).to_have_count(2)
    expect(page.locator(".turn h2").first).to_contain_text("CB-5021")
    expect(page.get_by_role("button", name="Show earlier questions")).to_be_hidden()


def test_conversation_that_is_not_there_says_so_and_leads_on(open_page: Open, complaints: Complaints) -> None:
    complaints.expected = ("404",)
    page = open_page("en")
    page.goto(page.url.rstrip("/") + "/c/nothing-here")
    expect(page.get_by_role("heading", name="This conversation cannot be opened")).to_be_visible()
    page.get_by_role("button", name="New chat").click()
    expect(page.locator("#welcome")).to_be_visible()


def test_regenerated_answers_are_kept_beside_each_other(open_page: Open) -> None:
    page = open_page("en")
    turn = ask(page, EXPORT)
    answers = turn.get_by_role("group", name="Answers to this question")
    for count in (2, 3):
        turn.get_by_role("button", name="Regenerate").click()
        expect(answers).to_contain_text(f"{count} / {count}")
    turn.get_by_role("button", name="Previous answer").click()
    expect(turn.get_by_role("group", name="Answers to this question")).to_contain_text("2 / 3")
    expect(turn.locator(".prose .chip").first).to_be_visible()
    expect(turn.get_by_role("button", name="Previous answer")).to_be_focused()


def test_opinion_is_given_with_reasons_kept_and_taken_back(open_page: Open) -> None:
    page = open_page("en")
    turn = ask(page, EXPORT)
    down = turn.get_by_role("button", name="Not helpful")
    down.click()
    form = turn.get_by_role("form", name="Feedback on the answer")
    form.get_by_label("Incomplete").check()
    form.get_by_label("In your words (optional)").fill("The limit is missing.")
    form.get_by_role("button", name="Send").click()
    expect(turn.get_by_text("Noted, thank you")).to_be_visible()
    expect(form).to_be_hidden()
    given = page.evaluate("fetch('/api/feedback').then((r) => r.json())")["data"][0]
    assert (given["verdict"], given["reasons"]) == ("down", ["incomplete"])
    assert given["text"] == "The limit is missing."
    page.reload()
    expect(down).to_have_attribute("aria-pressed", "true")
    down.click()
    expect(turn.get_by_text("Taken back")).to_be_visible()
    expect(down).to_have_attribute("aria-pressed", "false")
    turn.get_by_role("button", name="Helpful", exact=True).click()
    expect(turn.get_by_role("button", name="Helpful", exact=True)).to_have_attribute("aria-pressed", "true")


def test_chosen_knowledge_bases_are_asked_and_kept_with_the_conversation(open_page: Open) -> None:
    page = open_page("en")
    picker = page.locator("#scope summary")
    expect(picker).to_contain_text("All knowledge bases")
    picker.click()
    name = page.evaluate("fetch('/api/collections').then((r) => r.json())")["data"][0]["name"]
    page.get_by_role("group", name="Knowledge bases to ask").get_by_label(name).check()
    page.keyboard.press("Escape")
    expect(picker).to_contain_text(name)
    with page.expect_request(re.compile(r"/api/conversations/[^/]+/messages$")) as asked:
        ask(page, EXPORT)
    body = asked.value.post_data_json
    assert body is not None
    assert body["collections"] == [name]
    page.reload()
    expect(page.locator(".prose .chip").first).to_be_visible()
    expect(picker).to_contain_text(name)


def test_copy_takes_the_sources_along(open_page: Open) -> None:
    page = open_page("en")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = ask(page, EXPORT)
    turn.get_by_role("button", name="Copy").click()
    expect(turn.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "## Sources" in copied
    assert re.search(r"^- \[1\] \S.* · ", copied, re.M)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_chat_has_no_fault_that_axe_finds(open_page: Open, language: str) -> None:
    page = open_page(language)
    assert violations_in_both_themes(page) == []
    turn = ask(page, INVOICE)
    turn.get_by_role("button", name=re.compile("检索详情|Retrieval details")).click()
    turn.get_by_role("button", name=re.compile("没有帮助|Not helpful")).click()
    turn.locator(".prose .chip").first.click()
    expect(page.locator(".pdf canvas")).to_be_visible()
    assert violations_in_both_themes(page) == []
    page.keyboard.press("Escape")
    ask(page, "怎么弄？")
    page.keyboard.press("Shift+Tab")
    page.locator("#help").click()
    assert violations_in_both_themes(page) == []


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [360, 1280])
def test_chat_is_shown_at_both_widths(open_page: Open, width: int, dark: bool) -> None:
    page = open_page("zh" if dark else "en", width=width, height=740 if width < 600 else 800, dark=dark)
    over = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    name = f"chat-{width}{'-dark' if dark else ''}"
    page.screenshot(path=SCREENSHOTS / f"{name}-welcome.png")
    turn = ask(page, INVOICE)
    assert page.evaluate(over) <= 0
    page.screenshot(path=SCREENSHOTS / f"{name}-answer.png")
    if width < 600:
        page.locator(".talks-button").click()
        expect(page.locator("#talks-search")).to_be_visible()
        page.screenshot(path=SCREENSHOTS / f"{name}-list.png")
        page.keyboard.press("Escape")
        expect(page.locator("#talks-search")).to_be_hidden()
        page.locator(".menu-button").click()
        page.screenshot(path=SCREENSHOTS / f"{name}-menu.png")
        page.keyboard.press("Escape")
    turn.locator(".prose .chip").first.click()
    expect(page.locator(".pdf canvas")).to_be_visible()
    page.locator(".pdf").scroll_into_view_if_needed()
    page.screenshot(path=SCREENSHOTS / f"{name}-source.png")
    assert page.evaluate(over) <= 0
