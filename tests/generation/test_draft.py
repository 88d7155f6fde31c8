"""A model's question about a passage is read strictly, and the passage cannot end its own fence."""

import pytest

from generation.draft import draft
from generation.errors import GenerationError
from generation.types import Sampling
from tests.fakes.generation import ScriptedGenerator
from tests.fakes.retrieval import chunk

TEXT = "A night costs 480 yuan at most."
SAMPLING = Sampling(max_tokens=100)


@pytest.mark.parametrize(
    ("written", "question", "quote"),
    [
        ("Question: How much?\nQuote: A night costs 480 yuan.", "How much?", "A night costs 480 yuan."),
        ("问题：住宿多少钱？\n原文：“每晚最高 480 元。”", "住宿多少钱？", "每晚最高 480 元。"),
        ("**Question:** How much?\n\n**Quote:** “480 yuan”\n", "How much?", "480 yuan"),
    ],
)
def test_question_and_quote_are_read_without_their_wrapping(written: str, question: str, quote: str) -> None:
    found = draft(chunk(TEXT), ScriptedGenerator(written), SAMPLING, language="en", nonce="abc")
    assert found is not None
    assert (found.question, found.quote) == (question, quote)


@pytest.mark.parametrize(
    "written", ["I cannot.", "Question: How much?", "Quote: x", f"Question: {'x' * 400}\nQuote: y"]
)
def test_anything_else_is_no_draft(written: str) -> None:
    assert draft(chunk(TEXT), ScriptedGenerator(written), SAMPLING, language="en", nonce="abc") is None


@pytest.mark.parametrize("language", ["zh", "en"])
def test_passage_stands_between_lines_that_carry_the_key(language: str) -> None:
    model = ScriptedGenerator("Question: a\nQuote: b")
    draft(chunk(TEXT), model, SAMPLING, language="zh" if language == "zh" else "en", nonce="abc")
    (message,) = model.prompts[0].messages
    lines = message.content.split("\n")
    at = lines.index(TEXT)
    assert "abc>>>" in lines[at - 1]
    assert "abc>>>" in lines[at + 1]
    with pytest.raises(ValueError, match="draw another"):
        draft(chunk("the key abc"), model, SAMPLING, language="en", nonce="abc")


def test_passage_that_does_not_fit_says_so() -> None:
    model = ScriptedGenerator("Question: a\nQuote: b", context_tokens=120)
    with pytest.raises(GenerationError, match=r"the passage has \d+ tokens; scripted/1 reads 120"):
        draft(chunk(TEXT), model, SAMPLING, language="en", nonce="abc")
