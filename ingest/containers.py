"""Which Office document a ZIP or OLE2 container holds, told from its directory alone.

For the parent process: nothing is unpacked and no library is asked, a few bytes of the directory are read.
"""

import struct
from collections.abc import Iterator

from ingest.errors import IngestError
from ingest.types import MediaType

ZIP, OLE2 = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
WORD: MediaType = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SLIDES: MediaType = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
SHEETS: MediaType = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_END, _ENTRY = b"PK\x05\x06", b"PK\x01\x02"  # end of the directory, one entry of it (APPNOTE 4.3.12, 4.3.16)
_MAX_NAMES = 20_000
_FOLDERS = (("word/", WORD), ("ppt/", SLIDES), ("xl/", SHEETS))
_NOT_OFFICE = (
    ("xl/workbook.bin", "a binary Excel workbook (.xlsb); save it as .xlsx"),
    ("META-INF/manifest.xml", "an OpenDocument file; save it as .docx, .pptx or .xlsx"),
    ("META-INF/container.xml", "an e-book (EPUB); convert it to PDF or .docx"),
    ("Index/Document.iwa", "an Apple iWork file; export it as PDF or to Microsoft Office"),
)
# Streams of the old formats ([MS-DOC] 2.1, [MS-XLS] 2.1, [MS-PPT] 2.1), as their directory spells them.
_OLD = (
    ("PowerPoint Document", "an old PowerPoint file (.ppt); save it as .pptx"),
    ("WordDocument", "an old Word file (.doc); save it as .docx"),
    ("Workbook", "an old Excel file (.xls); save it as .xlsx"),
    ("Book", "an old Excel file (.xls); save it as .xlsx"),
)
_ENCRYPTED = "EncryptedPackage"  # [MS-OFFCRYPTO] 2.3.4.4
_ENCRYPTION = "EncryptionInfo"  # 2.3.4.5; only where a password opens the package


def office_type(data: bytes, expected: MediaType | None = None) -> MediaType:
    """The media type of the Office document in a container.

    One that is locked with a password does not tell, and is taken for what is ``expected`` by its name.
    Raises ``IngestError`` with a message that goes on after the file's name: encrypted for one that is locked
    by rights management, or may be anything; unsupported_type, with the way out, for the old binary formats
    and every other container; damaged.
    """
    if data.startswith(OLE2):
        return _locked_type(data, expected)
    names = set(_names(data))
    if not names:
        raise IngestError(
            "damaged", "its ZIP container is damaged or cut off; get the file again, or save it anew"
        )
    for part, what in _NOT_OFFICE:
        if part in names:
            raise IngestError("unsupported_type", f"this is {what}")
    if "[Content_Types].xml" in names:
        for folder, media_type in _FOLDERS:
            if any(part.startswith(folder) for part in names):
                return media_type
    raise IngestError(
        "unsupported_type",
        "this is a ZIP archive, not a Word, PowerPoint or Excel file; upload what it holds",
    )


def _locked_type(data: bytes, expected: MediaType | None) -> MediaType:
    def holds(stream: str) -> bool:
        return f"{stream}\0".encode("utf-16-le") in data

    if not holds(_ENCRYPTED):
        old = (what for stream, what in _OLD if holds(stream))
        what = next(old, "an old binary Office file; save it anew")
        raise IngestError("unsupported_type", f"this is {what}, or print it to PDF")
    if not holds(_ENCRYPTION):
        raise IngestError(
            "encrypted",
            "this Office file is locked by rights management; open it, save a copy without, and upload that",
        )
    if expected not in (WORD, SLIDES, SHEETS):
        raise IngestError(
            "encrypted",
            "this is an Office file locked with a password; name it .docx, .pptx or .xlsx, whichever it is, "
            "or save a copy without a password",
        )
    return expected


def _names(data: bytes) -> Iterator[str]:
    """The names in the directory of a ZIP, none where it has none."""
    end = data.rfind(_END)
    if end < 0 or end + 22 > len(data):
        return
    size, at = struct.unpack_from("<II", data, end + 12)
    # With bytes in front of the archive, or a directory over 4 GB, the place it claims is not where it is.
    at = at if data.startswith(_ENTRY, at) else max(end - size, 0)
    for _ in range(_MAX_NAMES):
        if not data.startswith(_ENTRY, at) or at + 46 > len(data):
            return
        flags = struct.unpack_from("<H", data, at + 8)[0]
        length, extra, comment = struct.unpack_from("<HHH", data, at + 28)
        raw = data[at + 46 : at + 46 + length]
        yield raw.decode("utf-8" if flags & 0x800 else "cp437", errors="replace").replace("\\", "/")
        at += 46 + length + extra + comment
