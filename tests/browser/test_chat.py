"""The chat page in Chromium, against the real server: asking, reading, checking the sources."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Complaints, Open

pytestmark = pytest.mark.browser

INVOICE = "报销发票需要哪些盖章？"
RUNBOOK = "Which kubectl command shows the export queue in the runbook?"
EXPORT = "A CRM export fails with CB-5021. What is the verified fix?"


def ask(page: Page, question: str) -> Locator:
    """Type a question, press Enter and wait for the end of its answer."""
    turns = page.locator(".turn")
    before = turns.count()
    page.locator("#question").press_sequentially(question)
    page.keyboard.press("Enter")
    expect(turns).to_have_count(before + 1)
    turn = turns.nth(before)
    expect(turn).not_to_have_attribute("aria-busy", "true")
    return turn


def test_chinese_question_gets_an_answer_whose_citation_opens_at_the_marked_quote(open_page: Open) -> None:
    page = open_page("zh")
    turn = ask(page, INVOICE)
    expect(turn.locator(".prose")).to_contain_text("发票专用章")
    chip = turn.get_by_role("button", name=re.compile(r"^来源 \d+: .*第 [\d–]+ 页$")).first
    box = chip.bounding_box()
    assert box is not None
    assert min(box["width"], box["height"]) >= 24
    chip.click()
    panel = page.get_by_role("complementary", name="引用来源")
    expect(panel.locator("#panel-heading")).to_contain_text(re.compile(r"\.pdf · 第 [\d–]+ 页"))
    expect(panel).to_contain_text("相关度 0–1")
    quote = panel.locator("mark").inner_text()
    assert len(quote) >= 4
    assert quote in panel.locator(".own").inner_text()
    expect(page.locator("#announcer")).to_have_text(re.compile(r"^回答完成，\d+ 个来源$"))


def test_english_question_gets_an_answer_with_sources_models_and_times(open_page: Open) -> None:
    page = open_page("en", dark=True)
    turn = ask(page, RUNBOOK)
    turn.get_by_role("button", name=re.compile(r"^Source \d: Incident Runbook")).first.click()
    panel = page.get_by_role("complementary", name="Cited source")
    expect(panel.locator("#panel-heading")).to_contain_text("incident-runbook.md")
    expect(panel.locator(".rendered mark").first).to_be_visible()
    line = re.compile(r"Answered by .+ · recall .+ms \(.+\) · rerank .+ms \(.+\)")
    expect(turn.locator(".meta")).to_contain_text(line)
    turn.get_by_role("button", name="Retrieval details").click()
    table = turn.get_by_role("region", name=re.compile("candidate passages"))
    expect(table.get_by_role("columnheader", name="Relevance 0–1")).to_be_visible()
    expect(table.get_by_text("Source 1", exact=True)).to_be_visible()


def test_everything_can_be_done_by_keyboard(open_page: Open) -> None:
    page = open_page("zh")
    page.keyboard.press("/")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("[?/ " + INVOICE)
    expect(page.locator("#question")).to_have_value("[?/ " + INVOICE)
    page.locator("#question").fill(INVOICE)
    page.keyboard.press("Enter")
    turn = page.locator(".turn")
    expect(turn).not_to_have_attribute("aria-busy", "true")
    for _ in range(30):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.matches('.prose .chip')"):
            break
    page.keyboard.press("Enter")
    position = page.locator("#panel-position")
    expect(page.locator("#panel-body")).to_be_focused()
    at = position.inner_text()
    page.keyboard.press("[")
    expect(position).not_to_have_text(at)
    page.keyboard.press("]")
    expect(position).to_have_text(at)
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()
    assert page.evaluate("document.activeElement.matches('.prose .chip')")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="快捷键与说明")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_page_fits_a_screen_360_pixels_wide(open_page: Open) -> None:
    page = open_page("en", width=360, height=740)

    def overflow() -> int:
        return int(page.evaluate("""Math.max(...[document.documentElement, document.body,
            document.querySelector('#scroll'), document.querySelector('.stage')]
            .map((one) => one.scrollWidth - one.clientWidth))"""))

    assert overflow() <= 0
    turn = ask(page, EXPORT)
    turn.get_by_role("button", name="Retrieval details").click()
    assert overflow() <= 0
    turn.locator(".prose .chip").first.click()
    settled = "async (one) => { for (const each of one.getAnimations()) await each.finished; }"
    page.locator("#panel").evaluate(settled)
    box = page.locator("#panel").bounding_box()
    assert box is not None
    assert (box["x"], box["width"]) == (0, 360)
    assert box["y"] + box["height"] == pytest.approx(740, abs=1)
    page.get_by_role("button", name="Close source").click()
    expect(page.locator("#panel")).to_be_hidden()


def test_enter_that_confirms_an_input_method_does_not_send(open_page: Open) -> None:
    page = open_page("zh")
    page.locator("#question").focus()
    session = page.context.new_cdp_session(page)
    session.send("Input.imeSetComposition", {"text": "baoxiao", "selectionStart": 7, "selectionEnd": 7})
    confirm = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **confirm})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **confirm})
    plain = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **plain})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **plain})
    session.send("Input.insertText", {"text": "报销发票需要哪些盖章"})
    expect(page.locator("#question")).to_have_value("报销发票需要哪些盖章")
    page.wait_for_timeout(50)  # longer than the tick by which the end of a composition is noticed late
    expect(page.locator(".turn")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator(".turn h2")).to_contain_text("报销发票需要哪些盖章")


def test_language_switch_keeps_draft_and_conversation(open_page: Open) -> None:
    page = open_page("zh")
    ask(page, INVOICE)
    page.locator("#question").fill("半句话")
    page.get_by_role("link", name="English").click()
    page.locator('#state[data-state="ready"]').wait_for()
    assert page.locator("html").get_attribute("lang") == "en"
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    expect(page.locator(".turn h2")).to_contain_text(INVOICE)
    expect(page.locator("#question")).to_have_value("半句话")
    page.goto(page.url.split("?")[0])
    assert page.locator("html").get_attribute("lang") == "en"


def test_vague_question_offers_questions_that_send_themselves(open_page: Open) -> None:
    page = open_page("zh")
    turn = ask(page, "怎么弄？")
    expect(turn.get_by_role("heading", name="问题还缺一点信息")).to_be_visible()
    suggestion = turn.locator(".example").first
    wanted = suggestion.inner_text()
    suggestion.click()
    expect(page.locator(".turn").nth(1).locator("h2")).to_contain_text(wanted)


def test_question_that_the_documents_do_not_answer_is_said_to_be_so(open_page: Open) -> None:
    page = open_page("zh")
    turn = ask(page, "火星上的企鹅每年要交多少房产税？")
    expect(turn.get_by_role("heading", name="资料中没有找到答案")).to_be_visible()
    expect(turn.locator(".prose .chip")).to_have_count(0)


def test_without_reranking_the_answer_says_so(open_page: Open) -> None:
    page = open_page("zh")
    page.get_by_role("switch", name="重排").uncheck()
    turn = ask(page, INVOICE)
    expect(turn.locator(".flag", has_text="未重排")).to_be_visible()
    turn.get_by_role("button", name="检索详情").click()
    expect(turn.get_by_text("未打分").first).to_be_visible()
    turn.get_by_role("button", name="重排后再问一次").click()
    expect(turn.get_by_role("group", name="这个问题的各个回答")).to_contain_text("2 / 2")
    expect(turn.locator(".flag", has_text="未重排")).to_have_count(0)
    turn.get_by_role("button", name="上一个回答").click()
    expect(turn.locator(".flag", has_text="未重排")).to_be_visible()
    page.reload()
    expect(turn.get_by_role("group", name="这个问题的各个回答")).to_contain_text("1 / 2")


def test_example_fills_and_sends_itself(open_page: Open) -> None:
    page = open_page("en")
    page.locator("#examples .example").first.click()
    expect(page.locator(".turn")).to_have_count(1)
    expect(page.locator("#welcome")).to_be_hidden()


def test_lost_connection_keeps_the_question_and_offers_retry(open_page: Open, complaints: Complaints) -> None:
    complaints.expected = ("net::ERR_FAILED",)
    page = open_page("zh")
    page.route("**/api/conversations/*/messages", lambda route: route.abort())
    turn = ask(page, INVOICE)
    expect(turn.get_by_role("heading", name="这次没有答成")).to_be_visible()
    expect(page.locator("#question")).to_have_value(INVOICE)
    page.unroute("**/api/conversations/*/messages")
    turn.get_by_role("button", name="重试").click()
    expect(turn.locator(".prose .chip").first).to_be_visible()
    expect(page.locator("#question")).to_have_value("")
