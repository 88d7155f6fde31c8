"""What is said without evidence."""

from generation.abstain import abstain, clarify
from tests.fakes.generation import a_passage

HANDBOOK = a_passage(1, "甲", title="员工手册", pages=(4,)).chunk
MORE = a_passage(2, "乙", title="员工手册", pages=(2, 4)).chunk
RULES = a_passage(3, "丙", title="考勤制度").chunk


def test_a_refusal_names_the_nearest_documents_once_with_their_pages() -> None:
    answer = abstain("年假几天？", language="zh", nearest=[HANDBOOK, MORE, RULES], relevance=0.123, floor=0.3)
    assert answer.text == (
        "知识库里没有找到能回答“年假几天？”的内容，所以不作回答。\n\n"
        "最接近的文档是《员工手册》（第 2, 4 页）和《考勤制度》，但它们与问题的相关度不够"
        "（最高 0.12，作为依据至少要 0.30）。\n\n可以换一种说法再问，或请管理员补充相关文档。"
    )
    assert (answer.outcome, answer.citations, answer.passages) == ("abstained", (), ())


def test_an_english_refusal_reads_as_recorded() -> None:
    nearest = [HANDBOOK, RULES]
    answer = abstain("How many days off?", language="en", nearest=nearest, relevance=None, floor=None)
    assert answer.text == (
        "The knowledge base holds nothing that answers “How many days off?”, so no answer is given.\n\n"
        "The nearest documents are “员工手册” (page 4) and “考勤制度”, but they are not relevant enough.\n\n"
        "You can ask in other words, or ask an administrator to add documents on this."
    )


def test_an_empty_knowledge_base_has_no_nearest_document() -> None:
    answer = abstain("年假几天？", language="zh", nearest=[], relevance=None, floor=0.3)
    assert "最接近" not in answer.text


def test_a_long_question_is_not_repeated() -> None:
    answer = abstain("很" * 61, language="zh", nearest=[], relevance=None, floor=None)
    assert answer.text.startswith("知识库里没有找到能回答这个问题的内容")


def test_a_vague_question_is_answered_with_suggestions() -> None:
    asked_back = clarify("zh", ["CRM 导出 Excel 失败怎么办？", " ", "怎么\n导出客户列表？"])
    assert asked_back.suggestions == ("CRM 导出 Excel 失败怎么办？", "怎么 导出客户列表？")
    assert asked_back.answer.text.endswith(
        "您想问的是不是：\n- CRM 导出 Excel 失败怎么办？\n- 怎么 导出客户列表？"
    )
    assert asked_back.answer.outcome == "abstained"


def test_a_vague_question_without_suggestions_asks_for_more() -> None:
    asked_back = clarify("en", [])
    assert asked_back.answer.text.endswith("or the error message.")
    assert "Did you mean" not in asked_back.answer.text
