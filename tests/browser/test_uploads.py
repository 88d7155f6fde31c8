"""Files that are handed in on the documents page: sent, read, refused, retried, never lost in silence."""

import io
import re
from pathlib import Path

import httpx
import pypdf
import pytest
from playwright.sync_api import expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Complaints, Open
from tests.browser.filling import NOTES, PDFS, documents, hand_in, job, kept, new_collection, payload, row

pytestmark = pytest.mark.browser

PASSWORD = "kettle under seven moons"  # noqa: S105 - of a file that lives for one test


@pytest.fixture
def server(filling_server: str) -> str:
    return filling_server


@pytest.fixture
def collection(server: str) -> str:
    return new_collection(server)


def locked() -> bytes:
    writer = pypdf.PdfWriter(clone_from=PDFS / "g02_zh_table.pdf")
    writer.encrypt(PASSWORD, algorithm="AES-256")
    written = io.BytesIO()
    writer.write(written)
    return written.getvalue()


def test_locked_file_waits_for_its_password_and_hopeless_ones_say_why(
    open_page: Open, collection: str
) -> None:
    page = documents(open_page, collection, "zh")
    hand_in(page, payload("锁.pdf", locked()), payload("空.md", ""))
    expect(job(page, "空.md")).to_contain_text("文件是空的")
    expect(job(page, "空.md").get_by_role("button", name="重试")).to_have_count(0)
    secret = page.get_by_label("锁.pdf 的密码")
    secret.fill("wrong one")
    page.get_by_role("button", name="用此密码重试").click()
    expect(job(page, "锁.pdf").get_by_text("失败")).to_be_visible()
    expect(secret).to_have_value("")
    assert violations_in_both_themes(page) == []
    secret.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(row(page, "锁.pdf")).to_be_visible()
    page.get_by_role("button", name="从列表移除 空.md").click()
    expect(job(page, "空.md")).to_have_count(0)
    page.reload()
    expect(row(page, "锁.pdf")).to_be_visible()
    expect(job(page, "空.md")).to_have_count(0)


def test_reload_while_a_file_is_read_loses_nothing(open_page: Open, collection: str) -> None:
    page = documents(open_page, collection)
    hand_in(page, kept("g09_zh_300_pages.pdf"))
    expect(job(page, "g09_zh_300_pages.pdf")).to_be_visible()
    page.reload()
    expect(job(page, "g09_zh_300_pages.pdf")).to_be_visible(timeout=20_000)
    expect(row(page, "g09_zh_300_pages.pdf")).to_contain_text("300 pages", timeout=60_000)


def test_same_bytes_under_another_name_are_asked_about_before_they_are_sent(
    open_page: Open, collection: str
) -> None:
    page = documents(open_page, collection)
    hand_in(page, payload("notes.md"))
    expect(row(page, "notes.md")).to_be_visible()
    sent: list[str] = []
    page.on("request", lambda one: sent.append(one.url) if one.method == "POST" else None)
    hand_in(page, payload("copy.md"), payload(".DS_Store", "x"))
    asked = page.get_by_role("dialog", name="1 file is there already")
    expect(asked).to_contain_text("copy.md is the same as notes.md")
    assert violations_in_both_themes(page) == []
    asked.get_by_role("button", name="Go on").click()
    expect(page.get_by_text("Hidden files were left out: .DS_Store.")).to_be_visible()
    expect(page.get_by_text("1 file that is there already was skipped.")).to_be_visible()
    assert sent == []
    hand_in(page, payload("copy.md"))
    asked.get_by_label("What to do with them").select_option("keep")
    asked.get_by_role("button", name="Go on").click()
    expect(page.locator("#documents > li")).to_have_count(2)


def test_folder_keeps_its_paths_without_its_hidden_files(
    open_page: Open, collection: str, tmp_path: Path
) -> None:
    folder = tmp_path / "team"
    (folder / "plans").mkdir(parents=True)
    for name in ("plans/spring.md", "rules.md", ".hidden.md"):
        (folder / name).write_text(f"# {name}\n\nWritten down in {name}.")
    page = documents(open_page, collection)
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose a folder").click()
    chosen.value.set_files(folder)
    for name in ("team/plans/spring.md", "team/rules.md"):
        expect(row(page, name)).to_be_visible()
    expect(page.get_by_text("Hidden files were left out: team/.hidden.md.")).to_be_visible()


