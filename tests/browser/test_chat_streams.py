"""Answers that are on their way: following, stopping, lost connections, reloads, long answers."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Complaints, Open
from tests.browser.streams import take_stream, until, write

pytestmark = pytest.mark.browser

QUESTION = "A CRM export fails with CB-5021. What is the verified fix?"
FROM_END = """() => {
  const scroll = document.querySelector("#scroll");
  return scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight;
}"""


def begin(page: Page) -> None:
    """Ask; what comes of it is the test's to say."""
    take_stream(page)
    page.locator("#question").fill(QUESTION)
    page.keyboard.press("Enter")
    until(page, "window.asked.length > 0")


def stored(page: Page) -> dict[str, Any]:
    """The answer as the server has it, once it is complete there."""
    found: dict[str, Any] = page.evaluate("""async () => {
      const id = location.pathname.split("/")[2];
      for (;;) {
        const page = await (await fetch(`/api/conversations/${id}/messages`)).json();
        if (page.data[0]?.state === "complete") return page.data[0];
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }""")
    return found


def test_page_follows_the_answer_until_the_reader_scrolls_up(open_page: Open) -> None:
    page = open_page("en", width=1000, height=500)
    begin(page)
    paragraphs = {"text": "".join(f"Paragraph {i}.\n\n" for i in range(12))}
    for _ in range(3):
        write(page, "delta", paragraphs)
        page.wait_for_timeout(100)
        assert page.evaluate(FROM_END) < 2
    page.mouse.move(600, 200)
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(200)
    write(page, "delta", paragraphs)
    page.wait_for_timeout(100)
    assert page.evaluate(FROM_END) > 300
    page.get_by_role("button", name="Jump to latest").click()
    write(page, "delta", paragraphs)
    page.wait_for_timeout(100)
    assert page.evaluate(FROM_END) < 2
    expect(page.locator(".prose p")).to_have_count(60)


