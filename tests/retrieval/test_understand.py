import pytest

from retrieval.types import Scope
from retrieval.understand import understand

SCOPE = Scope(frozenset({"kb"}))


@pytest.mark.parametrize(
    "question",
    [
        "怎么弄？", "这个怎么办", "这个失败了怎么办", "流程是什么", "不能用了", "how do I do it?", "help",
        "it doesn't work", "？？", "",
    ],
)
def test_question_without_a_subject_is_vague(question: str) -> None:
    assert understand(question, SCOPE).vague


@pytest.mark.parametrize(
    "question",
    [
        "CRM 导出 Excel 失败怎么办？", "税？", "会议", "报销流程", "VPN 在哪", "怎么退款", "CB-5021",
        "how does SSO work?",
    ],
)
def test_question_with_a_subject_is_not_vague(question: str) -> None:
    assert not understand(question, SCOPE).vague


def test_question_is_cleaned_and_analysed() -> None:
    query = understand("  报销\u200b发票\n需要哪些盖章？ ", SCOPE)
    assert query.asked == "  报销\u200b发票\n需要哪些盖章？ "
    assert query.text == "报销发票 需要哪些盖章？"
    assert query.language == "zh"
    assert query.terms == ("报销", "销发", "发票", "盖章")
    assert query.scope is SCOPE
    assert query.variants == ()
