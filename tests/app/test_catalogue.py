"""Every notice the source can raise has a sentence in both languages, with the same blanks."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from app.catalogue import codes, say
from retrieval.types import Language, Notice

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("app", "ingest", "retrieval", "rerank", "generation")


def _literal_codes() -> set[str]:
    """Codes given to ``Notice.of`` or ``Notice`` as literals."""
    found = set()
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and ast.unparse(node.func) in ("Notice.of", "Notice")
                    and node.args
                    and isinstance(node.args[0], ast.Constant)
                ):
                    found.add(str(node.args[0].value))
    return found


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_notice_has_a_sentence(language: Language) -> None:
    assert _literal_codes() - codes(language) == set()


def test_both_languages_have_the_same_sentences() -> None:
    assert codes("zh") == codes("en")


@pytest.mark.parametrize("code", sorted(codes("en")))
def test_both_languages_have_the_same_blanks(code: str) -> None:
    blanks = {}
    for language in ("zh", "en"):
        text = (ROOT / "app" / "i18n" / f"notices.{language}.json").read_text(encoding="utf-8")
        sentence = re.search(rf'"{code}": "(.*)"', text)
        assert sentence is not None
        blanks[language] = {name for _, name, _, _ in Formatter().parse(sentence[1]) if name}
    assert blanks["zh"] == blanks["en"]


def test_unknown_notice_is_shown_with_its_values() -> None:
    assert say(Notice.of("something_new", count=3), "en") == "something_new: count 3"


def test_notice_that_lacks_a_value_shows_the_name_of_the_blank() -> None:
    shown = say(Notice.of("index_rebuilt", collection="handbook"), "en")
    assert shown == (
        "The vector index of “handbook” differed from the database and was filled again ({chunks} chunks)."
    )


def test_value_that_looks_like_a_blank_is_shown_as_it_is() -> None:
    shown = say(Notice.of("index_rebuilt", collection="{chunks.__class__}", chunks="{0}"), "en")
    assert "“{chunks.__class__}”" in shown
    assert "({0} chunks)" in shown
