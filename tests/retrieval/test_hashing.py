import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.hashing import HashingEmbedder


def similarity(query: str, passage: str) -> float:
    embedder = HashingEmbedder()
    return float(embedder.embed_queries([query])[0] @ embedder.embed_passages([passage])[0])


def test_same_subject_is_nearer_than_another() -> None:
    assert similarity("报销发票需要哪些盖章？", "发票报销须加盖财务章。") > similarity(
        "报销发票需要哪些盖章？", "2024年团建活动通知"
    )


def test_concept_of_the_glossary_crosses_languages() -> None:
    assert similarity("怎么退款", "Refunds are paid back within a week.") > 0.3
    assert similarity("怎么退款", "The office opens at nine.") < 0.1


def test_function_words_of_a_question_do_not_count() -> None:
    assert similarity("请问什么是年假呢", "年假") == pytest.approx(similarity("年假", "年假"), abs=1e-6)


def test_misspelt_word_keeps_some_similarity() -> None:
    assert similarity("kubernets", "kubernetes") > 0.3


def test_text_without_features_is_the_unit_vector_of_place_zero() -> None:
    (vector,) = HashingEmbedder(32).embed_passages(["！？"])
    assert vector.tolist() == [1.0] + [0.0] * 31


def test_vectors_are_the_same_on_every_machine() -> None:
    vectors = HashingEmbedder(64).embed_passages(["单点登录 SSO", "refund policy"])
    assert hashlib.sha256(np.round(vectors, 4).tobytes()).hexdigest()[:16] == "028bfd2db46d5796"


def test_too_few_dimensions_are_refused() -> None:
    with pytest.raises(ValueError, match="dim is 8; at least 16"):
        HashingEmbedder(8)


@given(st.text(max_size=60))
def test_every_text_has_a_vector_of_norm_one(text: str) -> None:
    embedder = HashingEmbedder(128)
    for vectors in (embedder.embed_queries([text]), embedder.embed_passages([text])):
        assert vectors.shape == (1, 128)
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors[0]) == pytest.approx(1.0, abs=1e-5)
