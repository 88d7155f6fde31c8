"""Passages for customers and for colleagues are chosen apart; what is far from the answer is no note."""

from app.choosing import chosen
from rerank.settings import RerankSettings
from retrieval.types import Audience, Chunk, Notice
from tests.rerank.test_select import ranked

SETTINGS = RerankSettings()


def audience_of(chunk: Chunk) -> Audience:
    return "internal" if chunk.text.startswith("note") else "customer"


def texts(*entries: tuple[str, float | None], margin: float | None = None, top_n: int = 2) -> list[str]:
    found = chosen(
        ranked(*entries), top_n=top_n, floor=0.1, settings=SETTINGS, audience_of=audience_of, margin=margin
    )
    return [passage.text for passage in found.passages]


def test_one_audience_takes_no_place_of_the_other() -> None:
    entries = (("note red", 0.9), ("note blue", 0.8), ("note green", 0.7), ("apples", 0.6))
    assert texts(*entries) == ["apples", "note red", "note blue"]


def test_notes_that_are_far_below_the_best_for_customers_are_left_out_and_it_is_said() -> None:
    entries = ranked(("apples", 0.9), ("note red", 0.8), ("note blue", 0.5))
    found = chosen(
        entries, top_n=3, floor=0.1, settings=SETTINGS, audience_of=audience_of, margin=2.0
    )
    assert [passage.text for passage in found.passages] == ["apples", "note red"]
    assert found.notices == (Notice.of("below_floor", count=1, floor="0.55"),)


def test_without_anything_for_customers_no_margin_holds() -> None:
    assert texts(("note red", 0.9), ("note blue", 0.2), margin=2.0) == ["note red", "note blue"]


def test_where_nothing_was_judged_no_margin_holds() -> None:
    assert texts(("apples", None), ("note red", None), margin=2.0) == ["apples", "note red"]


def test_notes_that_are_better_than_all_for_customers_stay() -> None:
    assert texts(("note red", 0.95), ("apples", 0.2), margin=2.0) == ["apples", "note red"]
