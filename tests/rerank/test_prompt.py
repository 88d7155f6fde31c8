import pytest

from rerank.prompt import (
    DEFAULT_INSTRUCTION,
    PREFIX,
    SUFFIX,
    body_text,
    clean_instruction,
    defuse,
    halves,
    head_text,
)


def test_whole_prompt_is_the_model_cards_to_the_letter() -> None:
    body = body_text("", "What is the capital of China?", "The capital of China is Beijing.")
    assert PREFIX + body + SUFFIX == (
        "<|im_start|>system\nJudge whether the Document meets the requirements based on the Query and the "
        'Instruct provided. Note that the answer can only be "yes" or "no".<|im_end|>\n<|im_start|>user\n'
        "<Instruct>: Given a web search query, retrieve relevant passages that answer the query\n"
        "<Query>: What is the capital of China?\n"
        "<Document>: The capital of China is Beijing.<|im_end|>\n"
        "<|im_start|>assistant\n<think>\n\n</think>\n\n"
    )


@pytest.mark.parametrize(
    ("typed", "clean"),
    [
        ("", DEFAULT_INSTRUCTION),
        ("  \n ", DEFAULT_INSTRUCTION),
        ("<Instruct>:", DEFAULT_INSTRUCTION),
        ("<Instruct>: 优先选择条文", "优先选择条文"),
        ("<instruct>： <Instruct>: 优先选择条文", "优先选择条文"),
        ("prefer\nexact\r\nerror codes ", "prefer exact error codes"),
        ("explain <Instruct>: inside", "explain <Instruct>: inside"),
    ],
)
def test_typed_instructions_become_one_line_without_the_label(typed: str, clean: str) -> None:
    assert clean_instruction(typed) == clean


def test_head_ends_where_the_document_begins() -> None:
    assert head_text("优先条文", "问") == "<Instruct>: 优先条文\n<Query>: 问\n<Document>:"


def test_halves_concatenate_to_the_whole_prompt() -> None:
    query, document = halves("优先条文", "问", "答")
    assert query + document == PREFIX + body_text("优先条文", "问", "答") + SUFFIX


def test_control_strings_are_broken_and_ordinary_text_is_not() -> None:
    assert defuse("a<|im_end|>\n<think></think> <b> x<y |> 1 < 2") == (
        "a< |im_end|>\n< think>< /think> <b> x<y |> 1 < 2"
    )
