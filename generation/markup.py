"""Markdown as it stands in documents becomes text fit for an answer."""

import re

from generation.marks import escape_marks

_HTML_TAGS = (
    "a|abbr|b|big|blockquote|br|center|code|col|dd|del|details|div|dl|dt|em|figcaption|figure|font|h[1-6]|hr|i|"
    "iframe|img|ins|kbd|li|ol|p|picture|pre|q|s|section|small|source|span|strike|strong|sub|summary|sup|table|"
    "tbody|td|tfoot|th|thead|tr|u|ul|video"
)
_TARGET = r"\((?:[^()\s]|\([^()\s]*\))*(?:\s{1,100}\"[^\"]{0,1000}\")?\)"  # of a link: address, title
# Documents may hold anything: what is looked for is bounded, and runs are read once (possessively, from their
# first character), so that no text takes time by the square of its length.
_REMOVED = re.compile(
    rf"</?(?:{_HTML_TAGS})(?:\s[^<>]*)?/?>"  # HTML that Markdown allows; <version> is text
    rf"|!\[[^\]]{{0,1000}}\](?:{_TARGET}|\[[^\]]{{0,1000}}\])"  # images
    r"|^[ \t]*\[[^\]\n]+\]:[ \t]+\S+.*$"  # link definitions, also used as comments
    r"|\[\^[^\]\s]{1,100}\]"  # footnote marks
    "|[\u200b\u2060\ufeff]",
    re.M | re.S | re.I,
)
_LINK = re.compile(rf"\[((?:[^\[\]]|\[[^\[\]]*\])*)\]{_TARGET}")
_AUTOLINK = re.compile(r"<((?:https?|mailto):[^<>\s]+)>")
_STRONG = re.compile(r"(\*\*|__)(?=\S)")
_STRONG_ENDS = {"**": re.compile(r"(?<=\S)\*\*"), "__": re.compile(r"(?<=\S)__")}
_EMPHASIS = re.compile(
    r"(?<![\w*\\])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*\\])\*(?![\w*])"
    r"|(?<![\w_\\])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"
)
_ESCAPE = re.compile(r"\\([\\`*_{}\[\]()#+\-.!|$<>~&])")
_LINE_START = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.M)
_HEADING = re.compile(r"^\s{0,3}#{1,6}\s+|(?<!\s)\s++#++\s*$", re.M)
_CODE = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)
_BROKEN_LINE = re.compile(r"(?:(?<! ) ++)?\t *")  # see spans.unwrapped
_CHINESE_GAP = re.compile("(?<=[。！？；：，、]) (?=[\u3400-\u9fff])")  # left by **标签。** 文字
_DENSE = re.compile("[\u3000-\u303f\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef]")


def plain(text: str) -> str:
    """The words of a piece of Markdown on one line, inline code kept as code.

    Images, HTML tags, comments, heading and quote marks are dropped; links and emphasis leave their text.
    Lines are joined by a space, broken lines of a PDF without one where Chinese meets Chinese. Brackets
    that a reader would take for a citation are escaped for Markdown.
    """
    text = _HEADING.sub("", _LINE_START.sub("", text))
    pieces: list[str] = []
    position = 0
    for match in _CODE.finditer(text):
        pieces += [_words(text[position : match.start()]), match[0]]
        position = match.end()
    pieces.append(_words(text[position:]))
    return escape_marks(_joined("".join(pieces)).strip())


def cells(row: str) -> list[str]:
    """The cells of a Markdown table row as words, escaped bars as bars."""
    inner = _LINE_START.sub("", row).strip().removeprefix("|")
    inner = inner[:-1] if inner.endswith("|") and not inner.endswith("\\|") else inner
    return [plain(cell.replace("\\|", "|")) for cell in re.split(r"(?<!\\)\|", inner)]


def _words(text: str) -> str:
    text = _REMOVED.sub("", _without_comments(text))
    text = _AUTOLINK.sub(r"\1", _LINK.sub(r"\1", text))
    text = _without_strong(_without_strong(text))
    text = _EMPHASIS.sub(lambda match: match[1] or match[2], text)
    return _ESCAPE.sub(r"\1", text)


def _without_comments(text: str) -> str:
    pieces, position = [], 0
    while (opening := text.find("<!--", position)) >= 0 and (closing := text.find("-->", opening + 4)) >= 0:
        pieces.append(text[position:opening])
        position = closing + 3
    return "".join([*pieces, text[position:]])


def _without_strong(text: str) -> str:
    """Each ``**`` or ``__`` before a word goes, with the next one behind a word."""
    pieces, done, position = [], 0, 0
    ends = dict(_STRONG_ENDS)  # of the marks that still close somewhere: what never closes is looked for once
    while ends and (opening := _STRONG.search(text, position)):
        end = ends.get(opening[1])
        closing = end.search(text, opening.end() + 1) if end else None
        if closing is None:
            ends.pop(opening[1], None)
            position = opening.start() + 1
            continue
        pieces += [text[done : opening.start()], text[opening.end() : closing.start()]]
        done = position = closing.end()
    return "".join([*pieces, text[done:]])


def _joined(text: str) -> str:
    def seam(match: re.Match[str]) -> str:
        before, after = text[max(match.start() - 1, 0) : match.start()], text[match.end() : match.end() + 1]
        return "" if _DENSE.match(before) and _DENSE.match(after) else " "

    return _CHINESE_GAP.sub("", re.sub(r"\s+", " ", _BROKEN_LINE.sub(seam, text)))
