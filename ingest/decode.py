"""From the bytes of a text file to its characters."""

from ingest.errors import IngestError

BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
# Text in another double-byte encoding also decodes as GB18030, but to characters outside GB 2312.
_LEAST_GB2312 = 0.9


def decode(data: bytes, name: str = "") -> str:
    """The text of a file: by its byte order mark, else UTF-8, else GB18030; LF line ends, no byte order mark.

    Raises ``IngestError`` (undecodable) where none of them fits exactly, or where GB18030 would fit but
    the result is not Chinese as people write it (Big5, Shift-JIS and Latin-1 bytes decode to rare
    characters). The message begins with ``name`` where one is given.
    """
    text = _decoded(data)
    if text is None or "\x00" in text:
        message = "the text is in neither UTF-8, UTF-16 nor GB18030; save it as UTF-8"
        raise IngestError("undecodable", f"{name}: {message}" if name else message)
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _decoded(data: bytes) -> str | None:
    for bom, encoding in BYTE_ORDER_MARKS:
        if data.startswith(bom):
            return _strictly(data.removeprefix(bom), encoding)
    text = _strictly(data, "utf-8")
    if text is not None:
        return text
    text = _strictly(data, "gb18030")
    return text if text is not None and _reads_as_chinese(text) else None


def _strictly(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _reads_as_chinese(text: str) -> bool:
    foreign = [character for character in text if character > "\x7f"]
    common = sum(1 for character in foreign if character.encode("gb2312", errors="ignore"))
    return common >= _LEAST_GB2312 * len(foreign)
