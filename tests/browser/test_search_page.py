"""The retrieval inspector in Chromium: every stage of a question, two settings, a given answer, a case."""

import re

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Complaints, Open

pytestmark = pytest.mark.browser

INVOICE = "报销发票需要哪些盖章？"
EXPORT = "A CRM export fails with CB-5021. What is the verified fix?"


def inspector(open_page: Open, language: str, query: str = "", **form: object) -> Page:
    page = open_page(language, path=f"/search{query}", **form)
    expect(page.locator("#top-k-a")).not_to_have_value("")
    return page


@pytest.mark.parametrize(("language", "question"), [("zh", INVOICE), ("en", EXPORT)])
@pytest.mark.parametrize("width", [360, 1280])
def test_question_is_shown_through_every_stage_with_named_scores(
    open_page: Open, language: str, question: str, width: int
) -> None:
    page = inspector(open_page, language, width=width, dark=width == 1280)
    assert violations_in_both_themes(page) == []
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")
    table = page.locator(".candidates-all")
    heads = table.get_by_role("columnheader")
    expect(heads.filter(has_text=re.compile("(余弦相似度|cosine similarity) -1…1"))).to_have_count(1)
    expect(heads.filter(has_text=re.compile("BM25 ≥ 0"))).to_have_count(1)
    expect(heads.filter(has_text=re.compile("(相关度|Relevance) 0…1"))).to_have_count(1)
    expect(table.locator("tr.floor")).to_have_count(1)
    expect(table.locator("tr.sent").first).to_be_visible()
    assert "%" not in table.inner_text()
    for each in page.locator(".part > summary").all():
        each.click()
    chart = page.get_by_role("img", name=re.compile("各步耗时|Time of each step"))
    expect(chart.locator(".chart-bar").first).to_be_attached()
    stages = page.locator(".plain-table tbody tr")
    assert chart.locator(".chart-label").count() == stages.count() >= 6
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width


def test_two_settings_stand_side_by_side_and_go_to_the_chat(open_page: Open) -> None:
    page = inspector(open_page, "en")
    page.locator("#question").fill(EXPORT)
    page.get_by_label("K: recalled").first.fill("12")
    page.locator("#instruction-a").fill("Prefer exact error codes")
    page.get_by_label("Compare two settings").check()
    page.get_by_label("N: sent to the writer").nth(1).fill("1")
    page.get_by_role("button", name="Search").click()
    with_rerank = page.locator(".judged").nth(0)
    without = page.locator(".judged").nth(1)
    expect(with_rerank.locator("tbody tr:not(.floor)").first).to_be_visible()
    assert with_rerank.locator(".candidates-all tbody tr:not(.floor)").count() <= 12
    expect(without.get_by_text("not scored").first).to_be_visible()
    expect(without.locator("tr.floor")).to_have_count(0)
    address = with_rerank.get_by_role("link", name="Use these settings in chat").get_attribute("href")
    assert address is not None
    wanted = httpx.URL(address).params
    assert (wanted["instruction"], wanted["top_k"]) == ("Prefer exact error codes", "12")
    assert "rerank" not in wanted
    off = without.get_by_role("link", name="Use these settings in chat").get_attribute("href")
    assert "rerank=off" in str(off)


def test_question_becomes_an_evaluation_case_with_the_ticked_passage(open_page: Open, server: str) -> None:
    page = inspector(open_page, "zh")
    page.locator("#question").fill(INVOICE)
    page.get_by_role("button", name="检索", exact=True).click()
    page.get_by_label("可作答").first.check()
    page.get_by_text("存为评测用例").click()
    page.get_by_label("新评测集的名称").fill("来自检索页")
    page.get_by_role("button", name="保存用例").click()
    expect(page.locator("#said")).to_have_text("已存为正式用例。")
    sets = httpx.get(f"{server}/api/golden").json()["data"]
    made = [each for each in sets if each["name"] == "来自检索页"]
    cases = httpx.get(f"{server}/api/golden/{made[0]['id']}/cases").json()["data"]
    assert [(each["question"], each["answerable"], len(each["evidence"])) for each in cases] == [
        (INVOICE, True, 1)
    ]
    httpx.delete(f"{server}/api/golden/{made[0]['id']}").raise_for_status()


def test_an_answer_opens_with_the_way_it_was_found(open_page: Open, server: str) -> None:
    asked = httpx.post(f"{server}/api/conversations", json={}).raise_for_status().json()["id"]
    taken = httpx.post(f"{server}/api/conversations/{asked}/messages", json={"question": INVOICE})
    message = taken.raise_for_status().json()["message_id"]
    httpx.get(f"{server}/api/messages/{message}/events", timeout=30).raise_for_status()  # to its end
    page = inspector(open_page, "zh", f"?message={message}")
    expect(page.get_by_role("heading", name="作答时的检索")).to_be_visible()
    expect(page.locator("#question")).to_have_value(INVOICE)
    expect(page.locator(".given")).to_contain_text("发票专用章")
    expect(page.locator(".candidates-all tr.sent").first).to_be_visible()


def test_an_answer_that_is_not_there_and_an_empty_question_are_said(
    open_page: Open, complaints: Complaints
) -> None:
    complaints.expected = ("status of 404",)
    page = inspector(open_page, "en", "?answer=nothing")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_have_text("The question is empty. Type one.")
    expect(page.locator("#question")).to_be_focused()
