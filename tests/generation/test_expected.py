"""What a question asks for, and what it only tells."""

import pytest

from generation.expected import (
    Kind,
    compared,
    expected_kinds,
    headed,
    situation,
    sub_questions,
    without_actor,
)


def test_the_situation_before_a_question_is_no_question() -> None:
    question = "An export fails with CB-5021. What is the verified fix?"
    assert sub_questions(question) == ["What is the verified fix?"]
    assert situation(question).split() == ["An", "export", "fails", "with", "CB-5021."]


def test_a_question_inside_quotation_marks_is_not_asked() -> None:
    assert sub_questions("客户问『能退货吗？』，怎么答？") == ["客户问『能退货吗？』，怎么答？"]


def test_keywords_are_one_question() -> None:
    assert sub_questions("客户投诉处理流程") == ["客户投诉处理流程"]


def test_two_questions_are_answered_one_by_one() -> None:
    assert sub_questions("扣多少手续费？退款多久到账？") == ["扣多少手续费？", "退款多久到账？"]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("What is the verified fix?", Kind.REMEDY),
        ("What should the engineer do first?", Kind.REMEDY),
        ("验签失败怎么处理？", Kind.REMEDY),
        ("解除的法定情形", Kind.LISTING),
        ("单价最高的是哪个？", Kind.EXTREME),
        ("How soon are customers informed?", Kind.DURATION),
    ],
)
def test_the_words_of_a_question_tell_what_it_expects(question: str, kind: Kind) -> None:
    assert kind in expected_kinds(question)


def test_a_label_announces_what_is_asked_for() -> None:
    assert headed(Kind.REMEDY, "Verified fix.")
    assert headed(Kind.REASON, "原因")
    assert not headed(Kind.REMEDY, "Steps to reproduce.")


def test_who_is_to_act_is_not_what_is_asked() -> None:
    assert without_actor("What should the on-call engineer do first?") == "What should   do first?"


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("串行补数和并行补数有什么不同？", ("串行补数", "并行补数")),
        ("Conditions 和 Switch 两种节点有什么区别？", ("Conditions", "Switch")),
        ("What is the difference between SAML and OIDC?", ("SAML", "OIDC")),
        ("怎么退货？", ()),
    ],
)
def test_what_is_compared_is_recognised(question: str, names: tuple[str, ...]) -> None:
    assert compared(question) == names
