"""What of an answer would run, or call out, once it is shown as HTML."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

from markdown_it import MarkdownIt
from markdown_it.token import Token

_TAGS = frozenset(
    ("p", "br", "hr", "strong", "em", "s", "code", "pre", "blockquote", "ul", "ol", "li", "a", "h1", "h2",
     "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td")
)  # fmt: skip
_ATTRIBUTES = frozenset({"href", "align", "start", "title", "class"})
_RUNS = frozenset(
    ("script", "iframe", "object", "embed", "svg", "math", "link", "meta", "base", "form", "style",
     "template", "img", "video", "audio")
)  # fmt: skip
_ALIGNED = re.compile(r"text-align:(?:left|right|center)")
_SAFE = ("http:", "https:", "mailto:")


def active_here(markdown: str) -> list[str]:
    """What would run or load if the answer were shown with the page's rules: no HTML, pictures as text."""
    parser = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("reference")
    parser.add_render_rule("image", _as_text)
    return list(_active(parser.render(markdown), strict=True))


def active_elsewhere(markdown: str) -> list[str]:
    """What would run or load in a client that lets the HTML of Markdown through, and pictures."""
    return list(_active(MarkdownIt("commonmark").enable("table").render(markdown), strict=False))


def _as_text(_: object, tokens: list[Token], index: int, *__: object) -> str:
    return tokens[index].content.replace("&", "&amp;").replace("<", "&lt;")


def _active(html: str, *, strict: bool) -> Iterator[str]:
    """Tags and attributes that are not those of text; without ``strict`` only those that run or load."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    for tag, attributes in reader.found:
        if (strict and tag not in _TAGS) or tag in _RUNS:
            yield f"<{tag}>"
        for name, value in attributes:
            address = (value or "").strip().lower()
            if name == "style" and _ALIGNED.fullmatch(address):
                continue  # what Markdown tables are made of
            foreign = ":" in address.split("/")[0] and not address.startswith(_SAFE)
            if name in ("href", "src", "action", "formaction"):
                if foreign or (strict and name != "href"):
                    yield f"{tag}.{name}={address[:40]}"
            elif name.startswith("on") or name in ("srcdoc", "style") or (strict and name not in _ATTRIBUTES):
                yield f"{tag}.{name}"


class _Reader(HTMLParser):
    """Every start tag with its attributes."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep a tag."""
        self.found.append((tag, attrs))
