"""The monitoring page in Chromium: figures of the same counters as /metrics, readable by everyone."""

import re

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Open

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_figures_are_those_of_the_metrics_and_readable_by_everyone(
    open_page: Open, server: str, language: str, width: int
) -> None:
    httpx.post(f"{server}/api/search", json={"question": "报销发票需要哪些盖章？"}).raise_for_status()
    told = httpx.get(f"{server}/metrics").text
    searched = re.search(r'touchstone_answers_total\{outcome="retrieved"\} ([\d.]+)', told)
    assert searched is not None
    page = open_page(language, path="/monitoring", width=width, dark=width == 360)
    outcome = "仅检索" if language == "zh" else "searched only"
    row = page.get_by_role("row").filter(has_text=outcome)
    expect(row.get_by_role("cell")).to_have_text(f"{float(searched[1]):g}")
    expect(page.get_by_role("img").locator(".chart-bar").first).to_be_attached()
    expect(page.locator("#tiles")).to_contain_text("就绪" if language == "zh" else "ready")
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width


def test_time_is_chosen_and_tables_open_under_their_charts(open_page: Open) -> None:
    page = open_page("en", path="/monitoring")
    expect(page.get_by_text("Last read at")).to_be_visible()
    expect(page.get_by_text("No GPU: models run on the CPU.")).to_be_visible()
    expect(page.get_by_role("heading", name="By golden sets")).to_be_visible()
    expect(page.get_by_text("Too few verdicts in this time")).to_be_visible()
    with page.expect_response(lambda reply: "/api/monitoring/history?range=hour" in reply.url) as told:
        page.get_by_label("How far back").select_option("hour")
    if told.value.json()["began_at"] is None:  # this server has not run for a minute
        expect(page.get_by_text("The history begins with the first full minute")).to_be_visible()
        return
    expect(page.get_by_role("img", name="Questions a second")).to_be_visible()
    page.get_by_text("The numbers").first.click()
    numbers = page.get_by_role("region", name="Questions in each step of time")
    expect(numbers.get_by_role("columnheader", name="A second")).to_be_visible()
