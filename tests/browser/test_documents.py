"""The documents page in Chromium: what is there is seen, cut otherwise, deleted, and comes back."""

import re
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import SCREENSHOTS, Open
from tests.browser.filling import NOTES, documents, hand_in, job, kept, new_collection, payload, row

pytestmark = pytest.mark.browser


@pytest.fixture
def server(filling_server: str) -> str:
    return filling_server


@pytest.fixture
def collection(server: str) -> str:
    return new_collection(server)


def test_pdf_and_markdown_become_documents_whose_chunks_have_places(
    open_page: Open, collection: str
) -> None:
    page = documents(open_page, collection)
    expect(page.get_by_text("No documents yet.")).to_be_visible()
    hand_in(page, kept("g01_zh_two_column.pdf"), payload("notes.md"))
    for name in ("g01_zh_two_column.pdf", "notes.md"):
        expect(job(page, name).get_by_text("added", exact=True)).to_be_visible()
        expect(row(page, name)).to_be_visible()
    expect(row(page, "g01_zh_two_column.pdf")).to_contain_text("3 pages")
    expect(row(page, "notes.md").get_by_text(re.compile(r"^\d+ suspicious places?$"))).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("2 documents")

    page.get_by_role("button", name="Chunks of g01_zh_two_column.pdf").click()
    sheet = page.get_by_role("dialog", name="g01_zh_two_column.pdf")
    first = sheet.get_by_role("listitem").filter(has_text="Chunk 1")
    expect(first).to_contain_text(re.compile(r"p\. 1 · characters 0–\d+ · \d+ tokens"))
    assert first.locator(".place-box").count() > 0
    sheet.get_by_role("button", name="Why is a page empty?").click()
    expect(sheet.get_by_text("repeated")).to_be_visible()  # headers and footers that were removed
    assert violations_in_both_themes(page) == []
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Chunks of g01_zh_two_column.pdf")).to_be_focused()


def test_deleted_documents_come_back_by_undo_and_from_the_trash(open_page: Open, collection: str) -> None:
    page = documents(open_page, collection)
    hand_in(page, payload("a.md", "# A\n\nAlpha is first."), payload("b.md", "# B\n\nBeta is second."))
    expect(page.locator("#documents > li")).to_have_count(2)
    page.get_by_role("button", name="Delete a.md").click()
    expect(row(page, "a.md")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row(page, "a.md")).to_be_visible()

    page.get_by_label("Select all").check()
    page.get_by_role("group", name="For the selected documents").get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.get_by_text("No documents yet.")).to_be_visible()
    page.get_by_role("tab", name="Trash").click()
    page.get_by_role("button", name="Restore b.md").click()
    expect(page.get_by_role("button", name="Restore b.md")).to_have_count(0)
    page.get_by_role("button", name="Delete a.md for good").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    page.get_by_role("tab", name="Documents").click()
    expect(row(page, "b.md")).to_be_visible()
    page.get_by_label("Filter by file name or title").fill("nothing like it")
    expect(page.get_by_text("No document matches the filter.")).to_be_visible()


def test_preview_cuts_before_anything_is_kept_and_sends_on_demand(open_page: Open, collection: str) -> None:
    page = documents(open_page, collection)
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Preview the chunks first").click()
    chosen.value.set_files(payload("notes.md", NOTES * 20))
    sheet = page.get_by_role("dialog", name="Preview: notes.md")
    before = sheet.locator(".preview-sum")
    expect(before).to_contain_text("chunks; tokens: fewest")
    said = before.inner_text()
    sheet.get_by_label("Tokens a chunk").fill("64")
    sheet.get_by_role("button", name="Cut again").click()
    expect(before).not_to_have_text(said)
    assert violations_in_both_themes(page) == []
    expect(page.locator("#documents > li")).to_have_count(0)
    sheet.get_by_role("button", name="Upload this file").click()
    expect(row(page, "notes.md")).to_be_visible()


