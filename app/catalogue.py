"""Sentences shown to people outside templates: notices and states, in Chinese and English."""

import json
from functools import cache
from importlib import resources

from retrieval.types import Language, Notice


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
    return sentence.format_map(_Values(notice.values))


def codes(language: Language) -> frozenset[str]:
    """Every code the catalogue has a sentence for."""
    return frozenset(_sentences(language))


def sentences(language: Language) -> dict[str, str]:
    """The sentences of notices by code, their blanks unfilled; an error brings its own, filled."""
    return {code: text for code, text in _sentences(language).items() if not code.startswith("error_")}
