"""What is a gap, which knowledge bases stand behind it, and which come first."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api_settings import GapSettings
from app.gaps.grouping import Exemplars, Likeness
from app.gaps.ordering import HALF_LIFE, log_weight, weight
from app.gaps.taking import asking_of
from app.storage.gap_askings import UNKNOWN, Exemplar, Kept, Named, ids_of

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMED = {"alder": Named("a", AT - timedelta(days=9)), "birch": Named("b", AT + timedelta(days=1))}
ABSTAINED = {
    "outcome": "abstained", "language": "en", "passages": [], "notices": [], "collection": "alder",
    "candidates": [{"relevance": 0.1}, {"relevance": 0.3}, {"relevance": None}],
}  # fmt: skip


def kept(result: Mapping[str, object] | None = None, **changed: object) -> Kept:
    """A question of a conversation over alder that found nothing."""
    made = Kept(
        source="message", id="m", question="Who?", asked_at=AT, settings='{"collections": ["a"]}', named=(),
        state="complete", result=json.dumps({**ABSTAINED, **(result or {})}), chosen=True, wiped=False,
        disliked=False, sources=frozenset("a"),
    )  # fmt: skip
    return replace(made, **changed)  # type: ignore[arg-type]  # fields by name


def scope(of: Kept) -> tuple[str, ...]:
    asking = asking_of(of, NAMED)
    assert asking is not None
    return ids_of(asking.scope)


def test_kinds_are_what_the_outcome_and_the_reader_say() -> None:
    found = asking_of(kept(), NAMED)
    assert found is not None
    assert (found.kinds, found.relevance) == (("nothing_found",), 0.3)
    assert (found.text, found.language) == ("Who?", "en")
    read = asking_of(kept({"passages": [{}]}, disliked=True), NAMED)
    assert read is not None
    assert read.kinds == ("not_answered", "thumbs_down")
    answered = {"outcome": "answered"}
    assert asking_of(kept(answered), NAMED) is None
    assert asking_of(kept(answered, disliked=True), NAMED) is not None


@pytest.mark.parametrize(("state", "chosen"), [("failed", True), ("stopped", True), ("complete", False)])
def test_what_was_not_ended_or_not_chosen_says_nothing_unless_disliked(state: str, chosen: bool) -> None:
    assert asking_of(kept(state=state, chosen=chosen), NAMED) is None
    disliked = asking_of(kept(state=state, chosen=chosen, disliked=True), NAMED)
    assert disliked is not None
    assert disliked.kinds == ("thumbs_down",)


def test_a_vague_question_is_no_gap_and_a_follow_up_is_read_as_it_was_completed() -> None:
    notice = {"code": "vague_question", "text": "x"}
    assert asking_of(kept({"notices": [notice]}), NAMED) is None
    sentences = {
        "en": ("Read as part of the conversation: Who feeds it?", "Who feeds it?"),
        "zh": ("结合对话理解为：谁来喂它？", "谁来喂它？"),
    }
    for language, (said, question) in sentences.items():
        result = {"language": language, "notices": [{"code": "follow_up_completed", "text": said}]}
        found = asking_of(kept(result), NAMED)
        assert found is not None
        assert found.text == question
    unlike = {"notices": [{"code": "follow_up_completed", "text": "in the words of another release"}]}
    found = asking_of(kept(unlike), NAMED)
    assert found is not None
    assert found.text == "Who?"


def test_every_knowledge_base_that_was_asked_or_read_stands_behind_a_question() -> None:
    assert scope(kept()) == ("a",)
    assert scope(kept(sources=frozenset("ax"))) == ("a", "x")
    assert scope(kept(settings="{}")) == ("a",)
    for names in ("gone", "birch", "alder, gone", ""):  # birch is younger than the question
        assert UNKNOWN in scope(kept({"collection": names}, settings="{}")), names
    comma = NAMED | {"alder, birch": Named("c", AT)}
    asking = asking_of(kept({"collection": "alder, birch"}, settings="{}"), comma)
    assert asking is not None
    assert ids_of(asking.scope) == (UNKNOWN, "a")
    program = kept(source="answer", settings="", named=("alder", "birch"))
    assert scope(program) == (UNKNOWN, "a")


def test_likeness_has_a_threshold_for_each_pair_of_languages() -> None:
    likeness = Likeness(GapSettings(same_language=0.8, other_language=0.5), measured=True)
    first = np.array([1, 0, 0], dtype=np.float32)
    exemplars = Exemplars([Exemplar("g", "en", "w", "Who?")], [first], likeness)
    near, far = (np.array([c, (1 - c * c) ** 0.5, 0], dtype=np.float32) for c in (0.81, 0.6))
    assert exemplars.nearest(near, "en") == "g"
    assert exemplars.nearest(far, "en") is None
    assert exemplars.nearest(far, "zh") == "g"
    exemplars.add("h", "en", far)
    assert exemplars.nearest(far, "en") == "h"
    exemplars.add("g", "en", -first)  # the first of a language stands for it
    assert exemplars.nearest(-first, "en") is None
    for number in range(40):
        exemplars.add(f"more {number}", "zh", -first)
    assert exemplars.nearest(-first, "zh") == "more 0"


def test_an_unmeasured_embedder_merges_only_what_is_nearly_the_same() -> None:
    likeness = Likeness(GapSettings(), measured=False)
    assert (likeness.same_language, likeness.other_language) == Likeness.UNMEASURED
    assert Likeness(GapSettings(same_language=0.7), measured=False).same_language == 0.7


times = st.lists(st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)), min_size=1)


@given(times, times)
def test_the_order_of_gaps_does_not_change_with_the_clock(one: list[datetime], other: list[datetime]) -> None:
    """So a cursor stays valid; and a weight is the count with each time halved every 30 days."""
    now = datetime(2030, 1, 1, tzinfo=UTC)
    plain = [sum(0.5 ** ((now - each) / HALF_LIFE) for each in listed) for listed in (one, other)]
    logs = [log_weight(one), log_weight(other)]
    for log, expected in zip(logs, plain, strict=True):
        assert weight(log, now) == pytest.approx(expected)
    if abs(logs[0] - logs[1]) > 1e-9:
        assert (logs[0] < logs[1]) == (plain[0] < plain[1])
