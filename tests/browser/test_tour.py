"""The tour in Chromium: three steps by keyboard, ended for good, started again from the menu.

That it comes by itself to somebody new is shown in ``test_first_run``.
"""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Open

pytestmark = pytest.mark.browser


def fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_leads_through_three_steps_by_keyboard_and_does_not_come_again(open_page: Open) -> None:
    page = open_page("en", path="/?tour=1")
    tour = page.get_by_role("region", name="Three steps to begin")
    expect(tour.get_by_role("heading", name="Ask a question")).to_be_visible()
    assert violations_in_both_themes(page) == []
    tour.get_by_role("button", name="Ask an example").press("Enter")
    expect(tour.get_by_role("heading", name="See where an answer comes from")).to_be_visible()
    page.reload()  # it goes on where it was
    show = tour.get_by_role("button", name="Open the first one")
    show.press("Enter")
    panel = page.get_by_role("complementary", name="Cited source")
    expect(panel).to_be_visible()
    expect(page.locator("#panel-body")).to_be_focused()
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    tour.get_by_role("button", name="Next").press("Enter")
    expect(page.locator("#tour-heading")).to_be_focused()
    expect(tour.get_by_role("link", name="Documents")).to_have_attribute("href", "/documents")
    inspect = tour.get_by_role("link", name="Open the inspector")
    expect(inspect).to_have_attribute("href", re.compile(r"/search\?message=\w+"))
    tour.get_by_role("button", name="Done").press("Enter")
    expect(tour).to_be_hidden()
    expect(page.locator("#question")).to_be_focused()
    page.reload()
    page.locator('#state[data-state="ready"]').wait_for()
    expect(page.locator(".turn .prose .chip").first).to_be_visible()
    expect(tour).to_be_hidden()


def test_it_can_be_ended_at_once_and_started_again_from_the_menu(open_page: Open, server: str) -> None:
    page = open_page("zh", width=360, height=740, dark=True, path="/?tour=1")
    tour = page.get_by_role("region", name="三步上手")
    expect(page.locator("#tour-heading")).to_be_focused()
    fits(page, 360)
    assert violations_in_both_themes(page) == []
    page.keyboard.press("Escape")
    expect(tour).to_be_hidden()
    expect(page.locator("#announcer")).to_have_text("导览已结束，可从菜单重新开始。")
    page.goto(f"{server}/search")
    page.get_by_role("button", name="主导航菜单").click()
    page.get_by_role("link", name="导览").click()
    expect(tour).to_be_visible()
    tour.get_by_role("button", name="结束导览").click()
    page.locator("#help").click()
    page.get_by_role("dialog").get_by_role("link", name="开始导览").click()
    expect(tour).to_be_visible()


def test_it_does_not_come_to_somebody_who_has_asked_before(open_page: Open, server: str) -> None:
    made = httpx.post(f"{server}/api/conversations", json={}, trust_env=False)
    made.raise_for_status()
    page = open_page("en", path="/search")  # another browser of the same person
    with page.expect_response(lambda told: told.url.endswith("/api/conversations?limit=1")) as asked:
        page.goto(server)
    assert len(asked.value.json()["data"]) == 1
    page.evaluate("() => new Promise((done) => setTimeout(done))")  # what follows the answer has run
    expect(page.locator("#tour")).to_be_hidden()
