import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.framing import unframed
from retrieval.types import Scope
from retrieval.understand import understand


@pytest.mark.parametrize(
    ("asked", "inner"),
    [
        ("客户问『能不能单点登录集成』，我该怎么答？", "能不能单点登录集成"),
        ("客户问能不能单点登录集成，我该怎么答？", "能不能单点登录集成"),
        ("客户想知道数据备份保留多久，怎么回复他？", "数据备份保留多久"),
        ("有客户来问：退货运费谁出？怎么回答", "退货运费谁出"),
        ("今天有个老客户问我们：“支持鸿蒙吗？”", "支持鸿蒙吗？"),
        ("客户问手机上能用吗", "手机上能用吗"),
        ("A customer asks whether they can get a refund after 20 days. What do I tell them?",
         "they can get a refund after 20 days"),
        ("The client wants to know how long opened items can be returned",
         "how long opened items can be returned"),
        ('Our prospect is asking: "Do you support SSO?" How should I answer?', "Do you support SSO?"),
        ("a customer asked about the price of the L30, what should we say", "the price of the L30"),
    ],
)  # fmt: skip
def test_what_a_customer_asks_is_taken_out_of_the_words_around_it(asked: str, inner: str) -> None:
    assert unframed(asked) == inner


@pytest.mark.parametrize(
    "asked",
    [
        "客户投诉处理流程",
        "客户问题处理流程是什么？",
        "客户问卷怎么发？",
        "客户咨询记录保存多久？",
        "怎么回复投诉邮件？",
        "How do I answer a customer complaint?",
        "Which customers asked for a refund last year?",
        "What do we tell customers about downtime?",
        "customer askew",
        "单点登录怎么配置？",
        "",
    ],
)
def test_other_questions_stay_as_they_are(asked: str) -> None:
    assert unframed(asked) == asked


def test_what_is_searched_is_what_the_customer_asks_and_what_was_asked_is_kept() -> None:
    query = understand("客户问『能不能单点登录集成』，我该怎么答？", Scope(frozenset({"c"})))
    assert (query.text, query.framed) == ("能不能单点登录集成", True)
    assert query.asked == "客户问『能不能单点登录集成』，我该怎么答？"
    assert "客户" not in query.terms


@pytest.mark.parametrize(
    "asked", ["客户问怎么办，怎么回答？", "客户问：", "A customer asks what to do. What do I say?"]
)
def test_frame_around_nothing_is_kept(asked: str) -> None:
    query = understand(asked, Scope(frozenset({"c"})))
    assert (query.text, query.framed) == (asked, False)


@given(st.text(max_size=60))
def test_what_is_taken_out_stands_word_for_word_in_the_question(text: str) -> None:
    for asked in (text, f"客户问：{text}，我该怎么答？", f"A customer asks {text}. What do I say?"):
        assert unframed(asked) in asked
