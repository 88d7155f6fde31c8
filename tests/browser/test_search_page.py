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


@pytest.mark.parametrize(
    ("language", "question", "width"), [("zh", INVOICE, 360), ("en", EXPORT, 1280)]
)
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
    lines = table.locator("tr.floor")
    expect(lines.filter(has_text=re.compile("(阈值|Threshold) 0\\.\\d\\d"))).to_have_count(1)
    expect(lines.filter(has_text="N = 3")).to_have_count(1)
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


def test_what_was_sent_is_shown_word_for_word_beside_the_answer_that_came_of_it(open_page: Open) -> None:
    page = inspector(open_page, "en")
    page.locator("#question").fill(EXPORT)
    page.keyboard.press("Enter")
    answer = page.locator(".given")
    expect(answer).to_contain_text("kubectl -n export")
    sent = page.locator("details.part").filter(has=page.locator(".sent-list"))
    expect(sent.locator("summary").first).to_have_text(
        re.compile(r"Sent to the writer: \d passages · \d+ tokens in all")
    )
    mark = answer.get_by_role("link", name="sent as").first
    cited = sent.locator(".sent-list > li").nth(int(mark.inner_text()) - 1)
    mark.click()
    expect(cited).to_be_focused()
    expect(cited).to_contain_text(re.compile(r"\d+ tokens"))
    sent.get_by_text("The whole prompt, word for word").click()
    prompt = sent.get_by_role("region", name="Passages and question (user)")
    assert cited.locator(".own-text").inner_text().strip() in prompt.inner_text()
    assert EXPORT in prompt.inner_text()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_on_and_off_stand_side_by_side_with_both_answers_and_what_moved(
    open_page: Open, language: str
) -> None:
    page = inspector(open_page, language, width=360 if language == "zh" else 1280, dark=language == "zh")
    page.locator("#question").fill(INVOICE if language == "zh" else EXPORT)
    page.locator("#compare").check()
    page.locator("#floor-a").fill("0.9")
    expect(page.locator("#floor-b")).to_be_disabled()  # nothing judges there
    page.locator("#form .main-button").click()
    on, off = page.locator(".judged").nth(0), page.locator(".judged").nth(1)
    expect(off.locator(".given")).to_be_visible()
    expect(on.get_by_text(re.compile("(阈值|Threshold) 0\\.90")).first).to_be_attached()
    expect(off.get_by_text(re.compile("未打分|not scored")).first).to_be_attached()
    changes = page.locator(".changes")
    expect(changes.get_by_role("columnheader")).to_have_count(6)
    expect(changes.locator("tbody tr").first).to_be_visible()
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= page.evaluate("innerWidth")


def test_settings_arrive_in_the_chat_and_are_asked_with(open_page: Open, server: str) -> None:
    page = inspector(open_page, "en")
    page.locator("#question").fill(EXPORT)
    page.get_by_label("K: recalled").first.fill("12")
    page.get_by_label("N: sent to the writer").first.fill("1")
    page.locator("#instruction-a").fill("Prefer exact error codes")
    page.locator("#rerank-a").uncheck()
    page.get_by_label("Write the answers too").uncheck()
    page.get_by_role("button", name="Search").click()
    found = page.locator(".judged")
    expect(found.locator(".candidates-all tr.sent").first).to_be_visible()
    expect(found.locator(".given")).to_have_count(0)
    assert found.locator(".candidates-all tbody tr:not(.floor)").count() <= 12
    found.get_by_role("link", name="Use these settings in chat").click()
    page.locator('#state[data-state="ready"]').wait_for()
    expect(page.locator("#linked")).to_contain_text("K = 12 recalled · N = 1 sent to the writer")
    expect(page.locator("#instruction")).to_have_value("Prefer exact error codes")
    expect(page.get_by_role("switch", name="Rerank")).not_to_be_checked()
    page.locator("#question").fill(EXPORT)
    page.keyboard.press("Enter")
    inspect = page.locator(".turn").get_by_role("link", name="Inspect retrieval")
    expect(inspect).to_be_visible()
    message = str(inspect.get_attribute("href")).partition("message=")[2]
    kept = httpx.get(f"{server}/api/messages/{message}").json()["settings"]
    assert (kept["top_k"], kept["top_n"], kept["rerank"]) == (12, 1, False)
    assert kept["instruction"] == "Prefer exact error codes"
    page.get_by_role("button", name="Put away").click()
    expect(page.locator("#linked")).to_be_hidden()
    page.goto(f"{server}/?top_k=x&top_n=51&collection=demo")
    expect(page.locator("#linked")).to_contain_text("“51” is no number from 1 to 50")
    expect(page.locator("#scope-line")).to_have_text("demo")


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
    expect(page.locator(".candidates-all tr.floor").first).to_be_visible()
    expect(page.get_by_text("完整提示词的原文没有保留")).to_be_visible()
    sent = page.locator("summary").filter(has_text=re.compile(r"交给模型：\d 段 · 共 \d+ 个词元"))
    expect(sent).to_be_visible()
    unsent = page.locator(".candidates-all tbody tr:not(.sent):not(.floor)").first
    unsent.locator("summary").click()
    expect(unsent.get_by_text("以下是现在的原文")).to_be_visible()
    expect(unsent.locator(".own-text")).not_to_be_empty()


def test_an_answer_that_is_not_there_and_an_empty_question_are_said(
    open_page: Open, complaints: Complaints
) -> None:
    complaints.expected = ("status of 404",)
    page = inspector(open_page, "en", "?answer=nothing")
    expect(page.get_by_role("alert")).to_contain_text("nothing")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("alert")).to_have_text("The question is empty. Type one.")
    expect(page.locator("#question")).to_be_focused()
