"""The chat's states beside an answer, in both languages and themes: too vague, not in the documents."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Open
from tests.browser.test_chat import ask

pytestmark = pytest.mark.browser

VAGUE = {"zh": "怎么弄？", "en": "How?"}
UNKNOWN = {
    "zh": "火星上的企鹅每年要交多少房产税？",
    "en": "Which penguin on Mars won the chess tournament of 1874?",
}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_vague_question_is_met_with_questions_of_which_one_click_asks(
    open_page: Open, language: str
) -> None:
    page = open_page(language, width=360, height=740)
    turn = ask(page, VAGUE[language])
    title = re.compile("问题还缺一点信息|needs a little more")
    expect(turn.get_by_role("heading", name=title)).to_be_visible()
    suggestions = turn.get_by_role("list", name=re.compile("换个问法|Try asking"))
    expect(suggestions.get_by_role("button").first).to_be_visible()
    expect(page.locator("#announcer")).to_have_text(re.compile("还缺一点信息|needs a little more"))
    assert violations_in_both_themes(page) == []
    suggestion = suggestions.get_by_role("button").first
    wanted = suggestion.inner_text()
    suggestion.click()
    asked = page.locator(".turn").nth(1)
    expect(asked.locator("h2")).to_contain_text(wanted)
    expect(asked).not_to_have_attribute("aria-busy", "true")
    expect(asked.locator(".prose .chip").first).to_be_visible()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_the_documents_do_not_say_is_said_and_the_nearest_passages_are_shown(
    open_page: Open, language: str
) -> None:
    page = open_page(language, dark=True)
    turn = ask(page, UNKNOWN[language])
    title = re.compile("资料中没有找到答案|The documents do not answer this")
    expect(turn.get_by_role("heading", name=title)).to_be_visible()
    expect(turn.locator(".prose .chip")).to_have_count(0)
    expect(page.locator("#announcer")).to_have_text(re.compile("没有找到|do not answer"))
    nearest = turn.locator(".sources .source")
    expect(nearest.first).to_be_visible()
    assert violations_in_both_themes(page) == []
    nearest.first.click()
    expect(page.get_by_role("complementary", name=re.compile("引用来源|Cited source"))).to_be_visible()
