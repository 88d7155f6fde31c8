"""The questions the product is made for, on the demo knowledge base, down the path that chat uses."""

import json
import unicodedata

import pytest

from app.access.principal import LOCAL
from app.demo import DEMO
from app.result import Result
from app.services import Services
from app.settings import shipped

EXAMPLES = json.loads((shipped("demo") / "examples.json").read_text(encoding="utf-8"))
WORKED = ("sso", "invoice-stamps", "complaints", "disk-io", "contract-termination", "wechat-pay-callback")
BY_ID = {example["id"]: example for example in EXAMPLES}


def _ask(demo: Services, example_id: str) -> Result:
    example = BY_ID[example_id]
    wish = example["instruction"]
    return demo.answer(
        demo.ask(example["question"], collections=(DEMO,), instruction=wish, principal=LOCAL)
    )


def _documents(result: Result) -> list[str]:
    return [passage.chunk.document for passage in result.answer.passages if passage.completes is None]


def _fold(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def test_demo_is_a_knowledge_base_a_company_would_have() -> None:
    files = [file for file in (shipped("demo") / "documents").iterdir() if file.is_file()]
    assert len(files) >= 15
    assert sum(file.suffix == ".pdf" for file in files) >= 4


@pytest.mark.parametrize("example_id", WORKED)
def test_wanted_document_ranks_first(demo: Services, example_id: str) -> None:
    assert _documents(_ask(demo, example_id))[0] == BY_ID[example_id]["expected_documents"][0]


def test_single_sign_on_example_gives_the_wanted_first_three(demo: Services) -> None:
    assert _documents(_ask(demo, "sso")) == BY_ID["sso"]["expected_documents"][:3]


@pytest.mark.parametrize("example_id", [e["id"] for e in EXAMPLES if e.get("unwanted_documents")])
def test_distractors_stay_out_of_the_passages(demo: Services, example_id: str) -> None:
    assert not set(_documents(_ask(demo, example_id))) & set(BY_ID[example_id]["unwanted_documents"])


WISHES = (
    "",
    "优先选择含具体配置步骤、协议支持说明和客户可直接使用的FAQ解答",
    "Prefer concrete steps, supported protocols and answers that a customer can use as they stand.",
)


@pytest.mark.parametrize("wish", WISHES)
@pytest.mark.parametrize(
    "question", ["How do I renew my parking permit?", "停车证怎么续？", "火星基地的食堂几点开门？"]
)
def test_what_the_documents_do_not_hold_is_not_answered_whatever_the_instruction(
    demo: Services, question: str, wish: str
) -> None:
    asked = demo.ask(question, collections=(DEMO,), instruction=wish, principal=LOCAL)
    assert demo.answer(asked).answer.outcome == "abstained"


# What the starter models cannot do: they match words, and their translations, one by one.
KNOWN_MISSES = {
    "en-breach-notice": "another passage shares more of the question's words",
    "cross-restocking-fee": "a Chinese question about an English table shares too few words with it",
}


def _answerable() -> list[object]:
    ids = [e["id"] for e in EXAMPLES if e["answerable"] and not e.get("vague")]
    return [
        pytest.param(each, marks=pytest.mark.xfail(reason=KNOWN_MISSES[each], strict=True))
        if each in KNOWN_MISSES
        else each
        for each in ids
    ]


@pytest.mark.parametrize("example_id", _answerable())
def test_answer_says_what_it_must(demo: Services, example_id: str) -> None:
    result = _ask(demo, example_id)
    assert result.answer.outcome == "answered"
    for wanted in BY_ID[example_id]["must_include"]:
        assert any(_fold(choice) in _fold(result.answer.text) for choice in wanted.split("|")), (
            result.answer.text
        )


def test_procedure_of_five_steps_is_answered_in_full(demo: Services) -> None:
    result = _ask(demo, "disk-io")
    steps = [result.answer.text.find(f"4.{number} 第{name}步") for number, name in enumerate("一二三四五", 1)]
    assert -1 not in steps
    assert steps == sorted(steps)
    assert "neighbours_added" in {notice.code for notice in result.notices}
    completing = [passage for passage in result.answer.passages if passage.completes == 1]
    assert [passage.number for passage in completing] == [4, 5, 6]


@pytest.mark.parametrize("example_id", [e["id"] for e in EXAMPLES if e["answerable"]])
def test_every_quote_stands_word_for_word_in_its_passage(demo: Services, example_id: str) -> None:
    result = _ask(demo, example_id)
    assert result.answer.citations
    for citation in result.answer.citations:
        passage = result.answer.passages[citation.number - 1]
        start = citation.start - passage.chunk.start
        assert passage.chunk.text[start : start + len(citation.quote)] == citation.quote


NOT_DECLINED = {
    "zh-year-end-bonus": "a passage on the monthly salary shares some words and reaches .19; the floor, "
    "which nine of ten answerable questions have to pass, is .14",
}


def _unanswerable() -> list[object]:
    ids = [e["id"] for e in EXAMPLES if not e["answerable"] and not e.get("vague")]
    return [
        pytest.param(each, marks=pytest.mark.xfail(reason=NOT_DECLINED[each], strict=True))
        if each in NOT_DECLINED
        else each
        for each in ids
    ]


@pytest.mark.parametrize("example_id", _unanswerable())
def test_question_the_documents_do_not_answer_is_declined(demo: Services, example_id: str) -> None:
    result = _ask(demo, example_id)
    assert result.answer.outcome == "abstained"
    assert result.answer.citations == ()


@pytest.mark.parametrize("example_id", [e["id"] for e in EXAMPLES if e.get("vague")])
def test_vague_question_is_answered_with_ways_to_complete_it(demo: Services, example_id: str) -> None:
    result = _ask(demo, example_id)
    assert result.answer.outcome == "abstained"
    assert [notice.code for notice in result.notices][-1] == "vague_question"
    assert len(result.suggestions) == 4
