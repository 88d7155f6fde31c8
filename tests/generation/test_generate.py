"""From prompt to answer: outcomes, notices, and what is kept when something fails."""

import pytest

from generation.errors import GenerationError
from generation.generate import generate
from generation.prompt import build_prompt
from generation.types import Answer, Delta, Outcome, Prompt, Sampling
from retrieval.types import Notice
from tests.fakes.generation import ScriptedGenerator, a_passage

PASSAGE = a_passage(1, "退货期限为 30 天。退货运费由买家承担。", title="退货政策")


def prompt_for(generator: ScriptedGenerator) -> Prompt:
    return build_prompt(
        "退货期限多久？", language="zh", instruction="", passages=[PASSAGE],
        count_tokens=generator.count_tokens, context_tokens=generator.context_tokens, max_answer_tokens=100,
        nonce="k",
    )  # fmt: skip


def run(generator: ScriptedGenerator, max_tokens: int = 100, stop_after: int = 1000) -> tuple[str, Answer]:
    raw: list[str] = []
    answers: list[Answer] = []
    stream = generate(
        prompt_for(generator), generator, Sampling(max_tokens=max_tokens), lambda: len(raw) >= stop_after
    )
    for event in stream:
        if isinstance(event, Delta):
            raw.append(event.text)
        else:
            answers.append(event)
    assert len(answers) == 1
    return "".join(raw), answers[0]


def test_an_answer_is_streamed_and_then_cited() -> None:
    raw, answer = run(ScriptedGenerator("退货期限为 30 天 [1]。"))
    assert raw == answer.text == "退货期限为 30 天 [1]。"
    assert answer.outcome == "answered"
    assert [citation.quote for citation in answer.citations] == ["退货期限为 30 天。"]
    assert answer.model == "scripted/1"
    assert answer.notices == ()


def test_tokens_of_prompt_and_answer_are_told() -> None:
    generator = ScriptedGenerator("退货期限 [1]。")
    _, answer = run(generator)
    assert answer.usage.prompt_tokens == prompt_for(generator).tokens
    assert answer.usage.completion_tokens == 5


def test_a_foreign_number_is_streamed_raw_and_removed_from_the_answer() -> None:
    raw, answer = run(ScriptedGenerator("退货期限为 30 天 [1][4]。"))
    assert (raw, answer.text) == ("退货期限为 30 天 [1][4]。", "退货期限为 30 天 [1]。")
    assert answer.notices == (Notice.of("citation_removed", number=4),)


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("给出的文档片段中没有这个问题的答案。", "abstained"),
        ("**给出的文档片段中没有这个问题的答案** [1]", "abstained"),
        ("The passages given do not contain the answer to this question.", "abstained"),
        ("退货期限为 30 天 [1]。运费没有写明。", "answered"),
    ],
)
def test_the_agreed_sentence_means_that_the_model_abstains(text: str, outcome: Outcome) -> None:
    _, answer = run(ScriptedGenerator(text))
    assert answer.outcome == outcome
    assert Notice.of("uncited_answer") not in answer.notices


def test_an_answer_without_marks_says_so() -> None:
    assert run(ScriptedGenerator("退货期限为 30 天。"))[1].notices == (Notice.of("uncited_answer"),)


def test_an_address_that_nobody_gave_is_told_and_one_of_a_cited_passage_is_not() -> None:
    passage = a_passage(1, "详情见 https://good.example/manual?page=2。退货期限为 30 天。", title="退货政策")
    generator = ScriptedGenerator(
        "退货期限为 30 天，见 https://good.example/manual?page=2 、 https://evil.example/a?q=30 和 "
        "https://good.example/manual 。[1]"
    )
    prompt = build_prompt(
        "https://mine.example/ 的退货期限多久？", language="zh", instruction="", passages=[passage],
        count_tokens=generator.count_tokens, context_tokens=generator.context_tokens, max_answer_tokens=100,
        nonce="k",
    )  # fmt: skip
    answer = list(generate(prompt, generator, Sampling()))[-1]
    assert isinstance(answer, Answer)
    told = [dict(each.values)["address"] for each in answer.notices if each.code == "foreign_address"]
    assert told == ["https://evil.example/a?q=30", "https://good.example/manual"]


def test_the_token_limit_gives_a_truncated_answer() -> None:
    raw, answer = run(ScriptedGenerator("退货期限为 30 天 [1]。"), max_tokens=4)
    assert raw == answer.text == "退货期限"
    assert answer.outcome == "truncated"


def test_a_stop_keeps_what_was_written() -> None:
    raw, answer = run(ScriptedGenerator("退货期限为 30 天 [1]。"), stop_after=2)
    assert raw == answer.text == "退货"
    assert answer.outcome == "cancelled"
    assert answer.notices == ()


def test_a_stop_before_the_first_token_is_an_empty_cancelled_answer() -> None:
    _, answer = run(ScriptedGenerator("退货。"), stop_after=0)
    assert (answer.text, answer.outcome) == ("", "cancelled")


def test_a_failure_midway_keeps_what_was_written_and_says_why() -> None:
    _, answer = run(ScriptedGenerator("退货期限为 30 天 [1]。", fails_after=4))
    assert (answer.text, answer.outcome) == ("退货期限", "truncated")
    assert Notice.of("generation_failed", reason="scripted/1 was told to fail here") in answer.notices


def test_a_failure_before_the_first_piece_is_raised() -> None:
    with pytest.raises(GenerationError, match="told to fail here"):
        run(ScriptedGenerator("退货", fails_after=0))


def test_silence_is_an_error_and_no_empty_answer() -> None:
    with pytest.raises(GenerationError, match="scripted/1 ended without writing anything"):
        run(ScriptedGenerator(""))


def test_a_limit_reached_before_anything_is_shown_is_an_error_with_a_remedy() -> None:
    with pytest.raises(GenerationError, match=r"limit of 0 tokens.*Raise generation\.max_tokens"):
        run(ScriptedGenerator("退货"), max_tokens=0)


def test_notices_of_the_prompt_reach_the_answer() -> None:
    generator = ScriptedGenerator("退货 [1]。")
    prompt = prompt_for(generator)
    cut = Notice.of("passage_cut", number=1)
    noticed = Prompt(
        prompt.question, prompt.language, "", prompt.passages, prompt.messages, prompt.tokens, (cut,)
    )
    *_, answer = generate(noticed, generator, Sampling())
    assert isinstance(answer, Answer)
    assert answer.notices == (cut,)
