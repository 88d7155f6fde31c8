"""Golden sets on real storage: labels are checked against the documents, and drafts wait for a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.errors import BadRequest, NotFound
from app.evaluation.golden import Golden
from app.evaluation.golden_drafts import Drafted, draft_cases
from app.evaluation.golden_set import read_golden_set
from app.models import Models
from app.services import BuildModels, Services
from app.settings import Settings
from app.storage.floors import CalibratedFloor
from app.storage.golden import GoldenCase, GoldenEvidence
from app.wiring import build_models
from retrieval.protocols import SoftStatistics
from tests.fakes.generation import ScriptedGenerator
from tests.flows.conftest import starter

LEAVE = "# Leave\n\n## How many days are there?\n\nEmployees have 12 days\nof annual leave. "
LEAVE += "Ask early. " * 30
TRAVEL = "# Travel\n\n## Hotels\n\nA night costs 480 yuan at most. " + "Keep the bill and hand it in. " * 20
DAYS = GoldenEvidence("leave.md", "Employees have 12 days of annual leave.")


@contextmanager
def _handbook(data_dir: Path, build: BuildModels = build_models) -> Iterator[Services]:
    with Services(starter(data_dir), build_models=build) as found:
        found.load()
        found.add(LEAVE.encode(), "leave.md", "handbook")
        found.add(TRAVEL.encode(), "travel.md", "handbook")
        yield found


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with _handbook(tmp_path / "data") as found:
        yield found


def _of(services: Services) -> Golden:
    return Golden(services.database, now=lambda: datetime.now(UTC))


@pytest.fixture
def golden(services: Services) -> Golden:
    return _of(services)


def _cases(golden: Golden) -> list[GoldenCase]:
    return golden.rows.cases(golden.rows.named("hr").id)


def test_label_stands_in_its_document_white_space_aside(golden: Golden) -> None:
    added = golden.add(golden.open("hr", "handbook"), [GoldenCase("a", "How many?", evidence=(DAYS,))])
    assert (added.accepted, added.drafts) == (1, ())
    assert _cases(golden) == [GoldenCase("a", "How many?", evidence=(DAYS,))]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        (
            GoldenCase("a", "?", evidence=(replace(DAYS, quote="13 days"),)),
            "these words do not stand in 'leave.md': '13 days'",
        ),
        (
            GoldenCase("a", "?", evidence=(replace(DAYS, document="ghost.md"),)),
            "collection 'handbook' has no document 'ghost.md'",
        ),
        (
            GoldenCase("a", "?"),
            "needs the words of a document that answer it, or to be marked as unanswerable",
        ),
        (
            GoldenCase("a", "?", answerable=False, evidence=(DAYS,)),
            "it is unanswerable, and yet evidence is named",
        ),
    ],
)
def test_label_that_does_not_hold_makes_a_draft_that_cannot_be_accepted(
    golden: Golden, case: GoldenCase, why: str
) -> None:
    added = golden.add(golden.open("hr", "handbook"), [case])
    assert added.drafts == (("a", why),)
    with pytest.raises(BadRequest, match="case 'a' cannot be accepted"):
        golden.accept("hr", ["a"])
    golden.label("hr", "a", evidence=[DAYS], answerable=True)
    assert _cases(golden) == [GoldenCase("a", "?", evidence=(DAYS,))]


def test_case_of_the_same_id_is_replaced_and_keeps_its_place(golden: Golden) -> None:
    found = golden.open("hr", "handbook")
    golden.add(found, [GoldenCase("a", "?", evidence=(DAYS,)), GoldenCase("b", "?", answerable=False)])
    golden.add(found, [GoldenCase("a", "How many?", answerable=False)])
    assert [(case.id, case.question, case.evidence) for case in _cases(golden)] == [
        ("a", "How many?", ()),
        ("b", "?", ()),
    ]


def test_set_stays_with_its_collection(golden: Golden, services: Services) -> None:
    golden.open("hr", "handbook")
    services.collections.create("other")
    with pytest.raises(BadRequest, match="golden set 'hr' is about 'handbook', not 'other'"):
        golden.open("hr", "other")
    with pytest.raises(NotFound, match=r"golden set 'it' does not exist \(there is: 'hr'\)"):
        golden.open("it", None)


def test_right_answer_gives_its_quotes_as_evidence(golden: Golden, services: Services) -> None:
    answer = services.answer(
        services.ask("How many days of annual leave?", collections=("handbook",), principal=LOCAL)
    )
    kept = services.caretaker.answers.keep(answer, owner=LOCAL.id)
    assert golden.from_answer("hr", "handbook", kept.answer_id, right=True).accepted == 1
    (case,) = _cases(golden)
    assert (case.question, case.source) == ("How many days of annual leave?", "answer")
    assert {each.document for each in case.evidence} == {"leave.md"}
    assert any("12 days" in each.quote for each in case.evidence)


def test_right_abstention_makes_the_question_unanswerable(golden: Golden, services: Services) -> None:
    kept = services.caretaker.answers.keep(services.answer(
        services.ask("Who won the football cup?", principal=LOCAL)), owner=LOCAL.id
    )
    golden.from_answer("hr", "handbook", kept.answer_id, right=True)
    assert [(case.answerable, case.state) for case in _cases(golden)] == [(False, "accepted")]


def test_wrong_answer_waits_for_its_evidence(golden: Golden, services: Services) -> None:
    kept = services.caretaker.answers.keep(services.answer(
        services.ask("How many days of annual leave?", principal=LOCAL)), owner=LOCAL.id
    )
    golden.from_answer("hr", "handbook", kept.answer_id, right=False)
    (case,) = _cases(golden)
    assert (case.state, case.evidence) == ("draft", ())
    assert case.note.startswith("it was answered wrongly; needs the words of a document")


def test_words_of_a_document_deleted_for_good_leave_the_set(golden: Golden, services: Services) -> None:
    case = GoldenCase("a", "How many?", evidence=(DAYS,), answers=("12",))
    golden.add(golden.open("hr", "handbook"), [case])
    with services.writing() as library:
        library.delete("handbook", "leave.md")
    assert _cases(golden)[0].evidence == (DAYS,)  # it can still be restored
    services.caretaker.trash.purge("handbook", "leave.md")
    (left,) = _cases(golden)
    assert (left.question, left.state) == ("How many?", "draft")
    assert left.note == "its document was deleted for good"
    assert (left.answers, left.evidence) == ((), (GoldenEvidence("leave.md", ""),))


def test_set_goes_with_its_collection(golden: Golden, services: Services) -> None:
    golden.open("hr", "handbook")
    with services.writing() as library:
        library.delete_collection("handbook")
    assert golden.rows.sets() == []


def test_only_accepted_cases_whose_words_still_stand_are_asked(golden: Golden, services: Services) -> None:
    hotel = GoldenCase("b", "Hotels?", evidence=(GoldenEvidence("travel.md", "480 yuan"),))
    draft = GoldenCase("c", "?", state="draft", note="to be checked")
    golden.add(golden.open("hr", "handbook"), [GoldenCase("a", "?", evidence=(DAYS,)), hotel, draft])
    services.add(TRAVEL.replace("480", "500").encode(), "travel.md", "handbook")
    services.collections.set_instruction(services.collections.named("handbook").id, "Prefer rules.")
    floor = CalibratedFloor("lexical/1", 0.4, 50, 0.9, "hr", ((0.1, 0.0), (0.9, 1.0)))
    services.floors.keep(services.collections.named("handbook").id, floor)
    found = read_golden_set(services.database, services.blobs, "hr")
    assert [question.id for question in found.questions] == ["a"]
    assert found.left_out == (
        "case b: these words do not stand in 'travel.md': '480 yuan'",
        "1 drafts: nobody has accepted them yet",
    )
    assert sorted(found.ids) == ["leave.md", "travel.md"]
    assert (found.own.instruction, found.own.floors) == ("Prefer rules.", (floor,))


def test_set_of_drafts_cannot_be_asked(golden: Golden, services: Services) -> None:
    golden.add(golden.open("hr", "handbook"), [GoldenCase("a", "?", state="draft", note="x")])
    with pytest.raises(BadRequest, match=r"golden set 'hr' has no case to ask \(1 drafts"):
        read_golden_set(services.database, services.blobs, "hr")


def test_drafts_by_rule_take_headings_and_words_that_stand_there(golden: Golden, services: Services) -> None:
    found = golden.open("hr", "handbook")
    drafted = draft_cases(services, found, [], 10)
    assert {case.question for case in drafted.cases} == {
        "How many days are there?",
        "What does “Travel” say about “Hotels”?",
    }
    assert {case.state for case in drafted.cases} == {"draft"}
    golden.rows.put(found.id, drafted.cases)
    golden.accept("hr", [case.id for case in drafted.cases])  # each quote stands
    assert draft_cases(services, found, _cases(golden), 10).cases == ()


def _drafted_by(answer: str, data_dir: Path) -> Drafted:
    """What becomes of a model that writes this about every chunk."""

    def build(settings: Settings, statistics: SoftStatistics) -> Models:
        return replace(build_models(settings, statistics), generator=ScriptedGenerator(answer))

    with _handbook(data_dir, build) as services:
        return draft_cases(services, _of(services).open("hr", "handbook"), [], 10)


def test_model_drafts_only_with_words_that_stand_in_the_chunk(tmp_path: Path) -> None:
    written = "Question: How much may a hotel cost?\nQuote: “A night costs 480 yuan at most.”"
    drafted = _drafted_by(written, tmp_path / "data")
    assert [(case.question, case.evidence[0].quote, case.note) for case in drafted.cases] == [
        ("How much may a hotel cost?", "A night costs 480 yuan at most.", "written by scripted/1: check it")
    ]
    assert {why for _, why in drafted.failed} == {
        "scripted/1 quoted words that do not stand there: 'A night costs 480 yuan at most.'"
    }


def test_model_that_writes_something_else_drafts_nothing(tmp_path: Path) -> None:
    drafted = _drafted_by("I cannot help with that.", tmp_path / "data")
    assert drafted.cases == ()
    assert {why for _, why in drafted.failed} == {"scripted/1 wrote no question and quote"}
