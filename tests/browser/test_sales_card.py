"""Answers of a sales assistant in Chromium: approved answers, words for the customer, what is internal."""

import re
import uuid
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import SCREENSHOTS, Open
from tests.browser.filling import new_collection
from tests.browser.streams import take_stream, until, write
from tests.browser.test_assistants_page import HOSTILE, in_days, new_snippet, post
from tests.browser.test_chat import ask as asked

pytestmark = pytest.mark.browser

CUSTOMER = """# Single sign-on

CloudBridge supports single sign-on by SAML 2.0 and OIDC. Single sign-on is part of the Business plan.

# 单点登录

云桥支持 SAML 2.0 与 OIDC 单点登录。企业版包含单点登录，不另收费。
"""
INTERNAL = """# Single sign-on: for internal use

Single sign-on for WeCom is planned for the third quarter; promise no date to anybody.

# 单点登录（仅供内部）

企业微信单点登录计划第三季度上线，单点登录的日期不得对外承诺。
"""
QUESTION = {"en": "Do you support single sign-on by SAML?", "zh": "支持 SAML 单点登录吗？"}
COPIED = "navigator.clipboard.readText()"
SECRETS = ("third quarter", "第三季度")


def sales_assistant(server: str, documents: dict[str, str]) -> dict[str, Any]:
    """A new sales assistant of a knowledge base of its own, whose documents are fit for customers."""
    collection = new_collection(server)
    address = f"/api/collections/{collection}"
    with httpx.Client(base_url=server, trust_env=False, timeout=60) as client:
        for name, text in documents.items():
            sent = {"name": name, "wait": "true"}
            client.post(f"{address}/documents", params=sent, content=text.encode()).raise_for_status()
        client.put(f"{address}/audience", json={"audience": "customer"}).raise_for_status()
    name = f"Sales {uuid.uuid4().hex[:8]}"
    return post(server, "/api/assistants", {"name": name, "template": "sales", "collections": [collection]})


@pytest.fixture(scope="module")
def assistant(filling_server: str) -> dict[str, Any]:
    """One of documents for customers and internal ones, with an approved answer."""
    made = sales_assistant(filling_server, {"sso.md": CUSTOMER, "sso-internal.md": INTERNAL})
    words = {"answer": "Yes: SAML 2.0 and OIDC, without extra charge.", "note": "Not below Business."}
    new_snippet(filling_server, made["id"], "\n".join(QUESTION.values()), approved=in_days(200), **words)
    return made


@pytest.fixture
def server(filling_server: str) -> str:
    return filling_server


def ask(page: Page, language: str = "en") -> Locator:
    """Ask; its answer when it is complete."""
    return asked(page, QUESTION[language])


def chat(open_page: Open, assistant: dict[str, Any], language: str = "en", **form: object) -> Page:
    """The chat with the assistant, by the link of the assistants page."""
    page = open_page(language, path=f"/?assistant={assistant['id']}", **form)
    page.locator('#state[data-state="ready"]').wait_for()
    expect(page.locator("#scope summary")).to_contain_text(assistant["name"])
    return page


def test_answer_is_a_card_whose_words_for_the_customer_hold_nothing_internal(
    open_page: Open, assistant: dict[str, Any]
) -> None:
    page = chat(open_page, assistant)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    turn = ask(page)
    offers = turn.get_by_role("region", name="Approved answer")
    say = turn.get_by_role("region", name="Say to the customer")
    internal = turn.get_by_role("region", name="Internal only")
    expect(turn.locator(".flag", has_text=assistant["name"])).to_be_visible()
    expect(offers).to_contain_text("Valid until")
    expect(offers).to_contain_text("Note, internal only")
    expect(say.locator(".prose")).to_contain_text("SAML 2.0")
    expect(internal).to_contain_text("Do not pass on")
    expect(internal.locator(".prose")).to_contain_text("third quarter")
    tops = [each.bounding_box() for each in (offers, say, internal, turn.locator(".sources"))]
    assert [box["y"] for box in tops if box] == sorted(box["y"] for box in tops if box)
    assert len(tops) == 4
    expect(turn.locator(".sources .badge.customer").first).to_have_text("For customers")
    expect(turn.locator(".sources .badge.internal").first).to_have_text("Internal only")

    say.get_by_role("button", name="Copy for the customer").click()
    expect(page.locator("#announcer")).to_have_text("Copied")
    words = page.evaluate(COPIED)
    assert "SAML 2.0" in words
    assert not re.search(r"\[\d+\]", words)
    assert not any(secret in words for secret in SECRETS)
    offers.get_by_role("button", name="Copy for the customer").click()
    until(page, "document.querySelector('.offers .copy').textContent.includes('Copied')")
    assert page.evaluate(COPIED) == "Yes: SAML 2.0 and OIDC, without extra charge."

    say.locator(".chip").first.click()
    panel = page.get_by_role("complementary", name="Cited source")
    expect(panel.locator("mark").first).to_be_visible()
    expect(panel).to_contain_text("sso.md")


