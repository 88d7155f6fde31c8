import numpy as np
import pytest

from retrieval.starter_tokens import StarterTokens
from retrieval.training.groups import encode
from retrieval.training.sources import Group, Pair
from retrieval.training.translations import align

VOCABULARY = ("hous", "book", "small", "red", "房子", "书", "小", "红", *(f"w{n}" for n in range(60)))
TOKENS = StarterTokens(VOCABULARY, np.full(len(VOCABULARY), -8, dtype=np.float32), "toy")


def aligned(group: Group, *rows: tuple[str, str]) -> dict[tuple[str, str], tuple[float, float]]:
    found = align(encode([Pair(group, en, zh) for en, zh in rows], TOKENS), len(VOCABULARY))
    return {
        (VOCABULARY[english], VOCABULARY[chinese]): (float(there), float(back))
        for english, chinese, there, back in zip(
            found.english, found.chinese, found.of_english, found.of_chinese, strict=True
        )
    }


def test_model_1_finds_which_word_means_which_though_no_text_is_a_single_word() -> None:
    texts = [("small house", "小房子"), ("red house", "红房子"), ("small book", "小书"), ("red book", "红书")]
    found = aligned("tatoeba", *texts * 5)
    for english, chinese in (("hous", "房子"), ("book", "书"), ("small", "小"), ("red", "红")):
        there, back = found[english, chinese]
        assert min(there, back) > 0.8
        assert max(sum(p) / 2 for (e, z), p in found.items() if e == english and z != chinese) < 0.1


def test_a_dictionary_entry_weighs_more_than_a_sentence() -> None:
    assert aligned("dictionary", ("house", "房子"))["hous", "房子"][0] == pytest.approx(2 / 2.3)
    assert aligned("tatoeba", ("house", "房子"))["hous", "房子"][0] == pytest.approx(1 / 1.3)


def test_text_of_one_language_gives_no_translations() -> None:
    assert aligned("passages_zh", ("小房子", "红书")) == {}


def test_texts_with_more_words_than_a_reader_could_link_are_not_used() -> None:
    many = " ".join(f"w{n}" for n in range(41))
    assert aligned("tatoeba", (many, "房子")) == {}
