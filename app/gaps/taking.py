"""Whether a question that was asked is a gap, and which knowledge bases stand behind it."""

import json
from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from app.catalogue import say
from app.conversations.asking import AskedWith
from app.storage.gap_askings import UNKNOWN, Asking, Kept, Kind, Named, Scope, scope_of
from retrieval.analysis import detect_language
from retrieval.types import Language, Notice

COMPLETED, VAGUE = "follow_up_completed", "vague_question"
_MARK = "\x00"  # stands in no sentence


def asking_of(kept: Kept, named: Mapping[str, Named]) -> Asking | None:
    """The question as a gap, None where it is none; ``named``: the knowledge bases that are there, by name.

    A gap is an answer that abstains, unless it asks back because the question says too little, and any that
    somebody found bad. What failed, was stopped or cut off says nothing about documents. Of several answers
    to one question only the one the conversation goes on from abstains; feedback counts for each. A follow-up
    of a conversation is read as it was completed there.
    """
    result: dict[str, JsonValue] = json.loads(kept.result) if kept.result else {}
    kinds = _kinds(kept, result)
    if not kinds:
        return None
    language: Language = "en" if result.get("language") == "en" else "zh"
    text = _completed(result, language) if kept.source == "message" else ""
    return Asking(
        text=text or kept.question,
        language=language if result else detect_language(kept.question),
        scope=scope(kept, result, named),
        kinds=kinds,
        relevance=best_relevance(result),
    )


def best_relevance(result: Mapping[str, JsonValue]) -> float | None:
    """The best relevance among the candidates of a result (``ResultView`` as JSON); None for none."""
    listed = result.get("candidates")
    candidates = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    found = [each.get("relevance") for each in candidates]
    return max((float(each) for each in found if isinstance(each, int | float)), default=None)


def scope(kept: Kept, result: Mapping[str, JsonValue], named: Mapping[str, Named]) -> Scope:
    """Every knowledge base that a question was asked of, or that anything about it comes from.

    ``UNKNOWN`` is one of them where that cannot be told any more: a name of then means nothing where there is
    no knowledge base of that name, or only a younger one.
    """
    if kept.source == "message":
        asked = AskedWith.model_validate_json(kept.settings).collections
        if asked:
            return scope_of({*asked, *kept.sources})
        names = _split(str(result.get("collection") or ""), named)
    else:
        names = kept.named
    found = {_id(name, kept.asked_at, named) for name in names} or {UNKNOWN}
    return scope_of(found | kept.sources)


def _kinds(kept: Kept, result: Mapping[str, JsonValue]) -> tuple[Kind, ...]:
    kinds: list[Kind] = []
    counts = kept.chosen and kept.state == "complete" and result.get("outcome") == "abstained"
    if counts and VAGUE not in _codes(result):
        kinds.append("not_answered" if result.get("passages") else "nothing_found")
    if kept.disliked:
        kinds.append("thumbs_down")
    return tuple(kinds)


def _codes(result: Mapping[str, JsonValue]) -> dict[str, str]:
    """The sentences of the notices of a result, by code."""
    listed = result.get("notices")
    notices = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return {str(each["code"]): str(each["text"]) for each in notices}


def _completed(result: Mapping[str, JsonValue], language: Language) -> str:
    """The question as its conversation completed it, out of the sentence that says so; "" for none."""
    said = _codes(result).get(COMPLETED)
    if said is None:
        return ""
    before, _, after = say(Notice.of(COMPLETED, question=_MARK), language).partition(_MARK)
    fits = said.startswith(before) and said.endswith(after) and len(said) > len(before) + len(after)
    return said[len(before) : len(said) - len(after)] if fits else ""


def _split(names: str, named: Mapping[str, Named]) -> tuple[str, ...]:
    """The names that a result lists; ``UNKNOWN`` where one with a comma in it cannot be told from two."""
    if any(", " in each and each in names for each in named):
        return (UNKNOWN,)
    return tuple(names.split(", ")) if names else ()


def _id(name: str, asked_at: datetime, named: Mapping[str, Named]) -> str:
    found = named.get(name)
    return UNKNOWN if found is None or found.created_at > asked_at else found.id
