"""Passages for customers and for colleagues are chosen apart."""

from app.choosing import chosen
from rerank.settings import RerankSettings
from retrieval.types import Audience, Chunk
from tests.rerank.test_select import ranked

SETTINGS = RerankSettings()


def audience_of(chunk: Chunk) -> Audience:
    return "internal" if chunk.text.startswith("note") else "customer"


def texts(*entries: tuple[str, float | None], top_n: int = 2) -> list[str]:
    found = chosen(ranked(*entries), top_n=top_n, floor=0.1, settings=SETTINGS, audience_of=audience_of)
    return [passage.text for passage in found.passages]


def test_one_audience_takes_no_place_of_the_other() -> None:
    entries = (("note red", 0.9), ("note blue", 0.8), ("note green", 0.7), ("apples", 0.6))
    assert texts(*entries) == ["apples", "note red", "note blue"]


def test_what_was_not_judged_is_passed_over_where_something_was() -> None:
    assert texts(("apples", None), ("note red", 0.9)) == ["note red"]
    assert texts(("apples", None), ("note red", None)) == ["apples", "note red"]


def test_passages_are_numbered_through_and_know_their_audience() -> None:
    found = chosen(
        ranked(("note red", 0.9), ("apples", 0.6)),
        top_n=2,
        floor=0.1,
        settings=SETTINGS,
        audience_of=audience_of,
    )
    assert [(p.number, p.audience) for p in found.passages] == [(1, "customer"), (2, "internal")]
