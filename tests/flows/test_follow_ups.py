"""Questions of a conversation, down the path that chat uses: what was asked before completes them."""

from dataclasses import replace

import pytest

from app.access.principal import LOCAL
from app.conversation import Completed, completed
from app.demo import DEMO
from app.result import Result
from app.services import Services
from generation.protocols import never
from retrieval.types import Exchange, Notice
from tests.fakes.generation import ScriptedGenerator

STAMPS = Exchange("报销发票需要哪些盖章？", "")


def _ask(demo: Services, question: str, *earlier: Exchange) -> Result:
    return demo.answer(replace(demo.ask(question, collections=(DEMO,), principal=LOCAL), history=earlier))


def test_vague_question_is_searched_with_the_one_before(demo: Services) -> None:
    assert [notice.code for notice in _ask(demo, "这个怎么弄？").notices][-1] == "vague_question"
    result = _ask(demo, "这个怎么弄？", STAMPS)
    assert result.notices[0] == Notice.of("follow_up_completed", question="报销发票 盖章 这个怎么弄？")
    assert result.candidates
    assert result.question == "这个怎么弄？"


def test_follow_up_finds_what_the_whole_question_finds(demo: Services) -> None:
    whole = _ask(demo, "报销发票需要哪些盖章？")
    follow_up = _ask(demo, "那它需要盖什么章？", Exchange("怎么报销发票？", ""))
    assert follow_up.candidates[0].chunk.document == whole.candidates[0].chunk.document


def test_question_that_stands_alone_is_answered_as_without_a_conversation(demo: Services) -> None:
    alone = _ask(demo, "报销发票需要哪些盖章？")
    later = _ask(demo, "报销发票需要哪些盖章？", Exchange("服务器磁盘IO异常排查步骤", ""))
    assert later.answer.text == alone.answer.text
    assert "follow_up_completed" not in {notice.code for notice in later.notices}


def test_model_that_writes_completes_the_question_itself(demo: Services) -> None:
    models = replace(demo.models, generator=ScriptedGenerator("问题：专票要盖哪些章？"), rewrites=True)
    assert completed("那专票呢？", [STAMPS], models, never) == Completed(
        "专票要盖哪些章？", (Notice.of("follow_up_completed", question="专票要盖哪些章？"),)
    )
    assert completed("那专票呢？", [], models, never) == Completed("")


def test_rule_stands_in_where_the_model_writes_no_question(demo: Services) -> None:
    models = replace(demo.models, generator=ScriptedGenerator("我不知道。"), rewrites=True)
    found = completed("那专票呢？", [STAMPS], models, never)
    assert found.text == "专票 报销发票需要哪些盖章？"
    assert [notice.code for notice in found.notices] == ["follow_up_completed", "rewrite_failed"]


@pytest.mark.parametrize(
    ("question", "document"),
    [
        ("客户数据存放在哪些地区？", "security-compliance-faq.pdf"),
        ("What stamps does a reimbursed invoice need?", "财务制度V3.2.pdf"),
    ],
)
def test_question_finds_pages_of_the_other_language(demo: Services, question: str, document: str) -> None:
    found = [ranked.chunk.document for ranked in _ask(demo, question).candidates[:3]]
    assert document in found
