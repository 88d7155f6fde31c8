"""The rerank playground in Chromium: examples, labels, comparing, files, errors, every look."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, expect

from app.spreadsheet import csv_bytes
from tests.browser.axe import violations_in_both_themes
from tests.browser.conftest import Complaints, Open

pytestmark = pytest.mark.browser

WORDS = {
    "zh": ("载入示例", "开始", "使用您的指令", "对比有无指令的结果"),
    "en": ("Load example", "Start", "With your instruction", "Compare with and without the instruction"),
}


def playground(open_page: Open, language: str, **form: object) -> Page:
    """The page with its choices loaded."""
    page = open_page(language, path="/rerank-playground", **form)
    expect(page.locator("#example option")).not_to_have_count(0)
    return page


def typed(page: Page, query: str, candidates: str, instruction: str = "") -> None:
    page.locator("#query").fill(query)
    page.locator("#candidates").fill(candidates)
    page.locator("#instruction").fill(instruction)


@pytest.mark.parametrize(("language", "width"), [("zh", 360), ("en", 1280)])
def test_example_is_judged_compared_and_readable_by_everyone(
    open_page: Open, language: str, width: int
) -> None:
    page = playground(open_page, language, width=width, height=800, dark=width == 360)
    load, start, steered, compare = WORDS[language]
    assert violations_in_both_themes(page) == []
    page.get_by_role("button", name=load).click()
    page.get_by_label(compare).check()
    page.get_by_role("button", name=start).click()
    table = page.get_by_role("region", name=steered)
    labels = table.get_by_role("rowheader").locator(".flag")
    if language == "zh":
        expect(labels).to_have_text(["B", "C", "E", "A", "D"])  # the worked example's wanted order
    expect(labels.first).to_have_text("B")
    expect(page.get_by_role("region", name=re.compile("默认指令|own default"))).to_be_visible()
    expect(table.locator(".number").first).to_have_text(re.compile(r"^[01]\.\d\d$"))
    assert violations_in_both_themes(page) == []
    assert page.evaluate("document.querySelector('.sheet').scrollWidth") <= width


def test_labels_and_a_pasted_prompt_are_taken_off_and_said(open_page: Open) -> None:
    page = playground(open_page, "en")
    sent: list[Any] = []

    def seen(one: Request) -> None:
        if one.method == "POST":
            sent.append(one.post_data_json)

    page.on("request", seen)
    typed(page, "<Query>: stamps", "A. the seal\n(B) <b>no</b>\n3) -1", "<Instruct>: seals first")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#said")).to_contain_text("was taken off")
    expect(page.get_by_label("Instruction (optional)")).to_have_value("seals first")
    assert sent[0] == {
        "query": "stamps", "candidates": ["the seal", "<b>no</b>", "-1"], "instruction": "seals first",
    }  # fmt: skip
    page.get_by_label("Do not show labels").uncheck()
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#said")).to_have_text("3 candidates judged.")
    assert sent[1]["candidates"] == ["A. the seal", "(B) <b>no</b>", "3) -1"]


def test_names_that_look_like_a_label_stay_whole(open_page: Open) -> None:
    page = playground(open_page, "en")
    found = page.evaluate("""async () => {
      const { candidatesOf } = await import("/static/typed.js");
      const texts = (typed, blocks = false) => candidatesOf(typed, blocks).candidates.map((one) => one.text);
      return [texts("C. elegans is a worm\\nit eats bacteria"), texts("1.5 V\\n2.5 V"), texts("A. x\\nA. y"),
        texts("a\\nb\\n\\n c\\r\\n\\r\\nd", true), texts("\\n\\n"),
        texts("A\\u3001\\u7532\\nB\\uff1a\\u4e59")];
    }""")
    assert found == [["C. elegans is a worm", "it eats bacteria"], ["1.5 V", "2.5 V"], ["A. x", "A. y"],
                     ["a\nb", "c", "d"], [], ["甲", "乙"]]  # fmt: skip


def test_files_hold_the_whole_result_and_no_formula(open_page: Open, tmp_path: Path) -> None:
    page = playground(open_page, "zh")
    typed(page, "报销", '=1+1\n发票,"专用"章\n＝cmd\n@a\n-1', "盖章优先")
    page.get_by_label("对比有无指令的结果").check()
    page.get_by_role("button", name="开始").click()
    expect(page.locator("#said")).to_have_text("已给 5 条候选打分。")
    with page.expect_download() as started:
        page.get_by_role("button", name="下载 CSV").click()
    started.value.save_as(tmp_path / "rerank.csv")
    data = (tmp_path / "rerank.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[0] == ["rank", "original_index", "score", "text", "instruction", "model", "ms"]
    assert len(rows) == 11  # both ways
    assert csv_bytes(rows[0], [[cell.removeprefix("'") for cell in row] for row in rows[1:]]) == data
    first = {row[1]: row for row in rows[1:6]}
    assert first["1"][3] == "'=1+1"
    assert first["2"][3] == '发票,"专用"章'
    assert first["3"][3] == "'＝cmd"
    assert {row[4] for row in rows[1:6]} == {"盖章优先"}
    with page.expect_download() as started:
        page.get_by_role("button", name="下载 JSON").click()
    started.value.save_as(tmp_path / "rerank.json")
    told = json.loads((tmp_path / "rerank.json").read_text(encoding="utf-8"))
    assert told["query"] == "报销"
    assert {each["text"] for each in told["results"]} == {"=1+1", '发票,"专用"章', "＝cmd", "@a", "-1"}
    page.get_by_role("button", name="复制为 curl 命令").click()
    expect(page.locator("#command")).to_contain_text("/v1/rerank")


def test_errors_name_the_field_and_loading_an_example_can_be_undone(
    open_page: Open, complaints: Complaints
) -> None:
    complaints.expected = ("status of 413",)
    page = playground(open_page, "en")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("The question is empty")
    expect(page.locator("#query")).to_be_focused()
    typed(page, "mine", "\n".join(f"c{i}" for i in range(101)))
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("101 candidates; at most 100")
    page.get_by_role("button", name="Load example").click()
    expect(page.locator("#query")).not_to_have_value("mine")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("#query")).to_have_value("mine")
    page.reload()
    expect(page.locator("#query")).to_have_value("mine")
