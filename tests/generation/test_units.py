"""Passages in pieces: lists, tables, code, and lines that a PDF has broken."""

import pytest

from generation.marks import escape_marks, find_marks
from generation.markup import cells, plain
from generation.spans import passage_spans
from generation.units import split_units
from tests.fakes.generation import a_passage


def kinds(text: str, *, pages: tuple[int, ...] = ()) -> list[tuple[str, str]]:
    return [(unit.kind, unit.shown) for unit in split_units(a_passage(1, text, pages=pages))]


def test_every_block_becomes_its_own_units() -> None:
    text = (
        "# 标题\n\n第一句。第二句。\n\n- 甲\n  续行\n- 乙\n\n"
        "| A | B |\n|--|--|\n| 1 | 2 |\n\n```sh\nls\n```\n"
    )
    assert kinds(text) == [
        ("heading", "标题"),
        ("sentence", "第一句。"),
        ("sentence", "第二句。"),
        ("item", "甲 续行"),
        ("item", "乙"),
        ("row", "1: 2"),
        ("code", "```sh\nls\n```"),
    ]


def test_units_keep_their_place_in_the_passage() -> None:
    passage = a_passage(1, "前言。\n\n1. **打开**页面\n2. 保存")
    assert [passage.text[u.start : u.end] for u in split_units(passage)] == [
        "前言。", "1. **打开**页面", "2. 保存"
    ]  # fmt: skip


def test_chinese_step_markers_are_ordered_items() -> None:
    text = "A： 1，先登录\n\n\u200b 2，再导出\n\n（3）完成\n第四步：关闭"
    assert [(u.marker, u.shown, u.ordered) for u in split_units(a_passage(1, text))] == [
        ("1，", "先登录", True),
        ("2，", "再导出", True),
        ("（3）", "完成", True),
        ("第四步：", "关闭", True),
    ]


def test_versions_and_decimals_are_no_step_markers() -> None:
    assert kinds("3.0.0 版本发布。\n\n1.5 倍。") == [
        ("sentence", "3.0.0 版本发布。"),
        ("sentence", "1.5 倍。"),
    ]


def test_questions_are_headings_and_answers_lose_their_label() -> None:
    assert kinds("Q：能装在 Windows 上吗？\n\nA：可以。") == [
        ("heading", "Q：能装在 Windows 上吗？"),
        ("sentence", "可以。"),
    ]


def test_a_table_that_starts_in_the_middle_keeps_its_cells() -> None:
    assert kinds("| Worker | 1234 |\n| Api | |") == [("row", "Worker; 1234"), ("row", "Api")]


def test_images_rules_and_comments_are_left_out() -> None:
    text = "![图](a.png)\n\n---\n\n<!-- 注 -->\n\n[//]: # (note)\n\n<br/>\n\n文字。"
    assert kinds(text) == [("sentence", "文字。")]


def test_lines_broken_by_a_pdf_are_one_sentence() -> None:
    text = "公司定于十月组织秋季团建活动，各部门须在\n九月底前报名，逾期不再受理。\n第二条 费用"
    assert kinds(text, pages=(1,))[0] == (
        "sentence",
        "公司定于十月组织秋季团建活动，各部门须在九月底前报名，逾期不再受理。",
    )
    passage = a_passage(1, text, pages=(1,))
    start, end = passage_spans(passage)[0]
    assert passage.text[start:end].endswith("受理。")


def test_a_bold_word_after_a_sentence_keeps_its_mark() -> None:
    passage = a_passage(1, "**继续**是指等待。**结束**是指停止。")
    assert [passage.text[a:b] for a, b in passage_spans(passage)] == [
        "**继续**是指等待。",
        "**结束**是指停止。",
    ]


def test_markup_goes_and_words_stay() -> None:
    text = "> **注意**：见[文档](https://e.com/a_(b))，执行 `a*b*c`，<b>勿</b>删 <version>、t_ds_x、\\$HOME。"
    assert plain(text) == "注意：见文档，执行 `a*b*c`，勿删 <version>、t_ds_x、$HOME。"


def test_escaped_bars_stay_inside_their_cell() -> None:
    assert cells("| a\\|b | **c** |") == ["a|b", "c"]


