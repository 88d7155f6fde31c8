"""The evaluation page in Chromium: a golden set, its cases, a run with its result, a comparison."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Complaints, Open

pytestmark = pytest.mark.browser

QUESTIONS = """question,answerable
报销发票需要哪些盖章？,
公司今年的年终奖发几个月工资？,no
"""


@pytest.fixture
def golden(server: str) -> Iterator[str]:
    """The id of a golden set about the demo documents with two cases; all of it is gone afterwards."""
    with httpx.Client(base_url=server, timeout=30) as client:
        made = client.post("/api/golden", json={"collection": "demo", "name": "页面"}).json()
        cases = f"/api/golden/{made['id']}/cases"
        evidence = [{"document": "财务制度V3.2.pdf"}]
        asked = {"question": "报销发票需要哪些盖章？", "evidence": evidence}
        client.post(cases, json=asked).raise_for_status()
        client.post(cases, json={"question": "公司发几个月年终奖？", "answerable": False}).raise_for_status()
        yield made["id"]
        for each in client.get("/api/evaluations").json()["data"]:
            client.delete(f"/api/evaluations/{each['id']}")
        client.delete(f"/api/golden/{made['id']}")


def evaluation(open_page: Open, language: str, **form: object) -> Page:
    page = open_page(language, path="/evaluation", **form)
    expect(page.locator("#runs").locator("p, table").first).to_be_visible()
    return page


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_set_is_asked_and_its_result_is_readable_by_everyone(
    open_page: Open, golden: str, language: str, width: int
) -> None:
    page = evaluation(open_page, language, width=width, dark=width == 360)
    page.get_by_text("开始一次评测" if language == "zh" else "Start an evaluation").click()
    assert violations_in_both_themes(page) == []
    start = page.get_by_role("button", name="开始" if language == "zh" else "Start", exact=True)
    for done in (1, 2):
        start.click()
        expect(page.locator("#runs").get_by_role("checkbox")).to_have_count(done, timeout=30_000)
    page.get_by_role("button", name="的结果" if language == "zh" else "Results of").first.click()
    result = page.locator("#shown")
    steered = "有重排" if language == "zh" else "With reranking"
    expect(result.get_by_role("columnheader", name=steered).first).to_be_visible()
    expect(result.get_by_role("row").filter(has_text="MRR@10")).to_contain_text("1.00 (1.00–1.00)")
    expect(result.get_by_role("img").locator(".chart-line")).to_be_attached()
    calibrated = "1 个有答案" if language == "zh" else "1 answerable and 1 unanswerable"
    expect(result).to_contain_text(calibrated)
    first = "首个相关：#1" if language == "zh" else "first relevant: #1"
    expect(result.get_by_role("row").filter(has_text="报销发票需要哪些盖章？")).to_contain_text(first)
    refused = "未作答" if language == "zh" else "not answered"
    expect(result.get_by_role("row").filter(has_text="公司发几个月年终奖？")).to_contain_text(refused)
    assert violations_in_both_themes(page) == []
    for each in page.locator("#runs").get_by_role("checkbox").all():
        each.check()
    page.locator("#compare").click()
    compared = "对比" if language == "zh" else "Comparison"
    expect(result.get_by_role("heading", name=compared, exact=True)).to_be_visible()
    expect(result.get_by_role("row").filter(has_text="reranked mrr@10")).to_contain_text("+0.000")
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width
    page.locator("#runs").get_by_role("button", name="删除" if language == "zh" else "Delete").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#runs tbody tr")).to_have_count(2)
    page.locator("#runs").get_by_role("button", name="删除" if language == "zh" else "Delete").first.click()
    dialog.get_by_role("button", name="删除" if language == "zh" else "Delete").click()
    expect(page.locator("#runs tbody tr")).to_have_count(1)


def test_cases_come_in_by_csv_are_edited_and_go_out_again(
    open_page: Open, golden: str, tmp_path: Path, server: str, complaints: Complaints
) -> None:
    complaints.expected = ("status of 422",)
    page = evaluation(open_page, "en")
    (tmp_path / "more.csv").write_text(QUESTIONS, encoding="utf-8")
    page.get_by_label("Import a CSV file into 页面").set_input_files(tmp_path / "more.csv")
    expect(page.locator("#said")).to_contain_text("imported")
    cases = page.locator("#cases tbody tr")
    expect(cases).to_have_count(4)
    draft = cases.filter(has=page.get_by_text("draft", exact=True))
    expect(draft).to_have_count(1)  # answerable, and no evidence yet
    draft.get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Document that answers it").fill("nothing.pdf")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("nothing.pdf")
    dialog.get_by_label("Document that answers it").fill("财务制度V3.2.pdf")
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_have_text("Case changed and accepted.")
    expect(draft).to_have_count(0)
    with page.expect_download() as started:
        page.get_by_role("link", name="Export CSV").click()
    rows = list(csv.DictReader(io.StringIO(started.value.path().read_text(encoding="utf-8-sig"))))
    assert len(rows) == 4
    cases.last.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(cases).to_have_count(3)
    assert httpx.get(f"{server}/api/golden/{golden}").json()["accepted"] == 3


def test_every_piece_of_evidence_is_edited_added_and_removed(
    open_page: Open, golden: str, server: str
) -> None:
    page = evaluation(open_page, "en", width=360)
    page.get_by_role("button", name="Show the cases of 页面").click()
    cases = page.locator("#cases tbody tr")
    cases.filter(has_text="报销发票需要哪些盖章？").get_by_role("button", name="Edit").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Add evidence").click()
    second = dialog.get_by_role("group", name="Evidence 2")
    expect(second.get_by_label("Document that answers it")).to_be_focused()
    second.get_by_label("Words of the document").fill("发票")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("need its name")
    second.get_by_label("Document that answers it").fill("财务制度V3.2.pdf")
    assert violations_in_both_themes(page) == []
    dialog.get_by_role("button", name="Save").click()
    expect(page.locator("#said")).to_have_text("Case changed and accepted.")
    answered = [each for each in _cases(server, golden) if each["answerable"]]
    assert [each["quote"] for each in answered[0]["evidence"]] == ["", "发票"]
    cases.filter(has_text="报销发票需要哪些盖章？").get_by_role("button", name="Edit").click()
    dialog.get_by_role("button", name="Remove evidence 1").click()
    expect(dialog.get_by_role("group", name="Evidence 2")).to_have_count(0)
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    answered = [each for each in _cases(server, golden) if each["answerable"]]
    assert [each["quote"] for each in answered[0]["evidence"]] == ["发票"]


def test_why_a_case_is_a_draft_is_said_in_chinese(open_page: Open, golden: str, server: str) -> None:
    ghost = {"question": "鬼？", "evidence": [{"document": "没有.pdf"}]}
    httpx.post(f"{server}/api/golden/{golden}/cases", json=ghost).raise_for_status()
    page = evaluation(open_page, "zh")
    page.get_by_role("button", name="页面").first.click()
    expect(page.locator("#cases")).to_contain_text("知识库 'demo' 中没有文档 '没有.pdf'")


def _cases(server: str, golden: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = httpx.get(f"{server}/api/golden/{golden}/cases").json()["data"]
    return found
