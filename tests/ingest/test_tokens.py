from hypothesis import given
from hypothesis import strategies as st

from ingest.tokens import estimate_tokens, longest_prefix, token_weight

TEXT = st.text(st.sampled_from("abcXYZ 知识库，。12 \n\t-=|.日本한글éй😀"), max_size=60)


def test_empty_text_costs_nothing() -> None:
    assert estimate_tokens("") == 0


def test_estimates_are_near_the_counts_of_qwen() -> None:
    # Counted with the qwen.tiktoken vocabulary: 25 and 13 tokens.
    chinese = "员工入职满一年后享有五天带薪年假，未休的部分可以顺延到次年三月底。"
    english = "Dynamic languages such as JavaScript are more difficult to compile than C."
    assert 21 <= estimate_tokens(chinese) <= 28
    assert 12 <= estimate_tokens(english) <= 17


@given(TEXT, TEXT)
def test_text_never_weighs_more_than_its_parts(one: str, other: str) -> None:
    assert token_weight(one + other) <= token_weight(one) + token_weight(other) + 1e-9


@given(TEXT.filter(bool), st.floats(0.1, 20))
def test_longest_prefix_fits_and_is_never_empty(text: str, most: float) -> None:
    stop = longest_prefix(text, 0, len(text), most)
    assert 1 <= stop <= len(text)
    assert stop == 1 or token_weight(text[:stop]) <= most + 1e-9