def test_a_table_and_a_numbered_heading_of_a_pdf_are_recognised_without_markdown() -> None:
    text = "前言。\n\n5.2 SAML 配置\n\n参数 | 值\n算法 | RSA\n端口 | 443\n"
    assert kinds(text, pages=(5,)) == [
        ("sentence", "前言。"),
        ("heading", "5.2 SAML 配置"),
        ("row", "算法：RSA"),
        ("row", "端口：443"),
    ]


def test_a_pdf_table_cut_at_its_beginning_gets_no_wrong_column_names() -> None:
    assert kinds("算法 | RSA | 必填\n端口 | 443 | 选填", pages=(5,)) == [
        ("row", "算法；RSA；必填"),
        ("row", "端口；443；选填"),
    ]


def test_a_pipe_in_plain_text_is_no_table() -> None:
    assert kinds("执行 cat a | grep b 即可。") == [("sentence", "执行 cat a | grep b 即可。")]


def test_a_bold_line_is_a_heading_and_a_run_in_label_belongs_to_its_sentence() -> None:
    text = "**Symptom.** Search is slow. Users complain.\n\n**Verified fix.**\n\n1. Restart.\n"
    assert kinds(text) == [
        ("sentence", "Symptom. Search is slow."),
        ("sentence", "Users complain."),
        ("heading", "Verified fix."),
        ("item", "Restart."),
    ]


def test_a_bold_statement_is_no_heading() -> None:
    assert kinds("**请勿重启，否则数据会丢失。**") == [("sentence", "请勿重启，否则数据会丢失。")]


def test_commands_of_a_pdf_are_code_and_no_table() -> None:
    text = "步骤如下。\n\ntop | # 看 wa 一列\nvmstat 1 5 | # 看 b 列\n\nps -eo pid | grep D # 进程\n"
    assert kinds(text, pages=(2,))[1:] == [
        ("code", "```\ntop | # 看 wa 一列\nvmstat 1 5 | # 看 b 列\n```"),
        ("code", "```\nps -eo pid | grep D # 进程\n```"),
    ]


def test_a_sentence_that_names_a_table_below_announces_it() -> None:
    shown = ["分为下表各类。", "按种类依照下表执行。", "See the table below.", "下图是示例。", "他在下面。"]
    units = [split_units(a_passage(1, text))[0] for text in shown]
    assert [unit.announces for unit in units] == [True, True, True, False, False]


def test_a_sentence_that_goes_on_after_naming_what_is_below_announces_it() -> None:
    shown = [
        "住宿费在下列标准内据实报销，两人同行的合住。",
        "下列人员不适用本条所说的任何一项规定，其他人照旧。",
    ]
    units = [split_units(a_passage(1, text))[0] for text in shown]
    assert [unit.announces for unit in units] == [True, False]


@pytest.mark.parametrize(
    "repeated",
    [
        "**a ", "__a **b ", "**标题**：", "第一章", "![", "![](", "[a](b \"c", "[^", "<!--", "`a`[1]", "[1]",
        " \t", "|-", "!", "“a", "> ", "# ", "a, ",
    ],
)  # fmt: skip
def test_no_passage_takes_time_by_the_square_of_its_length(repeated: str) -> None:
    text = repeated * (200_000 // len(repeated)) + "x"
    units = split_units(a_passage(1, text, pages=(1,) if repeated in ("第一章", "|-", " \t") else ()))
    assert all(0 <= unit.start < unit.end <= len(text) for unit in units)
    assert units[-1].end == len(text)


@pytest.mark.parametrize("run", ["`", "*", "!", " ", "-", "\t"])
def test_no_run_of_one_character_does_either(run: str) -> None:
    long = run * 200_000
    assert split_units(a_passage(1, f"a。{long}b。"))[-1].end == 200_004
    assert plain(f"|{long}x|").endswith("x|")


def test_marks_beside_code_are_found_and_escaped_in_one_go() -> None:
    text = "`[2]`[1]" * 20_000
    assert len(find_marks(text)) == 20_000
    assert escape_marks(text) == "`[2]`\\[1\\]" * 20_000


def test_marks_that_close_nothing_stay_and_the_others_go() -> None:
    assert plain("**a b __c__ d") == "**a b c d"
    assert plain("a ** b **c**") == "a ** b c"
    assert plain("***a** b*") == "a b"
    assert plain("**a __b__ c** 与 **d**") == "a b c 与 d"
    assert plain("<!-- one --> a <!-- two") == "a <!-- two"
    assert plain("a ``b` c [1]") == "a ``b` c \\[1\\]"