def test_card_is_there_after_a_reload_and_among_other_answers(
    open_page: Open, assistant: dict[str, Any]
) -> None:
    page = chat(open_page, assistant, "zh")
    turn = ask(page, "zh")
    expect(turn.get_by_role("region", name="可以对客户说")).to_be_visible()
    expect(turn.get_by_role("region", name="仅限内部").locator(".prose")).to_contain_text("第三季度")
    page.reload()
    expect(page.locator("#scope summary")).to_contain_text(assistant["name"])
    expect(turn.get_by_role("region", name="已批准的答案")).to_be_visible()
    expect(turn.get_by_role("button", name="存为标准答案…")).to_be_visible()
    with page.expect_request(re.compile(r"/regenerate$")) as again:
        turn.get_by_role("button", name="重新生成").click()
    body = again.value.post_data_json
    assert body is not None
    assert (body["assistant"], "collections" in body) == (assistant["id"], False)
    expect(turn.get_by_role("group", name="这个问题的各个回答")).to_contain_text("2 / 2")
    expect(turn.get_by_role("region", name="可以对客户说")).to_be_visible()
    turn.get_by_role("button", name="上一个回答").click()
    expect(turn.get_by_role("group", name="这个问题的各个回答")).to_contain_text("1 / 2")
    expect(turn.get_by_role("region", name="仅限内部")).to_be_visible()


def test_assistant_is_found_among_many_picked_by_keyboard_and_put_away_again(
    open_page: Open, server: str, assistant: dict[str, Any]
) -> None:
    for _ in range(8):
        new_collection(server)
    page = open_page("en")
    picker = page.locator("#scope summary")
    picker.focus()
    page.keyboard.press("Enter")
    group = page.get_by_role("group", name="Assistant")
    page.get_by_label("Find an assistant or knowledge base").fill("no such name")
    expect(page.get_by_text("Nothing by that name.")).to_be_visible()
    page.get_by_label("Find an assistant or knowledge base").fill(assistant["name"].upper())
    expect(group.get_by_role("radio")).to_have_count(2)  # and none
    group.get_by_label(re.compile(assistant["name"])).focus()
    page.keyboard.press("Space")
    expect(picker).to_contain_text(assistant["name"])
    expect(group.get_by_label(re.compile(assistant["name"]))).to_be_focused()
    expect(page.get_by_role("group", name="Knowledge bases to ask")).to_be_hidden()
    expect(page.get_by_role("button", name=assistant["name"], pressed=True)).to_be_visible()  # on the welcome
    expect(page.locator("#instruction-toggle")).to_be_hidden()  # it has an instruction of its own
    page.keyboard.press("Escape")
    ask(page)
    picker.click()
    with page.expect_response(re.compile(r"/api/conversations/[^/]+$")) as put_away:
        group.get_by_label("No assistant").check()
    assert put_away.value.json()["assistant"] is None
    page.keyboard.press("Escape")
    turn = ask(page)
    expect(turn.locator(".sales")).to_be_empty()
    expect(turn.locator(".prose").first).not_to_be_empty()


def test_good_answer_is_kept_as_a_draft(open_page: Open, assistant: dict[str, Any]) -> None:
    page = chat(open_page, assistant)
    turn = ask(page)
    turn.get_by_role("button", name="Save as approved answer…").click()
    form = turn.get_by_role("form", name="New approved answer")
    expect(form.get_by_label("What customers ask")).to_be_focused()
    expect(form.get_by_label("What customers ask")).to_have_value(QUESTION["en"])
    said = form.get_by_label("Words for the customer").input_value()
    assert "SAML 2.0" in said
    assert not re.search(r"\[\d+\]", said)
    assert not any(secret in said for secret in SECRETS)
    expect(form.get_by_label("Note for colleagues")).to_have_value(re.compile("third quarter"))
    question = f"Which sign-on? {uuid.uuid4().hex[:6]}"
    form.get_by_label("What customers ask").fill(question)
    form.get_by_role("button", name="Save draft").click()
    turn.get_by_role("link", name="See the drafts").click()
    expect(page.get_by_label("State")).to_have_value("draft")
    mine = page.locator(".snippet", has_text=question)
    expect(mine.get_by_role("button", name="Approve")).to_be_visible()


def test_approved_answer_that_was_changed_since_is_said_so_in_an_old_answer(
    open_page: Open, server: str, assistant: dict[str, Any]
) -> None:
    question = f"Is single sign-on by SAML supported {uuid.uuid4().hex[:4]}?"
    snippet = new_snippet(server, assistant["id"], question, approved=in_days(200), answer="Yes, by SAML.")
    page = chat(open_page, assistant)
    page.locator("#question").fill(question)
    page.keyboard.press("Enter")
    offer = page.locator(".offer", has_text=question)
    expect(offer.get_by_role("button", name="Copy for the customer")).to_be_visible()
    expect(page.locator(".turn")).not_to_have_attribute("aria-busy", "true")
    change = {"answer": "Yes, from the Business plan on."}
    httpx.patch(f"{server}/api/snippets/{snippet}", json=change, trust_env=False).raise_for_status()
    page.reload()
    expect(offer).to_contain_text("Changed since")
    expect(offer.get_by_role("button", name="Copy for the customer")).to_have_count(0)
    httpx.delete(f"{server}/api/snippets/{snippet}", trust_env=False).raise_for_status()
    page.reload()
    expect(offer).to_contain_text("It was withdrawn.")


