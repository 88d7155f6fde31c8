"""Questions that name a section, announce a table, or ask for what a label holds."""

from dataclasses import replace

from generation.cite import cite
from generation.extractive import ExtractiveGenerator
from generation.types import Sampling
from retrieval.types import Language, Passage
from tests.fakes.generation import a_passage, a_prompt

GUIDE = "调优指南"
DISK = "第四章 磁盘异常排查步骤"
OVERVIEW = a_passage(
    1, f"{DISK}\n\n磁盘异常按两步排查。", title=GUIDE, headings=(GUIDE, DISK), pages=(2,), start=100
)
FIRST = a_passage(
    3, "4.1 确认现象\n\niostat -x 1 | # 看利用率\ntop | # 看等待", title=GUIDE,
    headings=(GUIDE, DISK, "4.1 确认现象"), pages=(2,), start=200,
)  # fmt: skip
SECOND = a_passage(
    2, "4.2 定位进程\n\n运行 iotop 找到进程。", title=GUIDE, headings=(GUIDE, DISK, "4.2 定位进程"),
    pages=(3,), start=300,
)  # fmt: skip
OTHER = a_passage(4, "涉及磁盘异常的，按《调优指南》的排查步骤办理。", title="值班手册")
TERMS = a_passage(
    1,
    "## 解除的法定情形\n\n法定情形分为下表各类。办理前先确定类别。\n\n| 类别 | 依据 |\n| --- | --- |\n"
    "| 协商一致 | 第三十六条 |\n| 严重失职 | 第三十九条 |\n",
    title="合同制度", headings=("合同制度", "解除的法定情形"),
)  # fmt: skip
RUNBOOK = a_passage(
    1,
    "## CB-5203: index behind\n\n**Symptom.** New messages cannot be found; the page shows CB-5203.\n\n"
    "**Steps to reproduce.**\n\n1. Pause one consumer.\n2. Send messages.\n\n"
    "**Verified fix.**\n\n1. Compare the lag: `cbctl index lag`.\n2. Restart the consumer.\n",
    title="Runbook", headings=("Runbook", "CB-5203: index behind"),
)  # fmt: skip


def answer(question: str, *passages: Passage, language: Language = "zh") -> str:
    prompt = a_prompt(question, *passages, language=language)
    return "".join(ExtractiveGenerator().stream(prompt, Sampling()))


def test_keywords_that_name_a_section_get_its_subsections_in_reading_order() -> None:
    assert answer("磁盘异常排查步骤", OVERVIEW, SECOND, FIRST, OTHER) == (
        "根据《调优指南》“第四章 磁盘异常排查步骤”部分：\n\n磁盘异常按两步排查。[1]\n\n**4.1 确认现象**\n\n"
        "```\niostat -x 1 | # 看利用率\ntop | # 看等待\n```\n[3]\n\n"
        "**4.2 定位进程**\n\n运行 iotop 找到进程。[2]"
    )


def test_a_section_of_a_much_less_relevant_passage_is_not_what_was_named() -> None:
    near = a_passage(1, "值班时遇到磁盘异常，请先按排查步骤表登记。", title="值班手册")
    far = replace(OVERVIEW, number=2, relevance=0.3)
    assert answer("磁盘异常排查步骤", near, far).startswith("根据《值班手册》")


def test_a_question_for_one_fact_does_not_get_the_section() -> None:
    written = answer("磁盘异常排查步骤由谁执行？", OVERVIEW, SECOND, FIRST)
    assert "iostat" not in written


def test_particulars_of_a_document_are_left_out_where_there_is_more() -> None:
    head = "# 投诉处理流程\n\n文件编号：CB-12　版本：V1.4\n\n## 步骤\n\n1. 受理。\n2. 派单。"
    written = answer("投诉处理流程", a_passage(1, head, title="投诉处理流程", headings=("投诉处理流程",)))
    assert written == "根据《投诉处理流程》：\n\n**步骤**\n\n1. 受理。\n2. 派单。[1]"


def test_a_table_that_is_announced_comes_along_after_the_rest_of_its_paragraph() -> None:
    written = answer("解除劳动关系有哪些法定情形？", TERMS)
    assert written.endswith(
        "法定情形分为下表各类。办理前先确定类别。[1]\n\n| 类别 | 依据 |\n| --- | --- |\n"
        "| 协商一致 | 第三十六条 |\n| 严重失职 | 第三十九条 |\n\n[1]"
    )
    assert [citation.quote for citation in cite(written, [TERMS]).citations][1].endswith("| 第三十九条 |")


def test_a_remedy_is_taken_from_under_its_label_and_not_from_the_symptom() -> None:
    question = "New messages cannot be found and the page shows CB-5203. What should the engineer do first?"
    assert answer(question, RUNBOOK, language="en") == (
        "According to “Runbook › Verified fix”:\n\n1. Compare the lag: `cbctl index lag`.\n"
        "2. Restart the consumer. [1]"
    )


def test_things_that_are_compared_are_quoted_both() -> None:
    first = a_passage(1, "- 补数：有串行补数、并行补数两种。\n\n- 串行补数：依次执行。", title="工作流")
    second = a_passage(2, "- 并行补数：同时执行。", title="工作流")
    written = answer("串行补数和并行补数有什么不同？", first, second)
    assert "串行补数：依次执行。" in written
    assert "并行补数：同时执行。[2]" in written


def test_the_largest_of_a_table_that_may_go_on_elsewhere_is_not_named() -> None:
    rows = "\n".join(f"| M{i} | {i}00 元 |" for i in range(1, 7))
    written = answer("单价最高的型号是哪个？", a_passage(1, f"| 型号 | 单价 |\n| --- | --- |\n{rows}\n"))
    assert rows in written