def test_settings_keep_wordings_cut_anew_and_delete_only_by_name(open_page: Open, collection: str) -> None:
    page = documents(open_page, collection)
    hand_in(page, payload("notes.md", NOTES * 20))
    expect(row(page, "notes.md")).to_be_visible()
    page.get_by_role("tab", name="Settings").click()
    page.get_by_label("Wording").fill("Prefer passages with intervals.")
    page.get_by_role("button", name="Save instruction").click()
    expect(page.get_by_text("Saved as version 1; it is in force now.")).to_be_visible()
    page.get_by_label("Tokens a chunk").fill("64")
    page.get_by_role("button", name="Save size").click()
    expect(page.get_by_text("1 document was cut to another size.")).to_be_visible()
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.get_by_text("The new index is in place.")).to_be_visible()
    expect(page.get_by_text("1 document was cut to another size.")).to_have_count(0)
    page.get_by_role("tab", name="Checks").click()
    expect(page.get_by_text("Ignore all previous instructions").first).to_be_visible()
    page.get_by_role("button", name="Look now").click()
    expect(page.get_by_text("No versions of one text were found.")).to_be_visible()
    assert violations_in_both_themes(page) == []
    page.get_by_role("tab", name="Settings").click()
    page.get_by_role("button", name="Delete the knowledge base").click()
    asked = page.get_by_role("dialog")
    asked.get_by_role("textbox").fill("something else")
    asked.get_by_role("button", name="Delete for good").click()
    expect(asked.get_by_role("alert")).to_contain_text("That is not the name")
    asked.get_by_role("textbox").fill(collection)
    asked.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text(f"The knowledge base “{collection}” was deleted.")).to_be_visible()
    expect(page.locator("#collection")).not_to_have_value(collection)


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_every_part_is_readable_by_everyone_in_both_languages_and_widths(
    open_page: Open, server: str, language: str, width: int
) -> None:
    page = documents(open_page, "demo", language, width=width, height=800)
    SCREENSHOTS.mkdir(exist_ok=True)
    for tab in ("documents", "trash", "checks", "settings"):
        page.locator(f"#tab-{tab}").click()
        expect(page.locator(f"#part-{tab}")).to_be_visible()
        page.wait_for_load_state("networkidle") if tab != "documents" else None
        assert violations_in_both_themes(page) == []
        assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width
        page.screenshot(path=SCREENSHOTS / f"documents-{tab}-{language}-{width}.png")


def test_tabs_are_walked_by_arrow_keys_and_kept_in_the_address(open_page: Open, collection: str) -> None:
    page = documents(open_page, collection)
    page.get_by_role("tab", name="Documents").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Trash")).to_be_focused()
    expect(page.get_by_text("The trash is empty.")).to_be_visible()
    page.reload()
    expect(page.get_by_role("tab", name="Trash")).to_have_attribute("aria-selected", "true")


def test_knowledge_base_is_made_on_the_page_and_opened(open_page: Open, collection: str) -> None:
    page = documents(open_page, collection)
    page.get_by_role("button", name="New knowledge base").click()
    asked = page.get_by_role("dialog", name="New knowledge base")
    asked.get_by_label("Name").fill(f"{collection} / part")
    asked.get_by_role("button", name="Create").click()
    expect(page.get_by_text(f"“{collection} / part” is ready for its first documents.")).to_be_visible()
    expect(page.locator("#collection")).to_have_value(f"{collection} / part")
    hand_in(page, payload("a.md", "# A\n\nAlpha is first."))
    expect(row(page, "a.md")).to_be_visible()


def test_selected_documents_are_read_again_with_the_new_size_of_chunks(
    open_page: Open, collection: str, server: str
) -> None:
    page = documents(open_page, collection, width=360)
    hand_in(page, payload("a.md"), payload("b.md", "# B\n\nBeta is second."))
    expect(page.locator("#documents > li")).to_have_count(2)
    size = {"chunk_tokens": 64, "chunk_overlap": 0}
    httpx.put(f"{server}/api/collections/{quote(collection)}/chunking", json=size, trust_env=False)
    page.reload()
    expect(row(page, "a.md")).to_be_visible()
    row(page, "a.md").get_by_role("checkbox").check()
    page.get_by_role("group", name="For the selected documents").get_by_role(
        "button", name="Read again"
    ).click()
    expect(page.get_by_text("1 document is read again.")).to_be_visible()
    expect(row(page, "a.md")).to_contain_text("version 2")
    expect(row(page, "b.md")).not_to_contain_text("version 2")


def test_versions_name_the_kept_answers_whose_quotes_no_longer_stand(
    open_page: Open, collection: str, server: str
) -> None:
    name, at = "leave.md", f"{server}/api/collections/{quote(collection)}/documents"
    with httpx.Client(trust_env=False, timeout=30) as client:
        def put(text: str) -> None:
            client.post(at, params={"name": name, "wait": "true"}, content=text.encode()).raise_for_status()

        put("# Leave\n\nEmployees have 12 days of annual leave.\n")
        question = {"question": "How many days of annual leave do employees have?", "collection": collection}
        client.post(f"{server}/api/ask", json=question).raise_for_status()
        put("# Leave\n\nNobody has any leave this year, sorry.\n")
    page = documents(open_page, collection)
    page.get_by_role("button", name="Versions of leave.md").click()
    sheet = page.get_by_role("dialog", name="Versions: leave.md")
    expect(sheet.get_by_text("1 of 1 quote words that no longer stand here:")).to_be_visible()
    expect(sheet.get_by_text("changed", exact=True)).to_be_visible()
    assert violations_in_both_themes(page) == []
    sheet.get_by_role("link", name="How many days of annual leave").click()
    expect(page).to_have_url(re.compile(r"/search\?answer="))
    expect(page.get_by_role("heading", level=1)).to_be_visible()
