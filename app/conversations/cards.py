"""The card of a message as it is read now: its assistant, its parts, and the approved answers with it."""

import json
from dataclasses import dataclass

from pydantic import JsonValue

from app.access.principal import Principal
from app.cards import AssistantName, Offer, Part, PartBegins
from app.conversations.shown import Shown
from app.offered import Offered
from app.storage.message_events import MessageEvents
from app.storage.messages import MessageRow

OFFERS, PART = "offers", "part"  # names of events


@dataclass(frozen=True, slots=True)
class Card:
    """``parts`` are places in the text of the message."""

    assistant: AssistantName | None = None
    parts: tuple[Part, ...] = ()
    offers: tuple[Offer, ...] = ()


def card_of(
    row: MessageRow,
    assistant_id: str,
    now: Shown,
    *,
    offered: Offered,
    events: MessageEvents,
    principal: Principal,
) -> Card:
    """From the result where the text is its answer, else from the log: as far as it was written.

    Without a text that may be shown there is no part, without an assistant that is his to ask no offer.
    """
    if not assistant_id:
        return Card()
    assistant = offered.assistant(assistant_id, principal)
    if now.withheld or row.wiped:
        return Card(assistant)
    result = now.result
    if result is not None and result.get("answer") == now.text:
        parts = tuple(Part.model_validate(each) for each in _list(result, "parts"))
        found = tuple(Offer.model_validate(each) for each in _list(result, "offers"))
    else:
        told = events.named(row.id, (OFFERS, PART))
        begun = [PartBegins.model_validate_json(data) for name, data in told if name == PART]
        parts = _parts(begun, now.text)
        found = tuple(each for name, data in told if name == OFFERS for each in _offers(data))
    return Card(assistant, parts, offered.now(found) if assistant is not None else ())


def offered_now(data: str, offered: Offered) -> str:
    """The data of an event ``offers`` with the offers as they are now."""
    listed = [each.model_dump(mode="json") for each in offered.now(_offers(data))]
    return json.dumps({"offers": listed}, ensure_ascii=False)


def _offers(data: str) -> tuple[Offer, ...]:
    return tuple(Offer.model_validate(each) for each in json.loads(data)["offers"])


def _parts(begun: list[PartBegins], text: str) -> tuple[Part, ...]:
    """The places of parts of which something is written."""
    ends = [each.heading for each in begun[1:]] + [len(text)]
    return tuple(
        Part(name=each.name, start=each.start, end=min(end, len(text)))
        for each, end in zip(begun, ends, strict=True)
        if each.start < len(text)
    )


def _list(result: dict[str, JsonValue], name: str) -> list[JsonValue]:
    found = result.get(name)
    return found if isinstance(found, list) else []
