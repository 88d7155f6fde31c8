import pytest

from rerank.select import floor_for, select
from rerank.starter import StarterReranker, Weights
from rerank.timed import TimedReranker
from retrieval.starter_table import starter_folder
from retrieval.types import Notice, Ranked
from tests.fakes.rerank import OverlapReranker
from tests.rerank.build import candidate

LONG = "报销时，发票须加盖开票单位的发票专用章，由部门负责人签字，并在三十日内提交财务部审核，逾期不予受理。"


def ranked(*entries: tuple[str, float | None]) -> list[Ranked]:
    return [
        Ranked(candidate(text, rank=rank), relevance, rank)
        for rank, (text, relevance) in enumerate(entries, start=1)
    ]


def test_the_best_n_are_numbered_from_one() -> None:
    entries = ranked(("red", 0.9), ("green", 0.8), ("blue", 0.7))
    chosen = select(entries, top_n=2, floor=0.5, near_duplicate=0.9)
    assert [(p.number, p.text, p.relevance) for p in chosen.passages] == [(1, "red", 0.9), (2, "green", 0.8)]
    assert (chosen.evidence, chosen.best, chosen.nearest, chosen.notices) == (True, 0.9, (), ())


def test_passages_below_the_floor_are_no_evidence_and_it_is_said() -> None:
    chosen = select(ranked(("red", 0.9), ("green", 0.2)), top_n=3, floor=0.5, near_duplicate=0.9)
    assert [p.text for p in chosen.passages] == ["red"]
    assert chosen.notices == (Notice.of("below_floor", count=1, floor="0.50"),)


def test_nothing_above_the_floor_names_the_nearest_and_cites_nothing() -> None:
    chosen = select(ranked(("red", 0.4), ("green", 0.2)), top_n=1, floor=0.5, near_duplicate=0.9)
    assert (chosen.passages, chosen.evidence, chosen.best) == ((), False, 0.4)
    assert [entry.chunk.text for entry in chosen.nearest] == ["red"]
    assert chosen.notices == (Notice.of("no_evidence", best="0.40", floor="0.50"),)


def test_relevance_at_the_floor_is_evidence() -> None:
    assert select(ranked(("red", 0.5)), top_n=1, floor=0.5, near_duplicate=0.9).evidence


def test_unjudged_candidates_are_measured_against_no_floor() -> None:
    chosen = select(ranked(("red", None), ("green", None)), top_n=1, floor=0.5, near_duplicate=0.9)
    assert [p.text for p in chosen.passages] == ["red"]
    assert (chosen.evidence, chosen.best) == (True, None)


def test_no_candidates_are_no_evidence() -> None:
    chosen = select([], top_n=3, floor=0.5, near_duplicate=0.9)
    assert (chosen.passages, chosen.evidence, chosen.best, chosen.nearest, chosen.notices) == (
        (), False, None, (), ()
    )  # fmt: skip


def test_near_duplicates_leave_room_for_something_else() -> None:
    entries = ranked((LONG, 0.9), (LONG.replace("，并在", "，在"), 0.89), (LONG, 0.88), ("另一段话", 0.6))
    chosen = select(entries, top_n=2, floor=0.5, near_duplicate=0.9)
    assert [p.text for p in chosen.passages] == [LONG, "另一段话"]
    assert chosen.notices == (Notice.of("near_duplicates_collapsed", count=2),)


def test_part_of_a_better_passage_adds_nothing() -> None:
    chosen = select(ranked((LONG, 0.9), (LONG[:30], 0.8)), top_n=2, floor=0.5, near_duplicate=0.9)
    assert [p.text for p in chosen.passages] == [LONG]


def test_longer_passage_after_a_part_of_it_is_kept() -> None:
    chosen = select(ranked((LONG[:30], 0.9), (LONG, 0.8)), top_n=2, floor=0.5, near_duplicate=0.9)
    assert [p.text for p in chosen.passages] == [LONG[:30], LONG]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LONG + "标准版3.1起支持。", LONG + "标准版3.2起支持。"),
        (LONG + "支持。", LONG + "不支持。"),
        ("The plan includes export of all audit logs to your bucket.",
         "The plan includes no export of all audit logs to your bucket."),
    ],
)  # fmt: skip
def test_contradicting_passages_are_both_shown(one: str, other: str) -> None:
    chosen = select(ranked((one, 0.9), (other, 0.8)), top_n=2, floor=0.5, near_duplicate=0.6)
    assert [p.text for p in chosen.passages] == [one, other]


def test_floor_is_the_rerankers_own() -> None:
    assert floor_for(OverlapReranker()) == 0.3
    assert floor_for(TimedReranker(OverlapReranker())) == 0.3
    assert floor_for(StarterReranker(None)) == Weights.load(starter_folder()).floor


FEES = "The restocking fee for opened devices is fifteen percent"
FEES_AGAIN = f"{FEES} of what was paid by card or bank transfer"
SHIPPING = "Returned parcels travel at the expense of whoever sends them"


def _texts(entries: list[Ranked], diversity: float) -> list[str]:
    chosen = select(entries, top_n=2, floor=0.5, near_duplicate=1.0, diversity=diversity)
    return [passage.text for passage in chosen.passages]


def test_diversity_prefers_what_is_unlike_the_better_ones() -> None:
    entries = ranked((FEES, 0.9), (FEES_AGAIN, 0.8), (SHIPPING, 0.7))
    assert _texts(entries, 0.0) == [FEES, FEES_AGAIN]
    assert _texts(entries, 0.5) == [FEES, SHIPPING]


def test_diversity_never_lifts_what_is_below_the_floor() -> None:
    assert _texts(ranked((FEES, 0.9), (FEES_AGAIN, 0.8), (SHIPPING, 0.4)), 0.9) == [FEES, FEES_AGAIN]


def test_diverse_passages_keep_the_order_of_relevance() -> None:
    entries = ranked((FEES, 0.9), (FEES_AGAIN, 0.89), (SHIPPING, 0.7), ("Invoices need a stamp", 0.69))
    chosen = select(entries, top_n=3, floor=0.5, near_duplicate=1.0, diversity=0.3)
    relevance = [passage.relevance or 0.0 for passage in chosen.passages]
    assert relevance == sorted(relevance, reverse=True)
    assert [p.number for p in chosen.passages] == [1, 2, 3]


def test_unjudged_candidates_can_be_diverse() -> None:
    assert _texts(ranked((FEES, None), (FEES_AGAIN, None), (SHIPPING, None)), 0.9) == [FEES, SHIPPING]