def test_lost_connection_goes_on_behind_the_last_event_and_tells_nothing_twice(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    write(page, "delta", {"text": "One. "})
    write(page, "delta", {"text": "Two. "})
    expect(page.locator(".prose")).to_have_text("One. Two.")
    page.evaluate("window.lose()")
    expect(page.locator(".turn")).to_contain_text("Connection lost, reconnecting")
    until(page, "window.asked.length === 2")
    assert page.evaluate("window.asked") == [0, 2]
    page.evaluate("window.again(1)")  # a server that begins one event too early
    write(page, "delta", {"text": "Two. "})
    write(page, "delta", {"text": "Three."})
    expect(page.locator(".prose")).to_have_text("One. Two. Three.")
    expect(page.locator(".turn")).not_to_contain_text("Connection lost")


def test_long_answer_is_drawn_once_block_by_block(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    text = "".join(f"Block {i}: " + "words that are written only once, " * 8 + "end.\n\n" for i in range(70))
    assert len(text) > 19_000
    pieces = [text[i : i + 60] for i in range(0, len(text), 60)]
    drawn = page.evaluate("""async (pieces) => {
      const prose = document.querySelector(".turn .prose");
      const counted = new Map();
      new MutationObserver((changes) => {
        for (const { target, addedNodes } of changes) {
          if (target !== prose) continue;
          for (const node of addedNodes) {
            const name = /Block \\d+:/.exec(node.textContent)?.[0];
            if (name) counted.set(name, (counted.get(name) ?? 0) + 1);
          }
        }
      }).observe(prose, { childList: true });
      const began = performance.now();
      for (const text of pieces) {
        window.write("delta", { text });
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
      await new Promise((resolve) => setTimeout(resolve, 100));
      return { most: Math.max(...counted.values()), blocks: counted.size, ms: performance.now() - began };
    }""", pieces)
    assert drawn["blocks"] >= 69
    assert drawn["most"] == 1


def test_stop_frees_the_server_and_keeps_what_was_written(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    write(page, "delta", {"text": "Only this"})
    with page.expect_response(re.compile(r"/api/messages/[^/]+/stop$")) as stopped:
        page.get_by_role("button", name="Stop").click()
    assert stopped.value.ok
    view = stopped.value.json()
    write(page, "done", {**view, "state": "stopped", "code": "stopped", "text": "Only this", "result": None})
    turn = page.locator(".turn")
    expect(turn.locator(".prose")).to_have_text("Only this")
    expect(turn).to_contain_text("Stopped. This is what had arrived by then.")
    expect(page.get_by_role("button", name="Send")).to_be_visible()
    page.reload()
    page.locator('#state[data-state="ready"]').wait_for()
    if turn.get_by_role("button", name="Retry").count():
        turn.get_by_role("button", name="Retry").click()
    expect(turn.locator(".prose .chip").first).to_be_visible()


def test_answer_that_is_being_written_is_there_after_a_reload(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    address = page.url
    assert re.search(r"/c/[^/]+$", address)
    page.reload()
    turn = page.locator(".turn")
    expect(turn.locator(".prose .chip").first).to_be_visible()
    expect(turn.locator("h2")).to_contain_text(QUESTION)
    assert page.url == address


def test_answer_that_failed_says_why_and_offers_another_try(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    write(page, "delta", {"text": "Half an ans"})
    until(page, "document.querySelector('.prose').textContent.includes('Half')")
    view = stored(page)
    told = {"code": "answer_failed", "text": "The answer could not be written to its end (x)."}
    write(page, "done", {**view, "state": "failed", "code": "generation_failed", "retryable": True,
                         "text": "Half an ans", "result": None, "notices": [told]})
    turn = page.locator(".turn")
    expect(turn.locator(".failure")).to_contain_text("could not be written to its end")
    expect(turn.locator(".prose")).to_have_text("Half an ans")
    expect(turn.get_by_role("button", name="Retry")).to_be_visible()


def test_failing_reranker_is_a_banner_above_the_answer(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    view = stored(page)
    told = {"code": "rerank_fallback", "text": "The fallback reranker judged the passages."}
    view["result"]["notices"] = [told]
    write(page, "done", view)
    banner = page.locator(".turn .notice.warn")
    expect(banner).to_have_text("The fallback reranker judged the passages.")


def test_answer_about_documents_that_may_not_be_seen_any_more_shows_none_of_them(
    open_page: Open, complaints: Complaints
) -> None:
    page = open_page("en")
    begin(page)
    view = stored(page)
    told = {"code": "source_not_visible", "text": "Some sources may not be seen any more."}
    hidden = {"state": "complete", "text": "", "result": None, "withheld": True, "notices": [told]}
    write(page, "done", {**view, **hidden})
    turn = page.locator(".turn")
    expect(turn.locator(".notice")).to_have_text("Some sources may not be seen any more.")
    expect(turn.get_by_role("button", name="Copy")).to_have_count(0)
    assert complaints.found == []


def test_answer_that_a_restart_interrupted_keeps_its_text_and_can_be_asked_for_again(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    write(page, "delta", {"text": "Half an ans"})
    view = stored(page)
    told = {"code": "answer_interrupted", "text": "Touchstone was stopped while it wrote this answer."}
    write(page, "done", {**view, "state": "interrupted", "code": "killed", "retryable": True,
                         "text": "Half an ans", "result": None, "notices": [told]})
    turn = page.locator(".turn")
    expect(turn.locator(".prose")).to_have_text("Half an ans")
    expect(turn.locator(".notice")).to_have_text(told["text"])
    with page.expect_response(re.compile(r"/regenerate$")) as again:
        turn.get_by_role("button", name="Retry").click()
    assert again.value.status == 202
    page.reload()
    expect(turn.get_by_role("group", name="Answers to this question")).to_contain_text("2 / 2")


def test_queue_is_said_before_the_answer_begins(open_page: Open) -> None:
    page = open_page("en")
    begin(page)
    write(page, "queued", {"position": 3})
    expect(page.locator(".progress")).to_contain_text("3 questions")
    write(page, "stage", {"name": "recall", "ms": 3})
    expect(page.locator(".progress")).to_contain_text("Reranking each passage")
    write(page, "sources", {"passages": []})
    expect(page.locator(".progress")).to_contain_text("Writing the answer")
