"""Sentences shown to people outside templates: notices and states, in Chinese and English."""

import json
import re
from functools import cache
from importlib import resources

from retrieval.types import Language, Notice

TOLD = frozenset({"detail", "reason"})  # values that are messages of errors


@cache
def _sentences(language: Language) -> dict[str, str]:
    text = resources.files("app").joinpath("i18n", f"notices.{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    return loaded


class _Values(dict[str, str]):
    """Values by name; one that is missing stays as the blank that it was to fill."""

    def __missing__(self, name: str) -> str:
        return f"{{{name}}}"


def say(notice: Notice, language: Language) -> str:
    """The notice as a sentence; a code it lacks (a test finds those) is shown with its bare values.

    A value that the sentence needs and the notice lacks leaves its blank: a parser that was taken over may
    send any notice.
    """
    sentence = _sentences(language).get(notice.code)
    if sentence is None:
        return f"{notice.code}: " + ", ".join(f"{name} {value}" for name, value in notice.values)
    values = {
        name: in_language(value, language) if name in TOLD else value for name, value in notice.values
    }
    return sentence.format_map(_Values(values))


def codes(language: Language) -> frozenset[str]:
    """Every code the catalogue has a sentence for."""
    return frozenset(_sentences(language))


def sentences(language: Language) -> dict[str, str]:
    """The sentences of notices by code, their blanks unfilled; an error brings its own, filled."""
    return {code: text for code, text in _sentences(language).items() if not code.startswith("error_")}


_BLANK = "{}"


def in_language(message: str, language: Language) -> str:
    """An error's own message in a language; English, the language of messages, where no sentence is known.

    ``i18n/errors.zh.json`` has the sentences by the message as it is written in the code, ``{}`` for each
    value that is put in; the sentence's ``{0}`` is the first of them. Of several that fit, the one with most
    words of its own counts. Values are looked up likewise: one may be a message or a word of ours.
    """
    if language == "en":
        return message
    for parts, pattern, sentence in _known_messages(language):
        if all(part in message for part in parts) and (found := pattern.fullmatch(message)):
            return sentence.format(*(in_language(value, language) for value in found.groups()))
    return message


def messages(language: Language) -> frozenset[str]:
    """Every message, its blanks unfilled, that the catalogue has a sentence for."""
    text = resources.files("app").joinpath("i18n", f"errors.{language}.json").read_text(encoding="utf-8")
    return frozenset(json.loads(text))


@cache
def _known_messages(language: Language) -> tuple[tuple[tuple[str, ...], re.Pattern[str], str], ...]:
    text = resources.files("app").joinpath("i18n", f"errors.{language}.json").read_text(encoding="utf-8")
    loaded: dict[str, str] = json.loads(text)
    most_first = sorted(loaded.items(), key=lambda each: (-len(each[0].replace(_BLANK, "")), each[0]))
    return tuple(
        (
            tuple(filter(None, template.split(_BLANK))),
            re.compile("(.*?)".join(map(re.escape, template.split(_BLANK))), re.DOTALL),
            sentence,
        )
        for template, sentence in most_first
    )
