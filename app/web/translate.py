"""Sentences of the pages, in Chinese and English."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from app.language import LANGUAGES
from retrieval.types import Language

CATALOGUES = Path(__file__).parents[1] / "i18n"


class Translations:
    """The sentences of every language by dotted key, such as ``chat.composer.send``."""

    def __init__(self, catalogues: Mapping[Language, Mapping[str, str]]) -> None:
        self._catalogues = catalogues

    @classmethod
    def load(cls, folder: Path = CATALOGUES) -> "Translations":
        """Read ``zh.json`` and ``en.json``: nested objects whose leaves are sentences."""
        return cls({
            language: dict(_leaves(json.loads((folder / f"{language}.json").read_text(encoding="utf-8"))))
            for language in LANGUAGES
        })

    def keys(self, language: Language) -> frozenset[str]:
        """Every key of one language."""
        return frozenset(self._catalogues[language])

    def text(self, language: Language, key: str, **values: object) -> str:
        """The sentence with its ``{blanks}`` filled.

        With ``count=1`` the key's ``_one`` form is used where there is one. Raises ``KeyError`` for an
        unknown key or a blank without a value: a page never shows a key or an empty blank.
        """
        catalogue = self._catalogues[language]
        one = f"{key}_one"
        sentence = catalogue[one if values.get("count") == 1 and one in catalogue else key]
        return sentence.format(**values)

    def below(self, language: Language, prefix: str) -> dict[str, str]:
        """The sentences whose key starts with ``prefix.``, by the rest of their key, for the script."""
        start = f"{prefix}."
        return {key.removeprefix(start): sentence for key, sentence in self._catalogues[language].items()
                if key.startswith(start)}


def _leaves(node: Mapping[str, object], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{path}{name}.")
        elif isinstance(value, str):
            yield f"{path}{name}", value
        else:
            kind = type(value).__name__
            raise TypeError(f"{path}{name} holds a {kind}: only sentences and objects may stand there")
