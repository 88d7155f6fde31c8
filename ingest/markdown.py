"""Markdown → blocks with exact offsets; the text is the decoded file without invisible characters."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, groupby

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ingest.clean import clean
from ingest.decode import decode
from ingest.headings import clip
from ingest.readers import Limits, Tell, check_length
from ingest.types import Block, BlockKind
from ingest.wire import Parsed
from retrieval.types import Notice

SAMPLE = b"# Title\n\nSome *text* with `code`.\n\n- item\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "paragraph_open": "paragraph",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "table_open": "table",
    "fence": "code",
    "code_block": "code",
    "blockquote_open": "quote",
    "html_block": "paragraph",
}
_FRONT_MATTER = re.compile(r"---[ \t]*\n((?:(?!---|\.\.\.).*\n)*)(?:---|\.\.\.)[ \t]*(?:\n|$)")
_KEY = re.compile(r"^[A-Za-z_][\w-]*[ \t]*:", re.MULTILINE)
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)
_OPENING = re.compile(r"(?P<code>`+)|<!--|<(?P<tag>script|style)\b", re.IGNORECASE)
_CODE_SPAN = 1_000  # characters; a longer span of inline code is not looked for
_MARKUP = re.compile(r"[`*_\[\]<>!&\\]")
# What CommonMark leaves of **注意：**说明, because it takes spaces between words for granted.
_WORD = "[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_STRONG = re.compile(
    rf"(?<={_WORD})\*\*(?=\S)([^*]+)(?<=\S)\*\*|\*\*(?=\S)([^*]+)(?<=\S)\*\*(?={_WORD})"
)
_SHOWN = frozenset(("text", "code_inline", "image", "text_special", "softbreak", "hardbreak"))
_ANCHOR = re.compile(r"\s*\{#[^}]*\}\s*$")
_MAX_REPAIRS = 5  # each parses the rest of the file again
_MAX_TITLE_SOURCE = 1_000  # characters of a heading that are looked at for its title

_BLOCKS = MarkdownIt("commonmark").enable("table")
_BLOCKS.core.ruler.enableOnly(["normalize", "block"])
_INLINE = MarkdownIt("commonmark")


def read(data: bytes, limits: Limits, password: str, progress: Tell) -> Parsed:
    """The document (CommonMark with tables); title from the front matter, else the first level-1 heading.

    Front matter, HTML comments, scripts and styles are no blocks. A code fence or comment that is never
    closed is read as text from its first line on, with a notice. There are no passwords and no units of
    progress. Raises ``IngestError`` (undecodable, too_much_text).
    """
    text, removed = clean(decode(data))
    check_length(text, limits)
    front = _front_matter(text)
    blocks, notices = _Reader(text).read(front.end() if front else 0)
    if removed:
        notices.append(Notice.of("invisible_characters_removed", count=removed))
    named = _TITLE.search(front[1]) if front else None
    first = next((block.title for block in blocks if block.level == 1 and block.title), "")
    title = (named[1].strip().strip("\"'") if named else "") or first
    return Parsed(clip(title), text, tuple(blocks), notices=tuple(notices))


def _front_matter(text: str) -> re.Match[str] | None:
    match = _FRONT_MATTER.match(text)
    return match if match and _KEY.search(match[1]) else None


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        lines = text.split("\n")
        self._starts = [0, *accumulate(len(line) + 1 for line in lines)]
        self._starts[-1] = len(text)
        self._last = len(text.rstrip())

    def read(self, start: int) -> tuple[list[Block], list[Notice]]:
        """The blocks from an offset (the start of a line) to the end, and what had to be repaired."""
        found: list[Block] = []
        skipped: list[tuple[int, int]] = []
        notices: list[Notice] = []
        line, more = bisect_right(self._starts, start) - 1, start < len(self._text)
        while more:
            more = False
            for token, title in _top_level(_BLOCKS.parse(self._text[self._starts[line] :])):
                first, last = (line + number for number in token.map or (0, 0))
                broken = self._never_closed(token, first, last) if len(notices) < _MAX_REPAIRS else None
                if broken:
                    notices.append(Notice.of(broken, line=first + 1))
                    line, more = first + 1, first + 1 < len(self._starts) - 1
                    break
                self._add(token, title, (self._starts[first], self._starts[last]), found, skipped)
        found.extend(self._uncovered(start, [(block.start, block.end) for block in found] + skipped))
        return sorted(found, key=lambda block: block.start), notices

    def _add(
        self,
        token: Token,
        title: str,
        span: tuple[int, int],
        found: list[Block],
        skipped: list[tuple[int, int]],
    ) -> None:
        kind = _KINDS.get(token.type)
        if kind is None:
            return
        start, end = span
        level = int(token.tag[1]) if kind == "heading" else 0
        pieces = [(start, end)] if kind in ("code", "heading") else list(self._content(start, end, skipped))
        for left, right in pieces:
            left, right = self._trim(left, right, keep_indent=kind == "code")
            if left < right:
                found.append(Block(kind, left, right, level=level, title=title))

    def _content(self, start: int, end: int, skipped: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """The parts of a block between its comments; the comments are noted as skipped."""
        here = start
        for left, right in _not_content(self._text, start, end):
            yield here, left
            skipped.append((left, right))
            here = right
        yield here, end

    def _trim(self, start: int, end: int, *, keep_indent: bool) -> tuple[int, int]:
        piece = self._text[start:end]
        end = start + len(piece.rstrip())
        start += len(piece) - len(piece.lstrip("\n" if keep_indent else None))
        return start, end

    def _never_closed(self, token: Token, first: int, last: int) -> str | None:
        """The notice code for a fence or comment that swallows the rest of the file."""
        if self._starts[last] < self._last:
            return None
        if token.type == "fence":
            end = self._text[self._starts[first] : self._starts[last]].rstrip().rpartition("\n")[2].strip()
            closed = end.startswith(token.markup) and not end.strip(token.markup[0])
            return None if closed and end and last - first > 1 else "unclosed_code_fence"
        if token.type == "html_block" and "-->" not in token.content and "<!--" in token.content:
            return "unclosed_html_comment"
        return None

    def _uncovered(self, start: int, spans: Sequence[tuple[int, int]]) -> Iterator[Block]:
        """What Markdown does not show as a block but a reader of the file sees: rules, link definitions."""
        here = start
        for left, right in [*sorted(spans), (len(self._text), len(self._text))]:
            if here < left:
                trimmed = self._trim(here, left, keep_indent=False)
                if trimmed[0] < trimmed[1]:
                    yield Block("paragraph", *trimmed)
            here = max(here, right)


def _not_content(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The closed comments, scripts and styles in a block, except where they are quoted as inline code."""
    missing: set[str] = set()
    here = start
    while match := _OPENING.search(text, here, end):
        here = match.end()
        if match["code"]:
            fence = re.compile(rf"(?<!`){match['code']}(?!`)") if len(match["code"]) <= 4 else None
            closing = fence.search(text, here, min(end, here + _CODE_SPAN)) if fence else None
            here = closing.end() if closing else here
            continue
        close = f"</{match['tag'].lower()}>" if match["tag"] else "-->"
        at = -1 if close in missing else text.find(close, here, end)
        if at < 0:
            missing.add(close)
            continue
        here = at + len(close)
        yield match.start(), here


def _top_level(tokens: Sequence[Token]) -> Iterator[tuple[Token, str]]:
    """The outermost blocks, each with its title where it is a heading."""
    for index, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0 and token.map:
            title = _plain(tokens[index + 1].content) if token.type == "heading_open" else ""
            yield token, title


def _plain(source: str) -> str:
    """A heading's text without markup: links and images by their words, no HTML, no {#anchor}."""
    if not _MARKUP.search(source):
        return clip(_ANCHOR.sub("", source))
    inline = _INLINE.parseInline(source[:_MAX_TITLE_SOURCE])[0]
    parts: list[str] = []
    shown = (token for token in inline.children or () if token.type in _SHOWN)
    for kind, tokens in groupby(shown, key=lambda token: token.type):
        said = " " if kind in ("softbreak", "hardbreak") else "".join(token.content for token in tokens)
        parts.append(_STRONG.sub(r"\1\2", said) if kind == "text" else said)
    visible, _ = clean("".join(parts))  # without the markup between them, joiners may shape nothing
    return clip(_ANCHOR.sub("", visible).strip())
