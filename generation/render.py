"""The sentences models and people read: Jinja2 files in ``templates/``, one per language."""

from functools import cache
from pathlib import Path

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from retrieval.types import Language

TEMPLATES = Path(__file__).parent / "templates"


def render(name: str, language: Language, **values: object) -> str:
    """The template ``<name>.<language>.j2`` with its blanks filled, without white space at either end.

    Values are inserted as they are and never read as templates, so documents and questions cannot reach the
    template language. Raises ``jinja2.UndefinedError`` when a blank has no value.
    """
    return _environment().get_template(f"{name}.{language}.j2").render(**values).strip()


def one_line(text: str) -> str:
    """The text on one line: titles, headings and names may not add lines to a template."""
    return " ".join(text.split())


@cache
def _environment() -> ImmutableSandboxedEnvironment:
    return ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # prompts and answers are plain text; the pages escape what they show
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