def test_card_grows_part_by_part_and_hostile_parts_are_text(
    open_page: Open, assistant: dict[str, Any]
) -> None:
    page = chat(open_page, assistant)
    take_stream(page)
    page.locator("#question").fill(QUESTION["en"])
    page.keyboard.press("Enter")
    until(page, "window.asked.length > 0")
    told = {"snippet_id": "s", "question": HOSTILE, "answer": HOSTILE, "note": HOSTILE, "state": "approved",
            "owner": {"id": "u", "name": HOSTILE}, "expires_on": in_days(9), "relevance": 0.9}  # fmt: skip
    write(page, "offers", {"offers": [told]})
    turn = page.locator(".turn")
    expect(turn.locator(".offer h4")).to_have_text(HOSTILE)
    write(page, "sources", {"passages": []})
    write(page, "part", {"name": "say", "start": 8})
    write(page, "delta", {"text": "## Say\n\nWe can."})
    say = turn.get_by_role("region", name="Say to the customer")
    expect(say.locator(".prose")).to_have_text("We can.")  # the heading is the card's own
    expect(say.get_by_role("button")).to_have_count(0)  # what is half written is not to be copied
    write(page, "part", {"name": "internal", "start": 29})
    write(page, "delta", {"text": "\n\n## Inside\n\n"})
    write(page, "delta", {"text": HOSTILE})
    internal = turn.get_by_role("region", name="Internal only")
    expect(internal.locator(".prose")).to_contain_text("window.hacked")
    expect(say.locator(".prose")).to_have_text("We can.")
    expect(turn.locator(".sales, .offers").locator("a, img, script, iframe, svg:not(.icon)")).to_have_count(0)
    assert page.evaluate("window.hacked ?? null") is None
    with page.expect_response(re.compile(r"/stop$")) as stopped:
        page.get_by_role("button", name="Stop").click()
    part = {"name": "say", "start": 8, "end": 15}
    write(page, "done", {**stopped.value.json(), "state": "stopped", "code": "stopped", "result": None,
                         "text": "## Say\n\nWe can.", "parts": [part], "offers": [told]})  # fmt: skip
    expect(turn).to_contain_text("Stopped. This is what had arrived by then.")
    expect(say.locator(".prose")).to_have_text("We can.")
    expect(say.get_by_role("button")).to_have_count(0)
    expect(internal).to_have_count(0)


def test_approved_answer_is_offered_where_the_documents_say_nothing_until_its_assistant_is_deleted(
    open_page: Open, server: str
) -> None:
    made = sales_assistant(server, {"pump.md": "# Pump\n\nThe pump of hall 3 is serviced every 400 hours."})
    new_snippet(server, made["id"], QUESTION["en"], approved=in_days(200), answer="Yes, by SAML 2.0.")
    page = chat(open_page, made)
    turn = ask(page)
    nothing = turn.get_by_role("heading", name="The documents do not answer this")
    offer = turn.get_by_role("region", name="Approved answer")
    expect(nothing).to_be_visible()
    expect(offer).to_contain_text("Yes, by SAML 2.0.")
    expect(turn.locator(".sales")).to_be_empty()

    httpx.delete(f"{server}/api/assistants/{made['id']}", trust_env=False).raise_for_status()
    page.reload()
    expect(page.locator("#scope summary")).to_contain_text("An assistant that is not there any more")
    expect(nothing).to_be_visible()
    expect(offer).to_have_count(0)
    page.locator("#question").fill("And the price?")
    page.keyboard.press("Enter")
    expect(page.locator("#state-line")).to_contain_text("This assistant was deleted")
    expect(page.locator("#question")).to_have_value("And the price?")


@pytest.mark.parametrize(("language", "width"), [("zh", 1280), ("en", 360)])
def test_card_fits_and_has_no_wcag_violation(
    open_page: Open, assistant: dict[str, Any], language: str, width: int
) -> None:
    page = chat(open_page, assistant, language, width=width)
    if width < 600:
        page.locator("#scope summary").click()
        box = page.locator(".scope-card").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert violations_in_both_themes(page) == []
        page.keyboard.press("Escape")
    turn = ask(page, language)
    turn.get_by_role("button", name=re.compile("Save as approved answer|存为标准答案")).click()
    turn.get_by_role("form").wait_for()
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.querySelector('#scroll').scrollWidth") <= width
    page.set_viewport_size({"width": width, "height": 2400})
    page.screenshot(path=SCREENSHOTS / f"sales-card-{language}-{width}.png")
