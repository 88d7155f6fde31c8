"""A question of a conversation becomes one that can be searched: by a model that writes, else by rule."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.models import Models
from generation.errors import GenerationError
from generation.rewrite import rewrite
from retrieval.analysis import detect_language, normalise
from retrieval.follow_up import complete
from retrieval.types import Exchange, Notice

MOST_EXCHANGES = 6
"""Earlier exchanges that a question may bring along."""


@dataclass(frozen=True, slots=True)
class Completed:
    """The question with what the conversation adds, "" where it adds nothing, and what the person is told."""

    text: str
    notices: tuple[Notice, ...] = ()


def completed(
    asked: str, history: Sequence[Exchange], models: Models, stopped: Callable[[], bool]
) -> Completed:
    """What a question means after these exchanges, earliest first.

    Notices: ``follow_up_completed`` (question) where it is read with more words than were typed, so that a
    wrong guess is seen; ``rewrite_failed`` (reason) where the model wrote none and the rule stands in.
    """
    if not history:
        return Completed("")
    notices: list[Notice] = []
    text = ""
    if models.rewrites:
        try:
            text = rewrite(
                asked,
                history,
                models.generator,
                language=detect_language(asked),
                nonce=secrets.token_hex(8),
                stopped=stopped,
            )
        except GenerationError as error:
            if not stopped():
                notices.append(Notice.of("rewrite_failed", reason=error))
    text = text or complete(asked, history)
    if normalise(text) == normalise(asked):
        return Completed("", tuple(notices))
    return Completed(text, (Notice.of("follow_up_completed", question=text), *notices))
