"""Thoughts before an answer are left out, wherever the pieces are cut."""

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.errors import Truncated
from generation.thinking import without_thoughts


def shown(*pieces: str) -> str:
    return "".join(without_thoughts(iter(pieces)))


def test_a_thought_and_the_white_space_after_it_are_removed() -> None:
    assert shown("<think>hm, 5?</think>\n\n答案是 5。") == "答案是 5。"


def test_an_empty_thought_is_removed() -> None:
    assert shown("\n<think>", "\n\n</think>\n\n", "Yes.") == "Yes."


def test_the_same_tags_inside_an_answer_are_text() -> None:
    assert shown("Qwen3 writes <think>…</think> first.") == "Qwen3 writes <think>…</think> first."


def test_a_thought_that_never_ends_shows_nothing() -> None:
    assert shown("<think>", "and on", " and on") == ""


def test_a_beginning_that_only_looks_like_a_tag_is_shown() -> None:
    assert shown("<", "th") == "<th"
    assert shown("<t", "able>") == "<table>"


def test_text_held_back_is_shown_before_an_error_passes_through() -> None:
    def pieces() -> Iterator[str]:
        yield "<th"
        raise Truncated("limit")

    stream = without_thoughts(pieces())
    assert next(stream) == "<th"
    with pytest.raises(Truncated, match="limit"):
        next(stream)


@given(st.data(), st.sampled_from(["好。", "a <think>b</think>", "", "< 5"]))
def test_the_cut_of_the_pieces_makes_no_difference(data: st.DataObject, answer: str) -> None:
    whole = "<think>because < and </thin> and 5 > 3</think>\n" + answer
    cuts = sorted(data.draw(st.sets(st.integers(0, len(whole)), max_size=8)) | {0, len(whole)})
    pieces = [whole[a:b] for a, b in pairwise(cuts)]
    assert shown(*pieces) == answer
