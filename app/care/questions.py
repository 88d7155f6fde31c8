"""Ask saved questions again: a restored directory has to cite what the old one cited."""

from collections.abc import Callable
from dataclasses import dataclass

from app.access.principal import LOCAL
from app.errors import NotFound
from app.services import Services

MOST = 50  # questions that are asked again, the newest
Step = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Different:
    """A question that is answered otherwise than it was: (document, quote) pairs of then and now."""

    question: str
    then: tuple[tuple[str, str], ...]
    now: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Verified:
    """How many saved questions were asked again, which differ, how many could not be compared."""

    asked: int
    different: tuple[Different, ...]
    skipped: int


def ask_again(services: Services, step: Step = lambda *_: None) -> Verified:
    """Ask the newest saved questions and compare what is cited. The answers are not kept.

    Skipped: answers that cite nothing, whose quotes no longer stood when the backup was made, or that another
    profile of models gave, and follow-ups, whose conversation is not kept.
    """
    saved = services.caretaker.answers.page(LOCAL, limit=MOST).data
    asked, different, skipped = 0, [], 0
    for number, answer in enumerate(saved):
        step("asking again", number, len(saved))
        then = tuple((each.document, each.quote) for each in answer.citations)
        other = answer.profile != services.models.profile
        if not then or answer.stale or answer.wiped or other or _of_conversation(services, answer.id):
            skipped += 1
            continue
        try:
            request = services.ask(answer.question, collections=answer.collections, principal=LOCAL)
        except NotFound:
            skipped += 1
            continue
        asked += 1
        now = tuple((each.document, each.quote) for each in services.answer(request).answer.citations)
        if now != then:
            different.append(Different(answer.question, then, now))
    return Verified(asked, tuple(different), skipped)


def _of_conversation(services: Services, answer_id: str) -> bool:
    """Whether the question was read with those before it."""
    result = services.caretaker.answers.get(answer_id, LOCAL).result or {}
    notices = result.get("notices")
    if not isinstance(notices, list):
        return False
    return "follow_up_completed" in [each.get("code") for each in notices if isinstance(each, dict)]
