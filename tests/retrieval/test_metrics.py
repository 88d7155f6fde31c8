import pytest

from retrieval.metrics import hit, mean, ndcg, recall, reciprocal_rank

RANKED = ["a", "b", "c", "d", "e", "f"]
GAINS = {"b": 1.0, "e": 2.0, "z": 1.0, "a": 0.0}


def test_measures_equal_those_of_the_reference_script() -> None:
    # Expected values: shared/eval/eval_ir.py on the same run and judgements.
    assert reciprocal_rank(RANKED, GAINS) == 0.5
    assert ndcg(RANKED, GAINS) == pytest.approx(0.448632, abs=1e-6)
    assert recall(RANKED, GAINS, 5) == pytest.approx(2 / 3)
    assert hit(RANKED, GAINS, 1) == 0.0
    assert hit(RANKED, GAINS, 3) == 1.0


def test_first_relevant_document_below_the_cut_counts_nothing() -> None:
    ranked = [str(i) for i in range(11)]
    assert reciprocal_rank(ranked, {"10": 1.0}) == 0.0
    assert ndcg(ranked, {"10": 1.0}) == 0.0


def test_perfect_order_has_ndcg_one() -> None:
    assert ndcg(["e", "b", "z"], GAINS) == 1.0


def test_query_without_relevant_documents_is_refused() -> None:
    with pytest.raises(ValueError, match="no relevant document: leave it out"):
        recall(["a"], {"a": 0.0}, 5)


def test_mean_over_no_queries_is_refused() -> None:
    with pytest.raises(ValueError, match="no query to average over"):
        mean([])
