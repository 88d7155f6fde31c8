"""The page of a PDF beside the answer: fetched when it is wanted, and marked where the quote stands."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SCREENSHOTS, Complaints, Open

pytestmark = pytest.mark.browser

QUESTION = "报销发票需要哪些盖章？"
VIEWER = "pdfjs-dist"
DARK_AND_MARKED = """() => {
  const canvas = document.querySelector(".pdf canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let ink = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] < 128 && data[i + 3] > 128) ink += 1;
  const frame = document.querySelector(".pdf-frame").getBoundingClientRect();
  return { ink, boxes: [...document.querySelectorAll(".pdf-quote, .pdf-passage")].map((one) => {
    const box = one.getBoundingClientRect();
    return [(box.left - frame.left) / frame.width, (box.top - frame.top) / frame.height,
      (box.right - frame.left) / frame.width, (box.bottom - frame.top) / frame.height];
  }) };
}"""


def test_citation_of_a_pdf_shows_its_page_with_the_passage_marked(open_page: Open) -> None:
    page = open_page("zh")
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.locator("#question").fill(QUESTION)
    page.keyboard.press("Enter")
    chip = page.get_by_role("button", name=re.compile(r"^来源 \d+: .*第 [\d–]+ 页$")).first
    expect(chip).to_be_visible()
    assert not [url for url in fetched if VIEWER in url], "not before it is wanted"
    chip.click()
    shown = page.locator(".pdf canvas")
    expect(shown).to_be_visible()
    expect(page.locator(".pdf [role=status]")).to_have_text("引文已在页面上标出。")
    found = page.evaluate(DARK_AND_MARKED)
    assert found["ink"] > 2000, "the page is written on"
    assert found["boxes"]
    expect(page.locator(".pdf-passage").first).to_be_attached()
    for left, top, right, bottom in found["boxes"]:
        assert 0 <= left < right <= 1
        assert 0 <= top < bottom <= 1
    small = shown.bounding_box()
    page.get_by_role("button", name="放大").click()
    expect(page.get_by_role("button", name="放大")).to_have_attribute("aria-pressed", "true")
    large = shown.bounding_box()
    assert small is not None
    assert large is not None
    assert large["width"] > 1.4 * small["width"]
    assert page.evaluate(DARK_AND_MARKED)["boxes"] == [
        [pytest.approx(side, abs=0.01) for side in box] for box in found["boxes"]
    ]
    page.screenshot(path=SCREENSHOTS / "chat-1280-pdf.png")
    page.get_by_role("button", name="放大").click()
    worker = [url for url in fetched if "pdf.worker" in url]
    assert len(worker) == 1, "in a worker of its own, fetched once"
    page.get_by_role("button", name="下一处引用").click()
    expect(page.locator(".pdf canvas")).to_be_visible()
    assert len([url for url in fetched if "pdf.worker" in url]) == 1


def test_quote_is_found_whatever_its_spaces_and_forms_and_not_below_half(open_page: Open) -> None:
    page = open_page("en")
    found = page.evaluate("""async () => {
      const { piecesOf } = await import("/static/pdf_page.js");
      const pieces = ["The seal of ", "the com-", "pany is", " needed.", "\\u2F40\\u4ED8", "\\uFF21\\uFF22"];
      return [piecesOf(pieces, "seal of the company is needed"), piecesOf(pieces, "\\u652F\\u4ED8 AB"),
        piecesOf(pieces, "company is needed on every single page of it"),
        piecesOf(pieces, "quite another sentence"),
        piecesOf(pieces, "company is needed, two copies"), piecesOf(pieces, "  ")];
    }""")
    assert found == [[0, 3], [4, 5], None, None, [1, 3], None]


def test_first_paint_needs_less_than_100_kb(open_page: Open) -> None:
    page = open_page("en")
    sizes = page.evaluate("""() => {
      const all = performance.getEntriesByType("resource");
      const loaded = all.filter((one) => one.name.includes("/static/"));
      const later = loaded.find((one) => one.name.includes("/answer.js")); // asked for behind the first frame
      const sent = [...performance.getEntriesByType("navigation"),
        ...loaded.filter((one) => one.startTime < later.startTime)];
      return Object.fromEntries(sent.map((one) => [one.name, [one.transferSize, one.decodedBodySize]]));
    }""")
    assert not [each for each in sizes if VIEWER in each]
    assert len(sizes) > 10
    assert sum(sent for sent, _ in sizes.values()) < 100_000, sizes  # as they came over the wire
    large = {name: both for name, both in sizes.items() if both[1] > 4096 and not name.endswith(".svg")}
    assert all(0 < sent < 0.6 * whole for sent, whole in large.values()), large


def test_viewer_gets_no_more_rights_than_it_needs(
    server: str, open_page: Open, complaints: Complaints
) -> None:
    page = open_page("en")
    folder = next(Path("app/web/static/vendor").glob("pdfjs-dist-*")).name
    worker = page.request.get(f"{server}/static/vendor/{folder}/pdf.worker.min.mjs")
    assert "'wasm-unsafe-eval'" in worker.headers["content-security-policy"]
    assert "unsafe-eval" not in page.request.get(server).headers["content-security-policy"]
    complaints.expected = ("TrustedScriptURL", "Failed to construct 'Worker'")
    refused = page.evaluate("""() => {
      try { new Worker("/static/chat.js"); return false; } catch { return true; }
    }""")
    assert refused
