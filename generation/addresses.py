"""Addresses in a text, whole: what a reader could be led to open."""

import re

# What ends an address in Chinese and Markdown text; the page's own expression (markdown.js) is the same.
_WEB = re.compile(r"https?://[^\s<>\"'`()\[\]{}|\\^\u3000-\u303f\uff00-\uffef\u2018-\u201d]+", re.I)
_OTHER = re.compile(r"(?<!\w)(?:javascript|vbscript|data|file|ftp|blob):[^\s)>\"'`]+", re.I)
_TRAILING = ".,;:!?"


def addresses(text: str) -> frozenset[str]:
    """Every address, without the punctuation behind it. A prefix of one is another one."""
    found = (*_WEB.findall(text), *_OTHER.findall(text))
    return frozenset(each.rstrip(_TRAILING) for each in found)
