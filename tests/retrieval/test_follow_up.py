"""Follow-ups take over what they leave out; questions that stand alone stay as they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.follow_up import complete
from retrieval.types import Exchange, Scope
from retrieval.understand import understand

SCOPE = Scope(frozenset({"kb"}))


def _after(question: str, *earlier: str) -> str:
    return complete(question, [Exchange(each, "") for each in earlier])


@pytest.mark.parametrize(
    ("before", "asked", "completed"),
    [
        ("签收后多久可以退货？", "那定制商品呢？", "定制商品 签收后多久可以退货？"),
        ("差旅报销标准是多少？", "北京呢", "北京 差旅报销标准是多少？"),
        ("企业版的单点登录怎么配置？", "它支持 OIDC 吗？", "企业版 单点登录 配置 它支持 OIDC 吗？"),
        ("发票丢了怎么办？", "具体步骤是什么？", "发票丢 具体步骤是什么？"),
        ("How long is annual leave?", "And for contractors?", "contractors How long is annual leave?"),
        ("How do refunds work?", "What about opened devices?", "opened devices How do refunds work?"),
        ("What is the restocking fee?", "When is it waived?", "restocking fee When is it waived?"),
        ("签收后多久可以退货？", "And for contractors?", "contractors 签收后多久可以退货？"),
    ],
)
def test_follow_up_takes_over_what_it_leaves_out(before: str, asked: str, completed: str) -> None:
    assert _after(asked, before) == completed


@pytest.mark.parametrize(
    "asked",
    [
        "发票需要哪些盖章？",
        "What is the restocking fee?",
        "How long does it take to get a refund?",
        "Which documents say that contractors may work remotely?",
        "怎么这么慢的接口要排查日志吗？",
    ],
)
def test_question_that_stands_alone_stays_as_it_is(asked: str) -> None:
    assert _after(asked, "签收后多久可以退货？", "企业版的单点登录怎么配置？") == asked


def test_first_question_of_a_conversation_stays_as_it_is() -> None:
    assert _after("那定制商品呢？") == "那定制商品呢？"


def test_follow_up_of_a_follow_up_reaches_the_first_question() -> None:
    completed = _after("海外客户呢？", "签收后多久可以退货？", "那定制商品呢？")
    assert completed == "海外客户 定制商品 签收后多久可以退货？"


def test_follow_up_reads_the_last_subject_not_the_first() -> None:
    completed = _after("它要多少钱？", "签收后多久可以退货？", "企业版的单点登录怎么配置？")
    assert "单点登录" in completed
    assert "退货" not in completed


def test_completed_question_is_searched_in_the_language_that_was_asked() -> None:
    query = understand("那退款呢？", SCOPE, "退款 How long does delivery take abroad with insurance?")
    assert query.asked == "那退款呢？"
    assert query.text.startswith("退款 How long")
    assert query.language == "zh"
    assert not query.vague


@given(st.text(max_size=60), st.lists(st.text(max_size=60), max_size=4))
def test_every_content_word_of_the_question_is_kept(asked: str, earlier: list[str]) -> None:
    from retrieval.analysis import content_terms

    assert set(content_terms(asked)) <= set(content_terms(_after(asked, *earlier)))