def test_three_files_are_sent_at_once_and_one_that_waits_can_be_taken_back(
    open_page: Open, collection: str, complaints: Complaints
) -> None:
    complaints.expected = ("429",)  # until the server sees that one of three has gone: sent again
    page = documents(open_page, collection)
    session = page.context.new_cdp_session(page)
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 4_000}
    session.send("Network.emulateNetworkConditions", slow)
    texts = [f"# Part {number}\n\n" + f"Sentence {number} of many. " * 1_000 for number in range(5)]
    hand_in(page, *(payload(f"{number}.md", text) for number, text in enumerate(texts)))
    uploads = page.get_by_role("list", name="Uploading")
    expect(uploads.get_by_text("Waiting to be sent")).to_have_count(2)
    expect(uploads.get_by_text(re.compile(r"^\d.* of \d+ kB sent$"))).to_have_count(3)
    page.get_by_role("button", name="Cancel 4.md").click()
    page.get_by_role("button", name="Cancel 0.md").click()
    session.send("Network.emulateNetworkConditions", {**slow, "uploadThroughput": -1})
    expect(page.locator("#documents > li")).to_have_count(3, timeout=60_000)
    expect(uploads.get_by_role("listitem")).to_have_count(0)
    assert row(page, "0.md").count() == row(page, "4.md").count() == 0


def test_what_happened_while_the_connection_was_gone_is_shown(
    open_page: Open, server: str, collection: str, complaints: Complaints
) -> None:
    complaints.expected = ("ERR_INTERNET_DISCONNECTED",)
    page = documents(open_page, collection)
    page.context.set_offline(True)
    hand_in(page, payload("lost.md"))
    expect(page.get_by_text("it is not known whether the file arrived")).to_be_visible()
    address = f"{server}/api/collections/{collection}/documents?name=elsewhere.md"
    httpx.post(address, content=NOTES * 2, trust_env=False).raise_for_status()
    page.context.set_offline(False)
    expect(row(page, "elsewhere.md")).to_be_visible()
    page.get_by_role("button", name="Retry lost.md").click()
    expect(row(page, "lost.md")).to_be_visible()


def test_hostile_file_runs_nothing_and_reaches_nobody(
    open_page: Open, server: str, collection: str
) -> None:
    name = "<img src=x onerror=hacked=1>{{7*7}}.md"
    text = (
        "# <script>hacked=1</script> ${7*7}\n\n![x](https://evil.example/pixel.png) "
        "[y](javascript:hacked=1) <svg onload=hacked=1></svg> {{7*7}}\n"
    )
    page = documents(open_page, collection)
    hand_in(page, payload(name, text), payload(f"bad {name}", ""))
    expect(row(page, name)).to_be_visible()
    expect(job(page, f"bad {name}")).to_contain_text("The file is empty")
    page.get_by_role("button", name=f"Chunks of {name}").click()
    sheet = page.get_by_role("dialog")
    expect(sheet).to_contain_text("https://evil.example/pixel.png")
    expect(sheet).to_contain_text("{{7*7}}")
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Delete {name}").click()
    expect(page.get_by_role("status").filter(has_text=name)).to_be_visible()
    assert page.evaluate("typeof hacked") == "undefined"
    assert page.locator("main img, main script, main a[href^=javascript]").count() == 0


def test_dropped_file_becomes_a_document_and_a_replaced_one_keeps_its_versions(
    open_page: Open, collection: str
) -> None:
    page = documents(open_page, collection)
    page.evaluate("""() => {
      const data = new DataTransfer();
      data.items.add(new File(["# One\\n\\nThe first wording."], "one.md"));
      const event = new DragEvent("drop", { bubbles: true, cancelable: true, dataTransfer: data });
      document.getElementById("drop-zone").dispatchEvent(event);
    }""")
    expect(row(page, "one.md")).to_be_visible()
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Replace one.md by a new file").click()
    chosen.value.set_files(payload("other name.md", "# One\n\nThe second wording is longer."))
    expect(row(page, "one.md")).to_contain_text("version 2")
    page.get_by_role("button", name="Versions of one.md").click()
    page.get_by_role("button", name="Bring back version 1").click()
    expect(page.get_by_text("“one.md” shows version 1 again, as version 3.")).to_be_visible()
    expect(row(page, "one.md")).to_contain_text("version 3")
