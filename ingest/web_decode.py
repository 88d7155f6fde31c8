"""From the bytes of a web page to its characters, by what the page says about itself."""

import codecs
import re

from ingest.decode import BYTE_ORDER_MARKS, decode
from ingest.errors import IngestError

_HEAD = 4_096  # bytes; the HTML standard looks at 1,024, pages put the tag later
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_:.-]{2,40})""", re.IGNORECASE)
# What pages mean by a label is not what it names: https://encoding.spec.whatwg.org/#names-and-labels
_MEANT = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "chinese": "gb18030",
    "big5": "big5hkscs", "big5-hkscs": "big5hkscs", "x-x-big5": "big5hkscs", "shift_jis": "cp932",
    "shift-jis": "cp932", "sjis": "cp932", "x-sjis": "cp932", "euc-kr": "cp949", "ks_c_5601-1987": "cp949",
    "iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252",
    "utf-16": "utf-8", "utf-16le": "utf-8", "utf-16be": "utf-8",
}  # fmt: skip
_MOST_REPLACED = 0.001  # of the characters; with more, the encoding is another one


def decode_page(data: bytes) -> tuple[str, int]:
    """The text of a page, and how many characters could not be read and became �.

    The encoding is that of the byte order mark, else the one the page declares, else UTF-8, else GB18030.
    Raises ``IngestError`` (undecodable) where none fits.
    """
    if data.startswith(tuple(mark for mark, _ in BYTE_ORDER_MARKS)):
        return decode(data), 0
    declared = _declared(data[:_HEAD])
    if declared:
        text = _strictly(data, declared)
        if text is not None:
            return _lines(text), 0
    try:
        return decode(data), 0
    except IngestError:
        text = data.decode(declared or "utf-8", errors="replace")
        replaced = text.count("\ufffd")
        if replaced > max(1, _MOST_REPLACED * len(text)):
            raise
        return _lines(text), replaced


def _declared(head: bytes) -> str:
    """The Python name of the encoding the page declares, "" for none or an unknown one."""
    found = _CHARSET.search(head) or _XML.search(head)
    label = found[1].decode("ascii").lower() if found else ""
    try:
        return codecs.lookup(_MEANT.get(label, label)).name if label else ""
    except LookupError:
        return ""


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except (UnicodeError, LookupError, ValueError):
        return None


def _lines(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
