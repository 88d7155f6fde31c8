"""What an answer that was given may still show: rights may have been taken away since."""

import json
from collections.abc import Sequence, Set
from dataclasses import dataclass

from pydantic import JsonValue

from app.access.principal import Principal
from app.catalogue import say
from app.storage.messages import MessageRow, Source
from retrieval.types import Language, Notice

NOT_VISIBLE = "source_not_visible"


@dataclass(frozen=True, slots=True)
class Shown:
    """The text and the result (``ResultView`` as JSON, None for none) that may be shown, and what is said.

    ``withheld``: the text rests on documents that may not be seen any more.
    """

    text: str
    result: dict[str, JsonValue] | None
    withheld: bool
    notices: tuple[Notice, ...]


def withheld(sources: Sequence[Source], principal: Principal) -> bool:
    """Whether an answer rests on anything this principal may not see now."""
    return any(each.read and not principal.may(each.collection_id, "read") for each in sources)


def shown(row: MessageRow, sources: Sequence[Source], principal: Principal, language: Language) -> Shown:
    """A message as this principal may see it now.

    Where something it read is not visible any more, neither are its text, the passages and quotes from there;
    where something was only found, its line in the list goes. A notice ``source_not_visible`` says so, in
    place of the notices of the result, which may name documents.
    """
    result: dict[str, JsonValue] | None = json.loads(row.result) if row.result else None
    hidden = {each.document_id for each in sources if not principal.may(each.collection_id, "read")}
    if not hidden:
        return Shown(row.text, result, False, ())
    notice, hides = Notice.of(NOT_VISIBLE), withheld(sources, principal)
    if result is not None:
        lists = ("candidates", "passages", "citations") if hides else ("candidates",)
        result |= {name: _without(result[name], hidden) for name in lists}
        result |= {"collection": "", "notices": [{"code": notice.code, "text": say(notice, language)}]}
        if hides:
            result |= {"answer": "", "suggestions": [], "parts": [], "offers": []}
    return Shown("" if hides else row.text, result, hides, (notice,))


def _without(items: JsonValue, hidden: Set[str]) -> list[JsonValue]:
    """The items of a list whose chunk is of none of these documents."""
    listed = items if isinstance(items, list) else []
    return [
        each
        for each in listed
        if isinstance(each, dict) and str(each["chunk_id"]).rsplit(":", 2)[0] not in hidden
    ]
