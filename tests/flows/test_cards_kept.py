"""A card that was cut short: what is in the log of its message is what is shown of it."""

import json
from pathlib import Path

import pytest

from app.access.principal import LOCAL
from app.cards import Offer, OfferOwner
from app.conversations.asking import AskedWith
from app.conversations.reading import Reading
from app.services import Services
from app.storage.message_events import MessageEvent
from tests.flows.conftest import Open

SAY, INTERNAL = "### Say to the customer\n\n", "\n\n### Internal only\n\n"
TEXT = f"{SAY}Yes, it does.{INTERNAL}The floor is"


@pytest.fixture
def services(open_services: Open, tmp_path: Path) -> Services:
    services = open_services(tmp_path / "data")
    services.collections.create("shop")
    return services


def _cut_short(services: Services, text: str) -> tuple[str, str]:
    """Ids of a message whose program was killed after so much text, and of its assistant."""
    shop = services.collections.named("shop")
    assistant = services.caretaker.assistants.create("Shop", "sales", "", [shop.id]).id
    chats = services.caretaker.chats
    talk = chats.conversations.create(LOCAL.id, assistant=assistant)
    asked = AskedWith(assistant=assistant, collections=(shop.id,))
    message = chats.messages.ask(talk.id, LOCAL.id, "Does it?", asked.model_dump_json())
    chats.events.queue(message.id, 0)
    offer = Offer(
        snippet_id="gone", question="Does it?", answer="Yes.", note="heron", owner=OfferOwner(id="", name=""),
        expires_on="2999-01-01", relevance=0.9,
    )  # fmt: skip
    starts = [("say", 0, len(SAY)), ("internal", TEXT.index(INTERNAL), TEXT.index("The floor"))]
    told: list[tuple[str, object]] = [("offers", {"offers": [offer.model_dump(mode="json")]})]
    told += [("part", {"name": name, "heading": at, "start": start}) for name, at, start in starts]
    told.append(("delta", {"text": text}))
    events = [MessageEvent(i, name, json.dumps(data)) for i, (name, data) in enumerate(told, start=2)]
    chats.events.append(message.id, events, text)
    chats.events.interrupt([message.id])
    return message.id, assistant


def test_parts_are_shown_as_far_as_they_were_written(services: Services) -> None:
    message, _ = _cut_short(services, TEXT)
    view = Reading(services, LOCAL, "en").message(message)
    assert (view.state, view.result) == ("interrupted", None)
    assert [view.text[each.start : each.end] for each in view.parts] == ["Yes, it does.", "The floor is"]
    assert view.assistant is not None
    assert view.assistant.name == "Shop"


def test_a_part_of_which_nothing_was_written_is_not_shown(services: Services) -> None:
    message, _ = _cut_short(services, f"{SAY}Yes, it")
    view = Reading(services, LOCAL, "en").message(message)
    assert [view.text[each.start : each.end] for each in view.parts] == ["Yes, it"]


def test_the_words_of_a_snippet_that_was_deleted_for_good_are_not_shown_any_more(services: Services) -> None:
    message, _ = _cut_short(services, TEXT)
    (offer,) = Reading(services, LOCAL, "en").message(message).offers
    assert (offer.state, offer.answer, offer.note, offer.question) == ("deleted", "", "", "")
    assert "heron" not in str(Reading(services, LOCAL, "en").events(message, 0))


def test_what_was_offered_is_not_told_again_without_the_assistant(services: Services) -> None:
    message, assistant = _cut_short(services, TEXT)
    reading = Reading(services, LOCAL, "en")
    assert "offers" in [each.name for each in reading.events(message, 0)]
    services.caretaker.assistants.delete(assistant)
    assert "heron" not in str(reading.events(message, 0))
    view = reading.message(message)
    assert (view.assistant, view.offers, view.text) == (None, (), TEXT)
