"""The text of web page elements: what is shown, what is hidden, and how white space reads."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from selectolax.lexbor import LexborNode

_NOT_TEXT = frozenset((
    "head", "script", "style", "template", "noscript", "iframe", "frame", "object", "embed", "svg",
    "canvas", "audio", "video", "map", "rt", "rp", "area", "link", "meta", "title",
))  # fmt: skip
_PARTS = frozenset(("nav", "footer", "button", "select", "textarea", "datalist"))
_HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse))\b", re.IGNORECASE
)
_HAN = "\u2e80-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
_HAN_BREAK = re.compile(rf"(?<=[{_HAN}])[ \t\r\f]*\n[ \t\n\r\f]*(?=[{_HAN}])")
_GAP, _AROUND_BREAK = re.compile(r"[ \t\r\f\xa0]+"), re.compile(r" *\n *")
_SPACE = re.compile(r"[ \t\n\r\f]+")
# Elements that begin and end a line.
BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "dir",
    "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr",
    "legend", "li", "main", "menu", "ol", "p", "pre", "search", "section", "summary", "table", "tbody",
    "td", "tfoot", "th", "thead", "tr", "ul", "caption", "h1", "h2", "h3", "h4", "h5", "h6",
))  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What was left out: characters of hidden elements, and of navigation, footers and controls."""

    hidden: int = 0
    parts: int = 0


def walk(top: LexborNode, enter: Callable[[LexborNode], bool], leave: Callable[[LexborNode], None]) -> None:
    """Visit the nodes below one: ``enter`` for each, ``leave`` at the end of each element that was entered.

    Nothing below a node is visited where ``enter`` says False. No recursion: pages nest as deep as they like.
    """
    entered: list[LexborNode] = []
    node = top.first_child
    while node is not None or entered:
        if node is None:
            ended = entered.pop()
            leave(ended)
            node = ended.next
        elif enter(node) and node.is_element_node:
            entered.append(node)
            node = node.first_child
        else:
            node = node.next


def is_left_out(node: LexborNode, tally: Tally) -> bool:
    """Whether an element is no part of what a reader came for; counted where it holds text."""
    if not node.is_element_node:
        return True
    tag = node.tag or ""
    if tag in _NOT_TEXT:
        return True
    if _is_hidden(node, tag):
        tally.hidden += _length(node)
        return True
    if tag in _PARTS or (tag == "aside" and not _in_article(node)):
        tally.parts += _length(node)
        return True
    return False


def run_text(text: str) -> str:
    """A text node as it reads: white space is one space, and none where a line of Chinese was wrapped."""
    unbroken = _HAN_BREAK.sub("", text) if "\n" in text else text
    return _SPACE.sub(" ", unbroken).replace("\xa0", " ")


def collapsed(text: str) -> str:
    """A run of text with single spaces, and none at its ends and its line breaks."""
    return _AROUND_BREAK.sub("\n", _GAP.sub(" ", text)).strip()


def cell_text(node: LexborNode, tally: Tally) -> str:
    """All the text of a cell on one line."""
    parts: list[str] = []

    def enter(child: LexborNode) -> bool:
        if child.is_text_node:
            parts.append(run_text(child.text_content or ""))
            return False
        if is_left_out(child, tally):
            return False
        leave(child)
        return True

    def leave(child: LexborNode) -> None:
        if child.tag == "br" or child.tag in BLOCKS:
            parts.append(" ")

    walk(node, enter, leave)
    return " ".join("".join(parts).split())


def _is_hidden(node: LexborNode, tag: str) -> bool:
    attributes = node.attributes
    if "hidden" in attributes and (attributes["hidden"] or "").lower() != "until-found":
        return True
    if tag == "dialog" and "open" not in attributes:
        return True
    style = attributes.get("style")
    return style is not None and _HIDING.search(style) is not None


def _in_article(node: LexborNode) -> bool:
    """Whether an aside is a note in the text (inside main or article), not a side bar of the page."""
    parent = node.parent
    while parent is not None:
        if parent.tag in ("main", "article"):
            return True
        parent = parent.parent
    return False


def _length(node: LexborNode) -> int:
    """The characters of text below an element, white space aside."""
    return sum(len(part) for part in node.text(deep=True).split())
