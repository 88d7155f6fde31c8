"""The card of a sales assistant: what is said to a customer never comes from what is internal."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.access.principal import LOCAL
from app.answering import Ask, Offers, Sources
from app.cards import PartBegins
from app.result import Result, result_view
from app.services import Services
from app.storage.assistants import Assistant
from app.storage.snippets import Person
from generation.errors import GenerationError
from generation.protocols import Stopped, never
from generation.types import Delta, Prompt, Sampling
from retrieval.types import Audience, Exchange, Scope
from tests.api.served import services_of
from tests.fakes.generation import ScriptedGenerator

QUESTION = "How long does the annual support contract run, and what discount does it have?"
PUBLIC = """# Support contract

## Term

The annual support contract runs for twelve months. It is renewed by a signed order of the customer.
"""
INTERNAL = """# Support contract, notes for colleagues

## Discount

The annual support contract has a floor discount of 35 percent, heron-discount. Below it ask the sales head.
"""
AUDIENCES: tuple[Audience, ...] = get_args(Audience)


@dataclass
class Speaker(ScriptedGenerator):
    """Answers each prompt with what is laid down for its voice, and keeps the prompts."""

    def __init__(self, **said: str) -> None:
        super().__init__("")
        self.said = said

    def stream(self, prompt: Prompt, sampling: Sampling, stopped: Stopped = never) -> Iterator[str]:
        """See the role; "!" fails."""
        self.prompts.append(prompt)
        text = self.said.get(prompt.voice, f"Spoken as {prompt.voice} [{prompt.passages[0].number}].")
        for piece in text.split(" "):
            if stopped():
                return
            if piece == "!":
                raise GenerationError("told to fail")
            yield f"{piece} "


def _open(folder: Path, speaker: Speaker | None = None) -> Services:
    return services_of(folder / "data", speaker)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Services, Speaker]]:
    speaker = Speaker()
    with _open(tmp_path_factory.mktemp("sales"), speaker) as services:
        services.load()
        services.add(PUBLIC.encode(), "public.md", "shop")
        services.add(INTERNAL.encode(), "notes.md", "shop")
        yield services, speaker


@pytest.fixture
def card(house: tuple[Services, Speaker]) -> Iterator[Callable[..., Ask]]:
    """Asks a new sales assistant of the shop; the audience of its documents is set anew."""
    services, speaker = house
    speaker.said, shop = {}, services.collections.named("shop")
    speaker.prompts.clear()
    services.collections.set_audience(shop.id, "internal")
    _set(services, "public.md", "customer")
    _set(services, "notes.md", None)
    made = services.caretaker.assistants.create("Seller", "sales", "", [shop.id])
    yield lambda question=QUESTION, **how: services.ask(
        question, principal=LOCAL, assistant=made.id, **how
    )
    services.caretaker.assistants.delete(made.id)


def _set(services: Services, name: str, audience: Audience | None) -> None:
    found = services.documents.find(services.collections.named("shop").id, name)
    assert found is not None
    services.audiences.set_audience(found.id, audience)


def _codes(result: Result) -> list[str]:
    return [notice.code for notice in result.notices]


def _part(result: Result, name: str) -> str:
    return next(result.answer.text[each.start : each.end] for each in result.parts if each.name == name)


def test_a_card_has_what_to_say_and_what_is_internal_each_from_its_own_passages(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    result = services.answer(card())
    assert [each.voice for each in speaker.prompts] == ["say", "internal"]
    say, internal = speaker.prompts
    assert {each.chunk.document for each in say.passages} == {"public.md"}
    assert {each.chunk.document for each in internal.passages} == {"notes.md"}
    assert "heron-discount" not in str(say.messages)
    assert "heron-discount" in str(internal.messages)
    assert (result.answer.outcome, [each.name for each in result.parts]) == ("answered", ["say", "internal"])
    assert _part(result, "say").strip() == "Spoken as say [1]."
    assert _part(result, "internal").strip() == f"Spoken as internal [{internal.passages[0].number}]."
    assert result.answer.text.startswith("### Say to the customer\n\nSpoken as say")
    assert "\n\n### Internal only\n\nSpoken as internal" in result.answer.text
    for citation in result.answer.citations:
        mark = f"[{citation.number}]"
        assert result.answer.text[citation.position :].startswith(mark)
    view = result_view(result)
    assert {each.audience for each in view.passages} == {"customer", "internal"}
    assert view.assistant is not None
    assert view.assistant.name == "Seller"


def test_the_stream_tells_where_each_part_begins_in_the_text_of_all_pieces(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, _ = house
    text, begun, order = "", [], []
    for event in services.answering.ask(card(), lambda: False):
        order.append(type(event).__name__)
        if isinstance(event, PartBegins):
            assert event.heading == len(text)
            begun.append(event)
        elif isinstance(event, Delta):
            text += event.text
        elif isinstance(event, Result):
            result = event
    assert [text[each.start :].split()[2] for each in begun] == ["say", "internal"]
    assert text[begun[0].heading : begun[0].start] == "### Say to the customer\n\n"
    assert text[begun[1].heading : begun[1].start] == "\n\n### Internal only\n\n"
    assert order.index("Sources") < order.index("PartBegins") < order.index("Delta")
    assert result.answer.text == text


def test_without_anything_for_customers_only_the_internal_part_is_written_and_the_remedy_is_said(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    _set(services, "public.md", "internal")
    result = services.answer(card())
    assert [each.voice for each in speaker.prompts] == ["internal"]
    assert [each.name for each in result.parts] == ["internal"]
    notice = next(each for each in result.notices if each.code == "nothing_for_customers")
    assert dict(notice.values) == {"count": str(len(result.answer.passages))}


def test_a_part_that_finds_no_answer_is_left_out_and_said_to_be(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    speaker.said = {"say": "The passages given do not contain the answer to this question."}
    result = services.answer(card())
    assert (result.answer.outcome, [each.name for each in result.parts]) == ("answered", ["internal"])
    assert "say_not_answered" in _codes(result)
    assert result.answer.text.startswith("### Internal only")
    speaker.said |= {"internal": speaker.said["say"]}
    result = services.answer(card())
    assert (result.answer.outcome, result.parts) == ("abstained", ())
    assert "say_not_answered" not in _codes(result)


def test_what_is_written_stays_where_the_generator_fails_at_the_second_part(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    speaker.said = {"internal": "!"}
    result = services.answer(card())
    assert (result.answer.outcome, [each.name for each in result.parts]) == ("truncated", ["say"])
    assert "generation_failed" in _codes(result)
    speaker.said = {"say": "!"}
    result = services.answer(card())
    assert (result.answer.outcome, result.parts) == ("truncated", ())
    assert "heron-discount" not in result.answer.text


def test_a_card_that_is_stopped_keeps_the_parts_that_are_written(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    seen: list[object] = []

    def stopped() -> bool:
        return any(isinstance(each, PartBegins) and each.name == "internal" for each in seen)

    seen.extend(services.answering.ask(card(), stopped))
    result = seen[-1]
    assert isinstance(result, Result)
    assert (result.answer.outcome, result.parts[0].name) == ("cancelled", "say")
    assert _part(result, "say").strip() == "Spoken as say [1]."
    assert len(speaker.prompts) == 2


def test_earlier_answers_do_not_reach_what_is_said(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    """An answer of before may hold what is internal, and a question is completed with words of it."""
    services, speaker = house
    history = (Exchange("Tell me about the support contract", "The ibis-clause allows 50 percent."),)
    services.answer(replace(card("How long does that run?"), history=history, floor=0.0))
    assert speaker.prompts
    assert "ibis-clause" not in str(speaker.prompts)


def test_search_shows_both_prompts_without_writing(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    result = services.answer(card(generate=False))
    assert (result.answer.outcome, speaker.prompts) == ("retrieved", [])
    assert result.prompt is not None
    assert [each.role for each in result.prompt.messages] == ["system", "user", "system", "user"]


def test_an_assistant_of_the_template_answer_is_a_plain_answer_under_its_instruction(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    shop = services.collections.named("shop")
    rows = services.caretaker.assistants
    made = rows.create("Plain", "answer", "Prefer numbers", [shop.id])
    asked = services.ask(QUESTION, principal=LOCAL, assistant=made.id)
    assert (asked.scope, asked.instruction) == (Scope(frozenset((shop.id,))), "Prefer numbers")
    result = services.answer(asked)
    assert ([each.voice for each in speaker.prompts], result.parts) == (["answer"], ())
    assert {each.audience for each in result.answer.passages} == {None}
    rows.delete(made.id)


def _snippet(services: Services, assistant: str, **changed: object) -> str:
    rows, now = services.caretaker.snippets, datetime.now(UTC)
    made = rows.create(
        assistant,
        questions=["Which term does a support contract have?", "Wie lange?"],
        answer="Twelve months, renewed by your signed order.",
        note="heron-note",
        owner=Person("local", "local"),
        expires_on=(now + timedelta(days=9)).date(),
    )
    rows.put(replace(made, **{"approved_at": now, **changed}))  # type: ignore[arg-type]
    return made.id


def _assistant(services: Services) -> Assistant:
    found = services.caretaker.assistants.named("Seller")
    assert found is not None
    return found


def test_an_approved_answer_that_matches_is_offered_before_anything_is_written(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, speaker = house
    made = _snippet(services, _assistant(services).id)
    events = list(services.answering.ask(card("Which term does a support contract have?"), lambda: False))
    kinds = [type(each) for each in events]
    assert kinds.index(Offers) < kinds.index(Sources)
    result = events[-1]
    assert isinstance(result, Result)
    (offer,) = result.offers
    assert (offer.snippet_id, offer.note, offer.state) == (made, "heron-note", "approved")
    assert "heron-note" not in str(speaker.prompts)
    assert result.parts[0].name == "say"  # a match hides no card
    other = services.answer(card("How much discount is there at the floor?"))
    assert other.offers == ()


def test_drafts_expired_and_deleted_ones_are_not_offered(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, _ = house
    yesterday, assistant = datetime.now(UTC) - timedelta(days=1), _assistant(services).id
    _snippet(services, assistant, approved_at=None)
    _snippet(services, assistant, expires_on=yesterday.date())
    _snippet(services, assistant, deleted_at=yesterday)
    result = services.answer(card("Which term does a support contract have?"))
    assert result.offers == ()


def test_approved_answers_are_not_offered_unjudged_and_it_is_said(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, _ = house
    _snippet(services, _assistant(services).id)
    result = services.answer(card("Which term does a support contract have?", rerank=False))
    assert result.offers == ()
    assert "snippets_not_judged" in _codes(result)


def test_approved_answers_are_offered_where_no_passage_answers(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, _ = house
    _snippet(services, _assistant(services).id)
    asked = replace(card("Which term does a support contract have?"), floor=1.0)
    result = services.answer(asked)
    assert (result.answer.outcome, result.parts, len(result.offers)) == ("abstained", (), 1)


def test_nothing_is_offered_once_a_right_was_taken_away_meanwhile(
    house: tuple[Services, Speaker], card: Callable[..., Ask]
) -> None:
    services, _ = house
    _snippet(services, _assistant(services).id)
    asked = replace(card("Which term does a support contract have?"), still=lambda: Scope(frozenset()))
    assert services.answer(asked).offers == ()


MARKS = ("内部资料", "仅供内部使用", "不得外传", "Internal only", "do not share with customers")


@settings(max_examples=15)
@given(data=st.data())
def test_no_internal_text_reaches_what_is_said_wherever_a_marking_stands_and_whatever_is_set(
    house: tuple[Services, Speaker], data: st.DataObject
) -> None:
    """Each section has a canary; where it may not be said follows from the rules, not from the program."""
    services, speaker = house
    services.collections.create("wild")
    wild = services.collections.named("wild")
    base = data.draw(st.sampled_from(AUDIENCES))
    services.collections.set_audience(wild.id, base)
    secret, every = set[str](), set[str]()
    for number in range(data.draw(st.integers(1, 3))):
        own = data.draw(st.sampled_from((None, *AUDIENCES)))
        text, canaries = _document(data, number, secret)
        every |= canaries
        services.add(text.encode(), f"{number}.md", "wild")
        row = services.documents.find(wild.id, f"{number}.md")
        assert row is not None
        services.audiences.set_audience(row.id, own)
        if (own or base) == "internal":
            secret |= canaries
    made = services.caretaker.assistants.create("Wild", "sales", "", [wild.id])
    speaker.prompts.clear()
    try:
        question = "What does the support contract say?"
        asked = services.ask(question, principal=LOCAL, assistant=made.id, top_n=50)
        services.answer(replace(asked, floor=0.0))  # so that everything there is becomes a passage
        said = "".join(str(each) for each in speaker.prompts if each.voice == "say")
        assert [canary for canary in sorted(secret) if canary in said] == []
        if not secret:
            assert [canary for canary in sorted(every) if canary not in said] == []
    finally:
        services.caretaker.assistants.delete(made.id)
        with services.writing() as library:
            library.delete_collection("wild")


def _document(data: st.DataObject, number: int, secret: set[str]) -> tuple[str, set[str]]:
    """A document of sections, and its canaries; those below a marking go to ``secret``."""
    lines, canaries = [f"# Contracts {number}", "", "About the support contract."], set[str]()
    whole = data.draw(st.sampled_from(("", "", *MARKS)))
    lines.append(whole)
    for section in range(data.draw(st.integers(1, 3))):
        mark = data.draw(st.sampled_from(("", "", *MARKS)))
        where = data.draw(st.sampled_from(("heading", "body", "below")))
        own = {f"canary-{number}-{section}-{letter}" for letter in "ab"}
        first, second = sorted(own)
        filling = "The support contract is explained in many words, so that sections grow long. " * 4
        lines += [
            f"## Support contract {section} {mark if where == 'heading' else ''}",
            "",
            f"The support contract has {first}. {filling} {mark if where == 'body' else ''}",
            "",
            f"### Details {section}",
            "",
            f"The support contract also has {second}. {filling}",
            "",
            mark if where == "below" else "",
            "",
        ]
        canaries |= own
        if whole or (mark and where != "below"):
            secret |= own
        elif mark:
            secret.add(second)
    return "\n".join(lines), canaries
